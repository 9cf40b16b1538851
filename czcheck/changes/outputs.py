"""What changed in the outputs, as data: runs, tiles, classes, and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from czcheck.runtime.compare import TileComparison
    from czcheck.runtime.deaths import Failure
    from czcheck.runtime.measure.cost import Cost
    from czcheck.runtime.outputs import Environment

Which = Literal["first", "second"]
"""One of two releases."""


@dataclass(frozen=True, slots=True)
class ReleaseRun:
    """The run of one release.

    Attributes:
        environment: Versions and isolation of its process.
        cost: What it cost.
        failures: The tiles that it failed on.
    """

    environment: Environment
    cost: Cost | None
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class MissingOutput:
    """A tile for which only one release has an output.

    Attributes:
        which: The release without an output.
        tile: Name of the tile.
        reason: What happened.
    """

    which: Which
    tile: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClassAgreement:
    """How far both releases agree on one class, over all tiles.

    Attributes:
        name: Name of the class; both names where it was renamed.
        changed: Pixels that have it in one release alone.
        dice: Dice coefficient of its pixels in both; None where no pixel has it.
    """

    name: str
    changed: int
    dice: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """The tile on which two releases disagree most.

    Attributes:
        tile: Its name.
        panels: PNG images by what they show: `input`, `before` and `after`, the most probable class
            of each pixel in that release's own colours, and `difference`, the input dimmed, with
            pixels in magenta where the two are not the same class.
        whole: All of them side by side, a PNG.
    """

    tile: str
    panels: dict[str, bytes]
    whole: bytes


@dataclass(frozen=True, slots=True)
class OutputsChange:
    """The outputs of both releases, compared with each other.

    Classes are compared by what they are, wherever they stand in the order of the classes.

    Attributes:
        other: Why nothing can be compared, so that the outputs cannot be the same; None where it
            could.
        proven: Whether nothing was run, since both networks compute the same from the same weights.
        runs: How each release ran; None where it was not run.
        tiles: Comparisons, in the order of the tiles.
        flat: Tiles without any contrast, which were run and not compared: rounding decides there.
        missing: Tiles for which only one release has an output.
        classes: Agreement on each class, over all tiles.
        picture: The tile on which they disagree most.
    """

    other: str | None = None
    proven: bool = False
    runs: tuple[ReleaseRun | None, ReleaseRun | None] = (None, None)
    tiles: tuple[TileComparison, ...] = ()
    flat: tuple[str, ...] = ()
    missing: tuple[MissingOutput, ...] = ()
    classes: tuple[ClassAgreement, ...] = ()
    picture: Picture | None = None

    @property
    def equal(self) -> bool:
        """Whether the outputs are the same, except for ties and rounding."""
        if self.other is not None or self.missing:
            return False
        return self.proven or not any(tile.differs for tile in self.tiles)

    @property
    def pixels(self) -> int:
        """Pixels compared."""
        return sum(tile.comparison.pixels for tile in self.tiles)

    @property
    def labels(self) -> int:
        """Pixels whose label changed, but for ties."""
        return sum(tile.comparison.labels for tile in self.tiles)

    @property
    def worst(self) -> TileComparison | None:
        """The tile with the most changed labels; of equals, the one with the largest change."""
        return worst_of(list(self.tiles)) if self.tiles else None

    @property
    def change(self) -> float | None:
        """Largest change of a probability; None where no tile was compared."""
        return max((tile.comparison.change for tile in self.tiles), default=None)


def worst_of(tiles: list[TileComparison]) -> TileComparison:
    """The tile with the most changed labels; of equals, the one with the largest change."""
    return max(tiles, key=lambda tile: (-tile.comparison.agreement, tile.comparison.change))
