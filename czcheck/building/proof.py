"""Proof that the archive's network answers like its source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError
from czcheck.metadata.pixel_types import PIXEL_TYPES
from czcheck.runtime.compare import compare
from czcheck.test_tiles.patterns import tiles
from czcheck.tolerances import DEFAULT_TOLERANCES, reason_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.runtime.compare import Comparison

# Each is asked of both networks, and twice: an image, both ends of the range, and all of it.
TILES = ("nuclei", "zeros", "saturated", "noise")


@dataclass(frozen=True, slots=True)
class Proof:
    """How far the archive's answers are from the source's, over all test tiles.

    Attributes:
        tile: (height, width) of the tiles compared. Where the build changed the size, this is the
            source's own, and the network compared is the lowered one before the change.
        of_archive: Whether the network compared is the archive's own, unpacked from it.
        scaled: Largest difference of a probability on tiles scaled to [0, 1].
        raw: The same on the raw range of the pixel type.
        pixels: Pixels compared.
        ties: Pixels whose label differs because their two best classes are closer than the
            tolerance. No other label differs.
        unsteady: Names and ranges of tiles that were run but not compared: all but constant ones
            in front of a standardisation, where rounding alone decides the answer.
        doubt: What is odd about the operations that were put behind the network; None if nothing.
        precision: What the source computes in: `float32`, `float16` or `bfloat16`. Tolerances are
            wider in half precision.
    """

    tile: tuple[int, int]
    of_archive: bool
    scaled: float
    raw: float
    pixels: int
    ties: int
    unsteady: tuple[str, ...] = ()
    doubt: str | None = None
    precision: str = "float32"


class Comparer:
    """Asks two networks the same tiles and adds up how far their answers are apart."""

    def __init__(self, what: str, precision: str = "float32") -> None:
        """Start with nothing compared.

        Args:
            what: The source, to name in errors.
            precision: What it computes in, see `Network.precision`.
        """
        self.what = what
        self.precision = precision
        tolerances = DEFAULT_TOLERANCES.at(precision)
        self._allowed = {False: tolerances.runtime_scaled, True: tolerances.runtime_raw}
        self._pixels = 0
        self._ties = 0
        self._largest = {False: 0.0, True: 0.0}

    def add(
        self, tile: str, source: NDArray[Any], lowered: NDArray[Any], *, raw: bool
    ) -> str | None:
        """Take two answers to one tile into account.

        Args:
            tile: The tile's name.
            source: The source's answer.
            lowered: The lowered network's answer.
            raw: Whether the tile had the raw range, not [0, 1].

        Returns:
            What differs by more than the tolerance; None where nothing does.
        """
        tolerance = self._allowed[raw]
        found = compare(source, lowered, tolerance)
        if found.change > tolerance or found.labels:
            labels = f"{found.labels} of {found.pixels} labels"
            return (
                f"on the tile {tile!r} ({'raw range' if raw else 'scaled to [0, 1]'}) "
                f"{_change(found, source)} (allowed: {tolerance:g}{reason_for(self.precision)}), "
                f"and {labels} differ"
            )
        self._largest[raw] = max(self._largest[raw], found.change)
        self._pixels += found.pixels
        self._ties += found.ties
        return None

    def result(self, tile: tuple[int, int], *, of_archive: bool) -> Proof:
        """What all comparisons together show.

        Args:
            tile: (height, width) of the tiles compared.
            of_archive: Whether the network compared is the archive's own.

        Raises:
            InputError: Nothing was compared.
        """
        if self._pixels == 0:
            raise InputError(
                f"{self.what}: no answer could be compared with the source's: in front of the "
                "standardisation every tile is all but constant; remove what stands before it"
            )
        return Proof(
            tile=tile,
            of_archive=of_archive,
            scaled=self._largest[False],
            raw=self._largest[True],
            pixels=self._pixels,
            ties=self._ties,
            precision=self.precision,
        )


def _change(found: Comparison, source: NDArray[Any]) -> str:
    """How far two predictions are apart, and where."""
    at = found.at
    if at is None:
        return "the predictions have other shapes"
    before = float(source[0, at.row, at.column, at.channel])
    return (
        f"probabilities differ by up to {found.change:.2g}, from {before:.6g} to {at.value:.6g} at "
        f"row {at.row}, column {at.column}, channel {at.channel}"
    )


def questions(
    height: int, width: int, channels: int, pixel_type: str
) -> Iterable[tuple[str, bool, NDArray[Any]]]:
    """Tiles to ask: name, whether of the raw range, pixels (height, width, channels).

    Args:
        height: Height of a tile in pixels.
        width: Width in pixels.
        channels: Size of the input's last dimension.
        pixel_type: The format's name of the pixel type.

    Yields:
        Four of the test tiles scaled to [0, 1] and, for integer pixel types, with raw intensities.
    """
    top = PIXEL_TYPES[pixel_type].maximum
    for tile in tiles(height, width, channels, pixel_type, names=TILES):
        yield tile.name, False, tile.pixels / top if top > 1 else tile.pixels
        if top > 1:
            yield tile.name, True, tile.pixels
