"""Writes a SavedModel's files where TensorFlow can read them."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from czcheck.errors import IncompleteError, InputError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.network.files import SavedModelFiles
from czcheck.runtime.worker import CALLS

# All that TensorFlow's loaders read. Nothing else is written, whatever the archive calls it.
_NAME = re.compile(
    r"saved_model\.pb"
    r"|variables/variables\.(index|data-[0-9]{5}-of-[0-9]{5})"
    r"|assets/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}",
    re.ASCII,
)


def unpack(files: SavedModelFiles, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Path:
    """Write `saved_model.pb`, `variables/*` and `assets/*` into a new folder.

    Args:
        files: The SavedModel. Files of other names are left out.
        folder: Folder to make; it must not exist.
        limits: Limits on the sizes, held against the bytes that really come.

    Returns:
        The folder.

    Raises:
        InputError: A file is larger than the limits.
        IncompleteError: There is no room, or the folder cannot be written.
    """
    left = limits.archive_bytes
    try:
        folder.mkdir(mode=0o700)
        for name in files.names:
            if not _NAME.fullmatch(name):
                continue
            bound = min(limits.member_bytes, left)
            path = folder / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            left -= _write(files, name, path, bound)
    except OSError as error:
        what = "no space left" if error.errno == errno.ENOSPC else error.strerror
        raise IncompleteError(f"{folder}: the network cannot be unpacked: {what}") from error
    return folder


def _write(files: SavedModelFiles, name: str, path: Path, limit: int) -> int:
    """Write one file; returns its size in bytes."""
    total = 0
    with path.open("xb") as stream:
        for piece in files.chunks(name):
            total += len(piece)
            if total > limit:
                raise InputError(f"{name} is larger than the limit of {limit} bytes")
            stream.write(piece)
    return total


def stop_rewrites(folder: Path) -> None:
    """Have TensorFlow's C library compute an unpacked network as its graph says.

    A call of a function carries settings of its own for the graph optimiser, see
    `worker.stop_rewrites`, which replaces them when TensorFlow's Python reads the file.

    Args:
        folder: The SavedModel. Its file is written anew where it calls functions.
    """
    from czcheck.network import messages  # noqa: PLC0415 - imports protobuf
    from czcheck.runtime.tensorflow_c import NO_REWRITES  # noqa: PLC0415 - imports ctypes

    path = folder / "saved_model.pb"
    data = path.read_bytes()
    if CALLS[0].encode() not in data:
        return
    try:
        saved = messages.parse(messages.SavedModel, data)
    except InputError:
        return  # no loader opens it
    for meta_graph in saved.meta_graphs:
        graph = meta_graph.graph_def
        for nodes in (graph.node, *(each.node_def for each in graph.library.function)):
            for node in nodes:
                if node.op in CALLS:
                    node.attr["config_proto"].s = NO_REWRITES
    path.unlink()
    with path.open("xb") as stream:
        stream.write(saved.SerializeToString())
