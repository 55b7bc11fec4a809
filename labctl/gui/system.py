"""Whether a window can open here, asked before Qt is imported.

Qt ends the whole process with an abort when a library of its platform plug-in is missing or no
display is there. This module finds out first and says what to install.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping

from labctl.errors import LabctlError

ALWAYS = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
"""Shared object -> Debian/Ubuntu package: what Qt loads even without a display."""

REAL_WINDOW = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}
"""Shared object -> Debian/Ubuntu package: what the X11 platform plug-in loads besides."""

_PLUGINS_WITHOUT_X11 = ("offscreen", "minimal", "vnc", "wayland", "linuxfb", "eglfs")


def loads(shared_object: str) -> bool:
    """Tell whether the dynamic linker finds and loads ``shared_object``."""
    try:
        ctypes.CDLL(shared_object)
    except OSError:
        return False
    return True


def missing_packages(real_window: bool, loads: Callable[[str], bool] = loads) -> list[str]:
    """Return the Debian/Ubuntu packages whose libraries do not load.

    Parameters
    ----------
    real_window
        Whether the window goes to an X11 display, which needs more than drawing off screen.
    loads
        What tells whether a shared object loads.
    """
    needed = ALWAYS | REAL_WINDOW if real_window else ALWAYS
    return [package for library, package in needed.items() if not loads(library)]


def check(
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    loads: Callable[[str], bool] = loads,
) -> None:
    """Make sure that a window can open.

    Parameters
    ----------
    environment, platform, loads
        The process's own, unless told otherwise.

    Raises
    ------
    LabctlError
        Where there is no display, or a system library of Qt is missing; names what to do. Windows
        and macOS bring what Qt needs and always pass.
    """
    if not platform.startswith("linux"):
        return
    plugin = environment.get("QT_QPA_PLATFORM", "")
    wayland = bool(environment.get("WAYLAND_DISPLAY"))
    # An X11 display is used where there is one, unless the user chose another plug-in.
    real_window = not plugin.startswith(_PLUGINS_WITHOUT_X11) and (
        bool(environment.get("DISPLAY")) or not wayland
    )
    missing = missing_packages(real_window, loads)
    if missing:
        raise LabctlError(
            "The window cannot open: Qt needs system libraries that are not installed. On Debian "
            f"or Ubuntu install them with\n    sudo apt-get install {' '.join(missing)}\n"
            "Everything the window does, `labctl run`, `labctl engine` and Python do without it."
        )
    if real_window and not environment.get("DISPLAY"):
        raise LabctlError(
            "The window cannot open: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is "
            "set). Start labctl gui in a desktop session, log in with `ssh -X`, or use a virtual "
            "display: sudo apt-get install xvfb xauth, then `xvfb-run -a labctl gui`. "
            "`labctl run` measures without a window."
        )
