"""Zarr stores: their documents and their chunks, checked before zarr reads them."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zarr.storage import LocalStore

from czcheck.errors import InputError
from czcheck.images.decoders import MOST_PART, damaged
from czcheck.limits import MIB

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype


_MOST_DOCUMENT = 16 * MIB
# Compressors and filters that make numbers of bytes and nothing else.
_CODECS = {
    "adler32", "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "delta", "endian",
    "fixedscaleoffset", "fletcher32", "gzip", "jenkins_lookup3", "lz4", "lzma", "packbits",
    "quantize", "sharding_indexed", "shuffle", "transpose", "zlib", "zstd",
}  # fmt: skip
_NUMCODECS = ("numcodecs.", "https://codec.zarrs.dev/numcodecs/")
_LOOKED_AT = 10_000
_FLAT = re.compile(r"(c\.)?\d+(\.\d+)+")


class ContainedStore(LocalStore):
    """A folder that is only read, and of which nothing leads out."""

    def contained(self, key: str) -> None:
        """Check that what a key leads to may be read.

        Raises:
            InputError: It leads out of the folder, is no file, or too large.
        """
        path = self.root / key
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise InputError(f"{self.root}: {key} is a link that leads out of the store")
        if stat.S_ISDIR(found.st_mode):
            return
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{self.root}: {key} is no file")
        if found.st_size > MOST_PART:
            raise InputError(f"{self.root}: the file {key} is too large for a part of an image")

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: Any = None,
    ) -> Buffer | None:
        """Value of a key, within the store."""
        self.contained(key)
        return await super().get(key, prototype, byte_range)

    def get_sync(self, key: str, **how: Any) -> Buffer | None:
        """Value of a key, within the store."""
        self.contained(key)
        value: Buffer | None = super().get_sync(key, **how)
        return value

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Any
    ) -> list[Buffer | None]:
        """Parts of values, within the store."""
        ranges = list(key_ranges)
        for key, _ in ranges:
            self.contained(key)
        return await super().get_partial_values(prototype, ranges)


@dataclass(frozen=True, slots=True)
class Document:
    """The metadata at a place in a store.

    Attributes:
        version: Version of Zarr, 2 or 3.
        is_array: Whether it is an array; else a group.
        attributes: Its attributes.
        dimensions: Names of an array's dimensions, as far as given.
        shape: Shape of an array, as far as it is one.
        keys: How keys of an array's chunks are made: what stands before the numbers, and between.
    """

    version: Literal[2, 3]
    is_array: bool
    attributes: dict[str, Any]
    dimensions: tuple[str, ...]
    shape: tuple[int, ...] = ()
    keys: tuple[str, str] = ("", ".")


def document(root: Path, place: str) -> Document | None:
    """Read the metadata at a place in a store, before zarr-python sees them.

    Args:
        root: The store's folder.
        place: Path of a group or an array in it; empty for the store itself.

    Returns:
        The metadata; None if there is nothing.

    Raises:
        InputError: A document is no JSON object, too large, or has a codec that is not allowed.
    """
    found = _json(root, place, "zarr.json")
    if found is not None:
        attributes, is_array = found.get("attributes"), found.get("node_type") == "array"
        names = found.get("dimension_names")
        version: Literal[2, 3] = 3
    else:
        found = _json(root, place, ".zarray")
        is_array = found is not None
        found = found or _json(root, place, ".zgroup")
        if found is None:
            return None
        attributes, version = _json(root, place, ".zattrs"), 2
        names = (attributes or {}).get("_ARRAY_DIMENSIONS")  # as xarray writes them
    if is_array:
        _check_codecs(root, place, found)
    return Document(
        version,
        is_array,
        attributes if isinstance(attributes, dict) else {},
        tuple(map(str, names)) if isinstance(names, list) else (),
        _shape(found),
        _keys(found, version),
    )


def _shape(array: dict[str, Any]) -> tuple[int, ...]:
    shape = array.get("shape")
    sound = isinstance(shape, list) and all(isinstance(each, int) for each in shape)
    return tuple(shape) if sound and shape else ()


def _keys(array: dict[str, Any], version: Literal[2, 3]) -> tuple[str, str]:
    """What stands before the numbers in a chunk's key, and between them."""
    if version == 2:  # of Zarr
        return "", str(array.get("dimension_separator", "."))
    encoding = array.get("chunk_key_encoding")
    encoding = encoding if isinstance(encoding, dict) else {}
    inner = encoding.get("configuration")
    inner = inner if isinstance(inner, dict) else {}
    if encoding.get("name") == "v2":
        return "", str(inner.get("separator", "."))
    separator = str(inner.get("separator", "/"))
    return f"c{separator}", separator


def _json(root: Path, place: str, name: str) -> dict[str, Any] | None:
    path = root / place / name
    if not path.is_file():
        return None
    ContainedStore(root, read_only=True).contained(f"{place}/{name}".lstrip("/"))
    if path.stat().st_size > _MOST_DOCUMENT:
        raise InputError(f"{root}: the document {place}/{name} is too large")
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise damaged(root, f" in {place}/{name}", str(error)) from error
    if not isinstance(value, dict):
        raise damaged(root, f" in {place}/{name}", "no JSON object")
    return value


def _check_codecs(root: Path, place: str, array: dict[str, Any]) -> None:
    dtype = array.get("dtype", array.get("data_type"))
    if not isinstance(dtype, str) or "O" in dtype:
        raise InputError(f"{root}: the array {place or '/'} holds {dtype}, not numbers")
    for name in _codecs(array):
        plain = name
        for prefix in _NUMCODECS:
            plain = plain.removeprefix(prefix)
        if plain not in _CODECS:
            raise InputError(
                f"{root}: the array {place or '/'} is coded with {name[:80]!r}, which is not read; "
                f"save it with one of blosc, gzip, lz4, zlib, zstd"
            )


def _codecs(array: dict[str, Any]) -> Iterator[str]:
    """Names of all codecs of an array, those inside shards included."""
    waiting: list[Any] = [
        array.get(each) for each in ("compressor", "filters", "codecs", "storage_transformers")
    ]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield str(value.get("id", value.get("name")))
            inner = value.get("configuration")
            if isinstance(inner, dict):
                waiting += [inner.get("codecs"), inner.get("index_codecs")]
        elif value is not None:
            yield str(value)


def check_chunks(root: Path, place: str, array: Document) -> str | None:
    """Look for the chunks of an array.

    Args:
        root: The store's folder.
        place: Path of the array in it.
        array: Its metadata.

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
