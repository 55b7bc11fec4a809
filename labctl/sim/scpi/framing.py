"""Where one program message ends and the next begins.

Source: IEEE Std 488.2-1992, 7.5 (program message terminator) and 7.7.6 (arbitrary block program
data), from memory. A line feed ends a message, except inside a block: a definite block says how
many bytes it has, an indefinite one (``#0``) ends where END comes with the line feed.
"""

from __future__ import annotations

import re

_NEXT = re.compile(rb"[\n\"'#]")
_DIGITS = frozenset(b"0123456789")


def frame(data: bytes, end: bool) -> tuple[list[bytes], bytes]:
    """Cut bytes from the bus into messages without their terminators.

    Parameters
    ----------
    data
        Everything not yet framed.
    end
        Whether END came with the last byte.

    Returns
    -------
    tuple
        The whole messages, and the bytes that wait for more.
    """
    messages = []
    start = 0
    while start < len(data):
        stop = _message_end(data, start, end)
        if stop is None:
            if not end:
                break
            messages.append(data[start:])
            return messages, b""
        messages.append(data[start:stop])
        start = stop + 1
    return messages, data[start:]


def _message_end(data: bytes, start: int, end: bool) -> int | None:
    """Return the place of the line feed that ends the message at ``start``; None: not there."""
    at = start
    quote = b""
    while (found := _NEXT.search(data, at)) is not None:
        at = found.end()
        mark = found.group()
        if mark == b"\n":
            return found.start()
        if quote:
            quote = b"" if mark == quote else quote
        elif mark != b"#":
            quote = mark
        elif at < len(data) and data[at] == 0x30:  # "#0"
            if end:
                return len(data) - 1 if data.endswith(b"\n") else None
        elif (after := _block_end(data, at)) is not None:
            at = after
            if at > len(data):
                return None
    return None


def _block_end(data: bytes, at: int) -> int | None:
    """Return where the definite block ends whose length begins at ``at``; None: it is none.

    A place beyond the end means that bytes are missing.
    """
    if at >= len(data):
        return at + 1
    if data[at] not in _DIGITS:
        return None
    digits = data[at] - 0x30
    length = data[at + 1 : at + 1 + digits]
    if not _DIGITS.issuperset(length):
        return None
    if len(length) < digits:
        return len(data) + 1
    return at + 1 + digits + int(length)
