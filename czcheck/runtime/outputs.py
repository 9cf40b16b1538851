"""Outputs as a worker sends them: records, and arrays in files."""

from __future__ import annotations

import math
import os
import stat
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from czcheck.runtime.worker import PYTHON

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Environment:
    """What a network runs in.

    Attributes:
        python: Version of the interpreter.
        tensorflow: Version of TensorFlow.
        numpy: Version of numpy; empty where it is not used.
        isolation: How far the network is kept away from the machine, in words.
        sandboxed: Whether it is shut in: no files but its own, no network, no other processes.
        backend: How TensorFlow is reached: `c` for its C library, `python` for its Python package.
        reason: Why it is not the C library, in words; None where it is, or nobody chose.
    """

    python: str
    tensorflow: str
    numpy: str
    isolation: str
    sandboxed: bool = False
    backend: str = PYTHON
    reason: str | None = None

    @property
    def backend_facts(self) -> dict[str, str]:
        """How TensorFlow is reached, as reports have it: `backend`, and `backend_reason` if any."""
        facts = {"backend": self.backend}
        return facts if self.reason is None else {**facts, "backend_reason": self.reason}


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """A network that was loaded.

    Attributes:
        loader: The loader that worked, `session` or `object`.
        seconds: Wall-clock seconds that it took.
        first_error: Why the loader that was chosen for the file failed, where the other one had to
            step in.
        peak_bytes: The most memory that the process has had in use up to here; 0 if unknown.
    """

    loader: str
    seconds: float
    first_error: str | None = None
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """What a network answered to one tile.

    Attributes:
        array: The answer, in the network's own shape; None where it does not hold numbers.
        dtype: The network's own type, by numpy's name; types of which numpy knows nothing, such as
            `bfloat16`, arrive as float32.
        shape: The answer's shape.
        seconds: Wall-clock seconds that it took.
        peak_bytes: The most memory that the process has had in use up to here; 0 if unknown.
    """

    array: NDArray[Any] | None
    dtype: str
    shape: tuple[int, ...]
    seconds: float
    peak_bytes: int = 0


_KINDS = "biufc"


class UnreadableArrayError(ValueError):
    """The file is not the array it should be; the text says why."""


def write_array(path: Path, array: NDArray[np.float32]) -> None:
    """Write an array into a new file.

    Args:
        path: The file, in a folder in which an untrusted process may have put links. What stands
            there is replaced, and never written through.
        array: Numbers of any shape.
    """
    path.unlink(missing_ok=True)
    with path.open("xb") as stream:
        # By rows: the process reads no other order, see `tensorflow_c.py`.
        np.save(stream, np.ascontiguousarray(array), allow_pickle=False)


def read_array(path: Path, limit: int) -> NDArray[Any]:
    """Read an array that an untrusted process wrote.

    Nothing is allocated before the size that the header claims has been held against the file's.

    Args:
        path: The file; links, pipes and devices are refused.
        limit: Most bytes that the file may have.

    Returns:
        An array of booleans, integers, floats or complex numbers.

    Raises:
        UnreadableArrayError: The file is missing, too large, or no array of numbers.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as stream:  # noqa: PTH123  (opens a descriptor)
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableArrayError("the answer is not a file")
            if status.st_size > limit:
                raise UnreadableArrayError(f"the answer is larger than {limit} bytes")
            shape, by_column, dtype = read_header(stream)
            if dtype.kind not in _KINDS:
                raise UnreadableArrayError(f"the answer holds {dtype}, not numbers")
            count = math.prod(shape)
            if count * dtype.itemsize != status.st_size - stream.tell():
                raise UnreadableArrayError("the answer's file is damaged")
            array = np.fromfile(stream, dtype, count)
    except (OSError, ValueError) as error:
        if isinstance(error, UnreadableArrayError):
            raise
        raise UnreadableArrayError("the answer's file is missing or damaged") from error
    if array.size != count or any(type(size) is not int or size < 0 for size in shape):
        raise UnreadableArrayError("the answer's file is damaged")
    try:
        return array.reshape(shape, order="F" if by_column else "C")
    except ValueError as error:  # too many sizes, or one beyond all measure beside a zero
        raise UnreadableArrayError("the answer's file is damaged") from error


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of a `.npy` file that somebody else wrote.

    Args:
        stream: The file from its beginning; it is left where the values begin.

    Returns:
        Shape; whether the values stand column by column; their type.

    Raises:
        UnreadableArrayError: It is no such header.
    """
    # The header is Python source, which numpy hands to Python's own tokenizer and parser.
    wrong = (ValueError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError)
    try:
        if np.lib.format.read_magic(stream) == (1, 0):
            return np.lib.format.read_array_header_1_0(stream)
    except (*wrong, tokenize.TokenError) as error:
        raise UnreadableArrayError("the answer's file is damaged") from error
    raise UnreadableArrayError("the answer's file is damaged")
