"""Tags of a run: words that people give it, in a file of their own beside ``run.json``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from labctl.errors import StoreError
from labctl.store.files import read_json, write_json

FILE = "tags.json"
_TAG = re.compile(r"[^\s,;+-][^\s,;]{0,59}")


def read_tags(run: Path) -> list[str]:
    """Return the tags of the run in a folder, in alphabetical order."""
    if not (run / FILE).exists():
        return []
    return sorted({str(tag) for tag in read_json(run / FILE).get("tags", [])})


def write_tags(run: Path, tags: list[str]) -> None:
    """Replace the tags of the run in a folder.

    Raises
    ------
    StoreError
        For a tag that is no single word, or a folder that cannot be written.
    """
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise StoreError(
                f"{tag!r} cannot be a tag; take one word of at most 60 letters, without , and ; "
                "and not beginning with + or -."
            )
    try:
        write_json(run / FILE, {"tags": tags})
    except OSError as error:
        raise StoreError(f"Cannot write the tags of {run}: {error}.") from error
    with suppress(OSError):  # so that every catalogue of the folder, on any computer, looks there
        os.utime(run.parent)


def change_tags(run: Path, words: Iterable[str]) -> list[str]:
    """Add tags to the run in a folder (``good`` or ``+good``), take others off (``-bad``).

    Returns
    -------
    list of str
        All tags it has now, in alphabetical order.

    Raises
    ------
    StoreError
        For a tag that is no word, or a folder that cannot be written.
    """
    tags = {*read_tags(run)}
    for word in words:
        if word.startswith("-"):
            tags.discard(word[1:])
        else:
            tags.add(word.removeprefix("+"))
    write_tags(run, sorted(tags))
    return sorted(tags)
