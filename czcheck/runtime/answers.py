"""What a worker tells: its surroundings, a loaded network, an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Environment:
    """What a network runs in.

    Attributes:
        python: Version of the interpreter.
        tensorflow: Version of TensorFlow.
        numpy: Version of numpy.
        isolation: How far the network is kept away from the machine, in words.
        sandboxed: Whether it is shut in: no files but its own, no network, no other processes.
    """

    python: str
    tensorflow: str
    numpy: str
    isolation: str
    sandboxed: bool = False


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
class Answer:
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
