import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.window

NO_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><cachedir>{cache}</cachedir></fontconfig>"""

PROBE = """
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import QApplication
from labctl.gui import theme

application = QApplication([])
theme.apply(application)
metrics = QFontMetrics(application.font())
print(application.font().family(), all(metrics.inFont(letter) for letter in "Aaµσ×"))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fontconfig is Linux only")
def test_text_is_legible_on_a_machine_without_fonts(tmp_path):
    configuration = tmp_path / "fonts.conf"
    configuration.write_text(NO_FONTS.format(cache=tmp_path / "cache"))
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        env=os.environ | {"FONTCONFIG_FILE": str(configuration), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "DejaVu Sans True"
