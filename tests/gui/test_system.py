import pytest

from labctl.errors import LabctlError
from labctl.gui import system

DESKTOP = {"DISPLAY": ":0"}


def everything_but(*missing):
    return lambda library: library not in missing


def test_a_complete_desktop_passes():
    system.check(DESKTOP, "linux", everything_but())


def test_missing_libraries_are_named_as_packages_to_install():
    loads = everything_but("libxcb-cursor.so.0", "libEGL.so.1")
    with pytest.raises(LabctlError, match="sudo apt-get install libegl1 libxcb-cursor0\n"):
        system.check(DESKTOP, "linux", loads)


def test_x11_libraries_are_not_asked_for_off_screen():
    loads = everything_but(*system.REAL_WINDOW)
    system.check({"QT_QPA_PLATFORM": "offscreen"}, "linux", loads)
    with pytest.raises(LabctlError, match="libxkbcommon-x11-0"):
        system.check(DESKTOP, "linux", loads)


def test_wayland_alone_is_a_display():
    system.check({"WAYLAND_DISPLAY": "wayland-0"}, "linux", everything_but(*system.REAL_WINDOW))


def test_no_display_is_said_with_the_ways_out():
    with pytest.raises(LabctlError, match=r"no display.*xvfb-run -a labctl gui"):
        system.check({}, "linux", everything_but())


def test_windows_and_macos_bring_their_own_libraries():
    for platform in ("win32", "darwin"):
        system.check({}, platform, everything_but(*system.ALWAYS))


def test_a_library_that_is_nowhere_does_not_load():
    assert not system.loads("libnobody-has-this.so.99")
