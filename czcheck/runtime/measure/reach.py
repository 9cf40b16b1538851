"""How far in from a tile's edges the answer depends on what lies outside, measured.

Three kinds of changes are made, each by a run or two:

* the tile is cut from a larger image at another origin, so that what was an edge has its true
  surroundings: what a user sees at a seam. Moved by a multiple of the network's stride, since
  anything else moves the grid of the poolings as well;
* the pixels of an outer ring are exchanged among themselves, which leaves mean, deviation and
  percentiles of the tile as they are: this alone sees the reach of a network behind a per-image
  standardisation;
* the ring is darkened, which changes these statistics: what then moves in the middle of the tile,
  no border can keep out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.runtime.measure.borders import (
    ROUNDING,
    Borders,
    Distance,
    Kind,
    OffsetRecord,
    ReachRecord,
)
from czcheck.runtime.measure.edges import EDGES, Change, farthest, settled
from czcheck.runtime.output_statistics import most_probable
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.network.reach import StaticReach
    from czcheck.runtime.session import Session

SMALLEST_TILE = 64
"""Pixels along a side below which a border cannot be measured."""


Scene = Callable[[int, int], "NDArray[Any]"]
"""Makes an image of so many rows and columns, as the network takes it."""

RING = 8
_DARKER = 0.5
# Above the rounding of float32 in sums over a whole tile.
_SEEN = 1e-5
_SEED = 413
# An answer that is the same everywhere has no border to be seen.
_FLAT = 1e-3

WHOLE = "cut from a larger image"
PERMUTED = "its outer ring permuted"
DARKENED = "its outer ring darkened"
CUT = "its origin moved"


def is_measurable(height: int, width: int) -> bool:
    """Whether a tile is large enough to tell its border from its middle."""
    return min(height, width) >= SMALLEST_TILE


def measure_borders(
    session: Session,
    scene: Scene,
    static: StaticReach,
    *,
    tile: str,
    size: tuple[int, int],
    declared: int,
    tolerances: Tolerances = DEFAULT_TOLERANCES,
) -> Borders:
    """Measure how far the border reaches, in at most six runs.

    Args:
        session: The loaded network, whose answers have the tile's size; failures are kept there.
        scene: Makes the image that tiles are cut from.
        static: What the graph says.
        tile: Name of the image.
        size: Height and width of a tile, at least `SMALLEST_TILE`.
        declared: BorderSize in the metadata.
        tolerances: Changes of a probability that count as seen.

    Returns:
        What was measured.
    """
    return _Measurement(session, scene, static, tile, size).run(declared, tolerances)


class _Measurement:
    """One network's runs."""

    def __init__(
        self, session: Session, scene: Scene, static: StaticReach, tile: str, size: tuple[int, int]
    ) -> None:
        self._session = session
        self._static = static
        self._tile = tile
        self._size = size
        self._shifts = _shifts(static, min(size))
        self._offset = (max(1, static.stride // 2 - 1) | 1) if static.stride > 1 else 0
        room = max([*self._shifts, self._offset, 0])
        self._image = scene(size[0] + room, size[1] + room)
        self._base: NDArray[Any] | None = None

    def run(self, declared: int, tolerances: Tolerances) -> Borders:
        """Make the runs and put together what they show."""
        static = self._static
        self._base = self._answer(self._cut(0), WHOLE)
        if self._base is None or float(np.ptp(self._base, axis=(0, 1)).max()) < _FLAT:
            return Borders()
        # Nothing that depends on the whole input keeps still when the tile is cut elsewhere.
        local = static.kind in ("local", "unknown")
        permuted = self._ringed(PERMUTED)
        darkened = None if static.kind == "local" else self._ringed(DARKENED)
        cuts = [self._moved(by) for by in (self._shifts if local else self._shifts[:1])]
        offset = self._offset_of(cuts[0]) if self._offset and cuts else None
        done = [each for each in (permuted, darkened, *cuts) if each is not None]
        if permuted is None or len(done) < 1 + (static.kind != "local") + len(cuts):
            return Borders()
        kind = _kind(static, permuted, darkened)
        seams = [each for each in cuts if each is not None]
        steady = [permuted, *(seams if _settle(kind, seams) else ())]
        seam = f"{CUT} by {self._shifts[0]}" if self._shifts else PERMUTED
        reach = ReachRecord(
            tile=self._tile,
            asked=_named(self._tile, seam if kind == "local" else PERMUTED),
            asked_far=_named(self._tile, PERMUTED if darkened is None else DARKENED),
            size=self._size,
            kind=kind,
            distances=tuple(
                _distance(steady, each, kind, static, self._size)
                for each in sorted({ROUNDING, tolerances.faint, tolerances.seam})
            ),
            plateau=0.0 if kind == "local" else max(_plateau(each) for each in done),
            change=_change_at(steady, declared),
            declared=declared,
            static=static,
            faint=tolerances.faint,
            profile=_profile(steady),
        )
        return Borders(reach, offset)

    def _cut(self, by: int) -> NDArray[Any]:
        """A tile of the image, its origin moved down and to the right."""
        height, width = self._size
        part: NDArray[Any] = self._image[by : by + height, by : by + width]
        return part

    def _answer(self, tile: NDArray[Any], how: str) -> NDArray[Any] | None:
        """The network's answer, `(height, width, classes)`; None where it is not sound."""
        import numpy as np  # noqa: PLC0415

        answer = self._session.predict(_named(self._tile, how), np.ascontiguousarray(tile))
        if answer is None or answer.array is None or answer.array.shape[1:3] != self._size:
            return None
        first: NDArray[Any] = answer.array[0]
        return first if np.isfinite(first).all() else None

    def _ringed(self, how: str) -> Change | None:
        """The change when an outer ring is permuted or darkened."""
        if self._base is None:
            return None
        tile = self._cut(0).copy()
        inside = np.zeros(self._size, bool)
        inside[RING:-RING, RING:-RING] = True
        if how == PERMUTED:
            ring = tile[~inside]
            tile[~inside] = np.random.Generator(np.random.PCG64(_SEED)).permutation(ring)
        else:
            tile[~inside] *= np.float32(_DARKER)
        answer = self._answer(tile, how)
        if answer is None:
            return None
        return Change(_largest(answer, self._base), RING, self._static.bound)

    def _moved(self, by: int) -> Change | None:
        """The change when the tile is cut elsewhere, where both tiles overlap."""
        if self._base is None:
            return None
        answer = self._answer(self._cut(by), f"{CUT} by {by}")
        if answer is None:
            return None
        height, width = self._size
        values = _largest(answer[: height - by, : width - by], self._base[by:, by:])
        return Change(values, 0, self._static.bound)

    def _offset_of(self, usual: Change | None) -> OffsetRecord | None:
        """The change far from all edges when the origin moves within the stride."""
        import numpy as np  # noqa: PLC0415

        by = self._offset
        how = f"{CUT} by {by}"
        answer = self._answer(self._cut(by), how)
        if answer is None or usual is None or self._base is None:
            return None
        height, width = self._size
        first, second = answer[: height - by, : width - by], self._base[by:, by:]
        values = Change(_largest(first, second), 0, self._static.bound)
        top, bottom, left, right = values.margins
        middle = np.s_[top : first.shape[0] - bottom, left : first.shape[1] - right]
        other = most_probable(first[middle])[0] != most_probable(second[middle])[0]
        return OffsetRecord(
            tile=_named(self._tile, how),
            stride=self._static.stride,
            offset=by,
            change=float(values.values[middle].max()),
            labels=float(other.mean()),
            usual=usual.middle if usual.far is None else usual.far,
        )


def _named(tile: str, how: str) -> str:
    return f"{tile}, {how}"


def _largest(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """The largest change of a probability at each pixel."""
    most: NDArray[Any] = np.abs(first[..., 0] - second[..., 0])
    for channel in range(1, first.shape[-1]):
        np.maximum(most, np.abs(first[..., channel] - second[..., channel]), out=most)
    return most


def _shifts(static: StaticReach, side: int) -> list[int]:
    """By how much tiles are moved: two multiples of the stride.

    Large enough to give an edge its true surroundings as far as the network looks, and small enough
    to leave room to see where their influence ends.
    """
    stride = static.stride
    if stride > side // 2:
        return []
    far = side // 4
    if static.largest is not None and static.kind == "local":
        far = min(max(static.largest, 1), far)
    first = max(1, round(far / stride)) * stride
    second = max(1, round(first / 2 / stride)) * stride
    if second == first:
        second = 2 * first
    return [first, second] if second <= side // 2 else [first]


def _kind(static: StaticReach, permuted: Change, darkened: Change | None) -> Kind:
    """The kind as the graph tells it; where it does not, as the runs show it."""
    if static.kind != "unknown":
        return static.kind
    if permuted.core > _SEEN:
        return "global-inside"
    return "global-input" if darkened is not None and darkened.core > _SEEN else "local"


def _settle(kind: Kind, seams: list[Change]) -> bool:
    """Whether the changes at seams say something about the local reach."""
    if kind != "local":
        return False
    # Without a known stride, moving a tile may have moved the grid of its poolings.
    return all(each.bound is not None or each.core <= _SEEN for each in seams)


def _noise(change: Change, kind: Kind) -> float:
    """Rounding: what changes where the graph says that nothing can."""
    return 0.0 if kind == "global-inside" else change.far or 0.0


def _distance(
    changes: list[Change], tolerance: float, kind: Kind, static: StaticReach, size: tuple[int, int]
) -> Distance:
    """How far the changes reach at a tolerance, in tiles of a size."""
    bounds = static.bound
    inside = kind == "global-inside"
    edges: list[int | None] = []
    tails = [
        (each.tails(), max(tolerance, 0.0 if bounds is None else _noise(each, kind)))
        for each in changes
    ]
    for edge in range(len(EDGES)):
        found = farthest([settled(tail[edge], limit) for tail, limit in tails])
        if bounds is not None:
            bound = bounds[edge]
            # What has not settled where it could be seen has at the bound.
            shown = bound < size[edge // 2] // 2
            if inside and found is not None and found > bound:
                # No border's doing: the whole tile changes about as much.
                found = None
            elif not inside:
                found = min(found, bound) if found is not None else bound if shown else None
        edges.append(found)
    return Distance(tolerance, *edges)


def _plateau(change: Change) -> float:
    """The largest change where no edge reaches."""
    return change.middle if change.far is None else change.far


def _change_at(changes: list[Change], border: int) -> float | None:
    """The largest change at a distance from the edges, or farther in."""
    found = [float(tail[border]) for each in changes for tail in each.tails() if border < len(tail)]
    return max(found) if found else None


def _profile(changes: list[Change]) -> tuple[float, ...]:
    """The largest change at each distance from the edges, up to where it stays the same."""
    tails = [tail for each in changes for tail in each.tails()]
    found = [
        max(float(tail[border]) for tail in tails if border < len(tail))
        for border in range(max(map(len, tails), default=0))
    ]
    while len(found) > 1 and found[-1] == found[-2]:
        found.pop()
    return tuple(found)
