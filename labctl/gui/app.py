"""`labctl gui`: checks, starts, shows."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from labctl.gui import system


def run(bench_path: str | Path, data_root: str | Path = "data") -> int:
    """Open the window on a bench and return when it is closed.

    Parameters
    ----------
    bench_path
        The bench file. An engine that serves it already is attached to; otherwise one is started.
    data_root
        Where runs are stored by an engine started here.

    Returns
    -------
    int
        Exit status: 0 after the window was closed.

    Raises
    ------
    LabctlError
        Before anything is opened: no display, or a system library of Qt is missing.
    BenchFileError
        For a fault in the bench file.
    """
    system.check()
    from labctl import plugins
    from labctl.bench import check_bench_file
    from labctl.benchfile import load_bench_file

    file = load_bench_file(Path(bench_path))
    plugins.add_workspace(file.path.parent)
    check_bench_file(file)
    path = file.path.resolve()

    from PyQt6 import sip
    from PyQt6.QtCore import QTimer
    from PyQt6.QtWidgets import QApplication

    from labctl.gui import theme
    from labctl.gui.engine_link import EngineLink
    from labctl.gui.main_window import MainWindow

    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("labctl")
    theme.apply(application)
    link = EngineLink(path, Path(data_root).resolve())
    window = MainWindow(link)
    window.show()
    link.open()
    # Python sees Ctrl-C only while it runs; a timer that does nothing lets it.
    signal.signal(signal.SIGINT, lambda *_: window.close())
    pulse = QTimer()
    pulse.timeout.connect(lambda: None)
    pulse.start(200)
    status = application.exec()
    pulse.stop()
    # The window goes before the application does: Qt crashes the other way round.
    sip.delete(window)
    sip.delete(link)
    return status
