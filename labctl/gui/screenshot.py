"""A picture of the window after a real run: ``python -m labctl.gui.screenshot OUT.png BENCH``."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labctl.errors import EngineError, LabctlError
from labctl.gui import system


def grab(
    path: str | Path,
    bench_path: str | Path,
    data_root: str | Path = "data",
    *,
    runs: tuple[tuple[str, dict[str, Any]], ...] = (("form", {}), ("read_map", {})),
    select: str = "",
    tab: str = "",
    timeout: float = 300.0,
) -> Path:
    """Run procedures in the engine of a bench and save what the window shows at the end.

    Parameters
    ----------
    path
        The picture; its ending names the format.
    bench_path, data_root
        The bench file, and where the runs are stored.
    runs
        Procedures to run one after the other, each with the parameters that are not defaults.
    select
        Cells to show as selected.
    tab
        Title of the tab to show beside the map; empty leaves the one that came to the front.
    timeout
        s (real time) that one run may take.

    Returns
    -------
    Path
        The picture.

    Raises
    ------
    EngineError
        Where the engine does not start, a run does not finish, or one fails.
    """
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    system.check()
    from PyQt6.QtWidgets import QApplication

    from labctl.gui import theme
    from labctl.gui.engine_link import EngineLink
    from labctl.gui.engine_view import EndedRun
    from labctl.gui.main_window import MainWindow

    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    theme.apply(application)
    link = EngineLink(Path(bench_path).resolve(), Path(data_root).resolve())
    window = MainWindow(link)
    window.show()
    faults: list[str] = []
    link.failed.connect(faults.append)
    link.lost.connect(faults.append)
    link.open()
    try:
        _wait(lambda: window.run_panel.start.isEnabled(), faults, timeout, "the engine")
        for procedure, parameters in runs:
            before = window.view.last if window.view else None
            window.run_panel.choose(procedure)
            form = window.run_panel.form
            assert form is not None
            for name, value in parameters.items():
                form.set_text(name, str(value))
            window.run_panel.start.click()

            def ended(before: EndedRun | None = before) -> bool:
                view = window.view
                return view is not None and not view.is_busy and view.last != before

            _wait(ended, faults, timeout, procedure)
        if select:
            window.chip_map.selected.emit(select, False)
        for index in range(window.distributions.count()):
            if window.distributions.tabText(index) == tab:
                window.distributions.setCurrentIndex(index)
        _wait(lambda: not window.live.poll(), faults, timeout, "the run file")
        _settle()
        target = Path(path).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        if not window.grab().save(str(target)):
            raise LabctlError(f"The picture cannot be written to {target}. Is its folder writable?")
        return target
    finally:
        window.close()


def _wait(reached: Callable[[], bool], faults: list[str], timeout: float, what: str) -> None:
    """Let the window work until ``reached``."""
    from PyQt6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    look, end = QTimer(), QTimer()
    look.timeout.connect(lambda: loop.quit() if reached() or faults else None)
    end.setSingleShot(True)
    end.timeout.connect(loop.quit)
    look.start(20)
    end.start(round(1000 * timeout))
    loop.exec()
    look.stop()
    if faults:
        raise EngineError(f"No picture: {faults[0]}")
    if not reached():
        raise EngineError(f"No picture: {what} took longer than {timeout:g} s.")


def _settle() -> None:
    """Let layout and axes follow the last data: they do so while drawing, and one step late."""
    passes = iter(range(5))
    _wait(lambda: next(passes, None) is None, [], 10.0, "drawing")


def _run(words: str) -> tuple[str, dict[str, Any]]:
    """Return the procedure and its parameters, as text, of a line such as ``learn hidden=8``."""
    procedure, *parameters = shlex.split(words)
    return procedure, dict(pair.split("=", 1) for pair in parameters)


def main() -> int:
    """Save a picture of the window on the bench named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m labctl.gui.screenshot", description=__doc__)
    parser.add_argument("out", help="the picture, for example window.png")
    parser.add_argument("bench", help="the bench file")
    parser.add_argument("--data", default="data", help="where the runs are stored")
    parser.add_argument("--select", default="", help="cells to show as selected")
    parser.add_argument("--tab", default="", help="title of the tab to show, such as Weights")
    parser.add_argument(
        "--run",
        action="append",
        metavar="'PROCEDURE NAME=VALUE ...'",
        help="a run before the picture; give it again for the next (default: form, read_map)",
    )
    arguments = parser.parse_args()
    runs = tuple(_run(words) for words in arguments.run or ("form", "read_map"))
    try:
        print(
            grab(
                arguments.out, arguments.bench, arguments.data, runs=runs,
                select=arguments.select, tab=arguments.tab,
            )
        )  # fmt: skip
    except LabctlError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
