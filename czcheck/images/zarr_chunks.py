"""Whether the chunks of a Zarr array lie where its metadata say.

A chunk that is not stored stands for the fill value. So a store whose chunks are called otherwise,
or were not copied with it, reads as an image without any content.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from czcheck.errors import InputError
from czcheck.images.zarr_store import Document

_LOOKED_AT = 10_000
_FLAT = re.compile(r"(c\.)?\d+(\.\d+)+")


def check_chunks(root: Path, place: str, array: Document) -> str | None:
    """Look for the chunks of an array.

    Args:
        root: The store's folder.
        place: Path of the array in it.
        array: What its metadata say.

    Returns:
        A warning where no chunk is stored; None where one is.

    Raises:
        InputError: Chunks are stored, and all under names that the metadata do not give them.
    """
    other = None
    for found in _schemes(root / place):
        if found == array.keys:
            return None
        other = other or found
    where = f"{root}: the array {place or '/'}"
    if other is not None:
        fix = (
            f'set "dimension_separator" to "{other[1]}" in {place or "."}/.zarray'
            if array.version == 2  # of Zarr
            else f'correct "chunk_key_encoding" in {place or "."}/zarr.json'
        )
        raise InputError(
            f"{where} has its chunks in files such as {_example(*other)}, and its metadata say "
            f"{_example(*array.keys)}, so that all of it would be read as empty; {fix}"
        )
    return (
        f"no chunk of the array {place or '/'} is stored, so all its pixels are the fill value; "
        "was the store copied whole?"
    )


def _example(before: str, separator: str) -> str:
    return before + separator.join("000")


def _schemes(folder: Path) -> Iterator[tuple[str, str]]:
    """How the keys of the chunks in a folder are made: what is before the numbers, and between."""
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number == _LOOKED_AT:
                return
            if _FLAT.fullmatch(entry.name):
                yield ("c." if entry.name.startswith("c") else ""), "."
            elif entry.name == "c" and _holds_file(Path(entry.path)):
                yield "c/", "/"
            elif entry.name.isdecimal() and _holds_file(Path(entry.path)):
                yield "", "/"
                return


def _holds_file(folder: Path) -> bool:
    """Whether a file with a number for a name lies in a folder or below."""
    for looked, (_, _, files) in enumerate(os.walk(folder)):
        if any(each.isdecimal() for each in files):
            return True
        if looked == _LOOKED_AT:
            return False
    return False
