"""The bench file of an open bench, which somebody may edit meanwhile."""

from __future__ import annotations

import logging

from labctl.benchfile import BenchFile, digest_of

_log = logging.getLogger(__name__)


class OpenedFile:
    """Tells whether a file on the disk is still the one that a bench was opened with.

    Parameters
    ----------
    file
        As it was read when the bench was opened.
    """

    def __init__(self, file: BenchFile) -> None:
        self._path, self._digest = file.path, file.digest
        self._stamp: tuple[int, int, int] | None = None  # of the last look
        self._told = False

    @property
    def edited(self) -> bool:
        """Whether the content differs; the first time that it does, the log says so."""
        try:
            found = digest_of(self._path.read_bytes())
        except OSError:
            found = ""  # taken away, or unreadable: not what was opened in any case
        if found == self._digest:
            return False
        if not self._told:
            self._told = True
            _log.warning(
                "Bench file %s was edited or moved while the bench is open. The bench goes on with "
                "the limits and the wiring that it was opened with; close and open it again "
                "(`labctl engine shutdown`, `labctl gui`) to use the new ones.",
                self._path,
            )
        return True

    def look(self) -> None:
        """Read the file again where it was touched since the last look; costs little else."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            stamp = (0, 0, 0)  # gone: nothing that a file has
        if stamp != self._stamp:
            self._stamp = stamp
            _ = self.edited  # for what it tells the log
