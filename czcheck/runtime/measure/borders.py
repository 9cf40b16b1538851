"""What is known of a network's border once it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from czcheck.runtime.measure.edges import EDGES
from czcheck.tolerances import DEFAULT_TOLERANCES

if TYPE_CHECKING:
    from czcheck.network.reach import StaticReach

ROUNDING = 1e-5
"""Change of a probability that is no more than rounding. Borders are measured at it, and at the
changes that count as faint and as a seam."""

Kind = Literal["local", "global-input", "global-inside"]


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the border reaches at one tolerance.

    Attributes:
        tolerance: Change of a probability that is let pass.
        top: Pixels at the top edge; None where the change goes on to the middle of the tile.
        bottom: The same at the bottom edge.
        left: The same at the left edge.
        right: The same at the right edge.
    """

    tolerance: float
    top: int | None
    bottom: int | None
    left: int | None
    right: int | None

    @property
    def largest(self) -> int | None:
        """The distance at the edge where it is largest; None where it is at one of them."""
        edges = [
            each for each in (self.top, self.bottom, self.left, self.right) if each is not None
        ]
        return max(edges) if len(edges) == len(EDGES) else None


@dataclass(frozen=True, slots=True)
class ReachRecord:
    """How far the border of a tile reaches.

    Attributes:
        tile: Name of the pattern that the tiles were cut from.
        asked: Name of the run that shows best what a border can keep out.
        asked_far: Name of the run that shows best what no border can.
        size: Height and width of a tile.
        kind: `local`; `global-input` where statistics of the whole input go into every answer;
            `global-inside` where the whole of something inside the network does.
        distances: For each tolerance, the smallest first.
        plateau: Largest change of a probability farther in than any border reaches; 0 for a local
            network.
        change: Largest change of a probability at the declared border or farther in, statistics of
            the input left aside; None where that lies beyond the middle of the tile.
        declared: BorderSize in the metadata.
        static: What the graph says.
        faint: Change of a probability that the recommended border keeps out.
        profile: Largest change of a probability at 0, 1, 2, ... pixels from the edges or farther
            in, statistics of the input left aside; the last one holds to the middle of the tile.
    """

    tile: str
    asked: str
    asked_far: str
    size: tuple[int, int]
    kind: Kind
    distances: tuple[Distance, ...]
    plateau: float
    change: float | None
    declared: int
    static: StaticReach
    faint: float = DEFAULT_TOLERANCES.faint
    profile: tuple[float, ...] = ()

    def at(self, tolerance: float) -> int | None:
        """The distance at a tolerance, at the edge where it is largest."""
        (found,) = (each for each in self.distances if each.tolerance == tolerance)
        return found.largest

    @property
    def recommended(self) -> int | None:
        """The BorderSize to declare; None where no border will do.

        The reach at `faint`, as a multiple of 4 or of the stride if that is larger, but no more
        than the graph allows.
        """
        reach = self.at(self.faint)
        if reach is None:
            reach = self.static.largest if self.kind != "global-inside" else None
        if reach is None:
            return None
        step = max(4, self.static.stride) if self.static.stride <= min(self.size) // 4 else 4
        border = -(-reach // step) * step
        bound = self.static.largest
        if bound is not None and self.static.kind == self.kind:
            border = max(reach, min(border, bound))
        return border if 2 * border < min(self.size) else None

    def cost_of(self, border: int) -> float:
        """The part of each tile that a border throws away, 0..1."""
        height, width = self.size
        kept = max(height - 2 * border, 0) * max(width - 2 * border, 0)
        return 1 - kept / (height * width)

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the report holds it."""
        recommended = self.recommended
        return {
            "tile": self.tile,
            "kind": self.kind,
            "distances": [
                {
                    "tolerance": each.tolerance,
                    **{edge: getattr(each, edge) for edge in EDGES},
                }
                for each in self.distances
            ],
            "profile": [_figure(each) for each in self.profile],
            "plateau": _figure(self.plateau),
            "declared": self.declared,
            "declared_cost": round(self.cost_of(self.declared), 4),
            "change_at_declared": None if self.change is None else _figure(self.change),
            "recommended": recommended,
            "recommended_cost": None
            if recommended is None
            else round(self.cost_of(recommended), 4),
            "bound": None if self.static.bound is None else list(self.static.bound),
            "stride": self.static.stride,
        }


@dataclass(frozen=True, slots=True)
class OffsetRecord:
    """How the answer far from all edges depends on where the tile begins.

    Attributes:
        tile: Name of the tile that was asked, its origin moved.
        stride: The network's stride.
        offset: Pixels by which the origin was moved, down and to the right.
        change: Largest change of a probability.
        labels: Part of the pixels that are given to another class, 0..1.
        usual: Largest change when the origin moves by a multiple of the stride.
    """

    tile: str
    stride: int
    offset: int
    change: float
    labels: float
    usual: float

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the report holds it."""
        return {
            "stride": self.stride,
            "offset": self.offset,
            "change": _figure(self.change),
            "labels_changed": round(self.labels, 6),
        }


def _figure(value: float) -> float:
    """A number without digits that mean nothing."""
    return float(f"{value:.3g}")


@dataclass(frozen=True, slots=True)
class Borders:
    """What is measured about borders.

    Attributes:
        reach: How far they reach; None where a run failed, or the answer is the same everywhere.
        offsets: How the answer depends on a tile's origin; None where it cannot, or a run failed.
    """

    reach: ReachRecord | None = None
    offsets: OffsetRecord | None = None
