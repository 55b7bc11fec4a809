import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from labctl.analysis import style
from labctl.analysis.figures import chip_map_figure


def test_making_a_figure_leaves_the_settings_of_the_caller_alone():
    with mpl.rc_context({"font.size": 21.0}):
        before = dict(mpl.rcParams)
        style.to_svg(chip_map_figure(np.full((2, 2), 1e-6)))
        assert dict(mpl.rcParams) == before


def test_the_same_data_give_the_same_svg_and_text_needs_no_font():
    first, second = (style.to_svg(chip_map_figure(np.full((2, 2), 1e-6))) for _ in range(2))
    assert first == second
    assert "<text" not in first
    assert "font-family" not in first


@pytest.mark.parametrize(
    ("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_a_figure_is_saved_as_the_ending_says_and_folders_are_made(tmp_path, ending, magic):
    path = style.save(chip_map_figure(np.full((2, 2), 1e-6)), tmp_path / "new" / f"map.{ending}")
    assert path.read_bytes().startswith(magic)


def test_statistics_come_without_matplotlib_and_figures_without_pyplot_or_qt():
    script = (
        "import sys, labctl.analysis\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import labctl.analysis.report, labctl.analysis.plot\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert not any(name.startswith('PyQt') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
