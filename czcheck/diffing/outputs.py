"""What changed in the outputs: both networks run on the same tiles, each in its own process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.diffing.network import tile_of
from czcheck.diffing.picture import picture_of
from czcheck.errors import IncompleteError, InputError, UnavailableError, UsageError
from czcheck.progress import FileProgress
from czcheck.rules.comparison import worst_of
from czcheck.runtime.compare import StoredOutputs, TileComparison, compare, is_flat, tolerance_for
from czcheck.text import sizes
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances, coarser

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from czcheck.diffing.metadata import MetadataChange
    from czcheck.diffing.network import NetworkChange
    from czcheck.diffing.picture import Picture
    from czcheck.diffing.release import Release, Which
    from czcheck.runtime.deaths import Failure
    from czcheck.runtime.measure.cost import Cost
    from czcheck.runtime.networks import Worker
    from czcheck.runtime.outputs import Environment
    from czcheck.test_tiles.patterns import Tile

_AXES = 4


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


def incomparable(metadata: MetadataChange, network: NetworkChange) -> str | None:
    """Why outputs for the same tiles cannot be the same; None if they can."""
    before, after = tile_of(network.before), tile_of(network.after)
    if before != after:
        return f"a tile was {_sizes(before)} and is {_sizes(after)}, so none fits both releases"
    if not metadata.same_input:
        return "the releases take other images, see CZ609, so there are none for both"
    counts = len(metadata.before.classes), len(metadata.after.classes)
    if counts[0] != counts[1]:
        return f"there were {counts[0]} classes and are {counts[1]}"
    return None


def proven_outputs(metadata: MetadataChange, network: NetworkChange) -> OutputsChange:
    """The change of the outputs, as far as it is known without a run.

    Raises:
        UnavailableError: Nothing.
    """
    other = incomparable(metadata, network)
    if other is not None:
        return OutputsChange(other=other)
    moved = any(each.moved for each in metadata.classes)
    if network.is_same and not moved:
        return OutputsChange(proven=True)
    raise UnavailableError(
        "networks or classes differ, so outputs cannot be compared without a run; "
        "--level run compares them"
    )


def compare_outputs(
    releases: tuple[Release, Release],
    metadata: MetadataChange,
    network: NetworkChange,
    workers: tuple[Worker, Worker],
    *,
    images: Collection[Path] = (),
    allow_op: Collection[str] = (),
    progress: FileProgress | None = None,
    tolerances: Tolerances = DEFAULT_TOLERANCES,
) -> OutputsChange:
    """Run both networks on the same tiles, one after the other, and compare.

    Args:
        releases: Both releases.
        metadata: What changed in the metadata.
        network: What changed in the network.
        workers: A process for each, which is used up.
        images: Images and folders of images to run in addition to the built-in tiles.
        allow_op: Operations that the user admits.
        progress: Called after each tile with the file, the number done and the number of all.
        tolerances: Largest difference of outputs that count as the same.

    Raises:
        UnavailableError: One of them cannot be run, or must not be.
        IncompleteError: A process could not be started, or an image cannot be read.
    """
    other = incomparable(metadata, network)
    for release in releases:
        if (objection := release.model.safety.objection(allow_op)) is not None:
            raise UnavailableError(f"the {release.which} release must not be run: {objection}")
    try:
        first = releases[0].battery(images)
        fits = tile_of(network.before) == tile_of(network.after) and metadata.same_input
        batteries = first, first if fits else releases[1].battery(images)
    except UnavailableError:
        raise
    except (InputError, UsageError) as error:  # an image of the user's, not the model
        raise IncompleteError(str(error)) from error
    stored = tuple(StoredOutputs({tile.name for tile in each}) for each in batteries)
    try:
        runs = []
        for release, worker, battery, outputs in zip(
            releases, workers, batteries, stored, strict=True
        ):
            runs.append(_run(release, worker, battery, outputs, progress))
        if not fits:
            return OutputsChange(other=other, runs=(runs[0], runs[1]))
        precision = coarser(network.before.precision, network.after.precision)
        return _compared(
            first,
            (stored[0], stored[1]),
            (runs[0], runs[1]),
            metadata,
            other,
            tolerances,
            precision,
        )
    finally:
        for outputs in stored:
            outputs.close()


def _run(
    release: Release,
    worker: Worker,
    battery: Sequence[Tile],
    stored: StoredOutputs,
    progress: FileProgress | None,
) -> ReleaseRun:
    """Run one network on all tiles, one at a time."""
    from czcheck.runtime.measure.cost import cost_of  # noqa: PLC0415
    from czcheck.runtime.output_statistics import summarise  # noqa: PLC0415
    from czcheck.runtime.session import Session  # noqa: PLC0415

    model = release.model
    session = Session(worker, stored.add)
    load = session.load(model.files, model.loaded, model.limits)
    if load is None:
        raise _cannot_run(release, session.all_failures[0].reason)
    summaries = []
    for done, tile in enumerate(battery, start=1):
        output = session.numbers(tile.name, tile.pixels)
        if session.died is not None:
            break
        if output is not None:
            summaries.append(summarise(tile, output, len(model.metadata.classes)))
        if progress is not None:
            progress(model.path, done, len(battery))
    session.finish()
    if (death := session.died) is not None:
        place = "" if death.tile is None else f"on the tile {death.tile}, "
        raise _cannot_run(release, f"{place}{death.reason}")
    if not stored:
        nothing = "it gives no output"
        raise _cannot_run(release, session.failures[0].reason if session.failures else nothing)
    cost = cost_of(load, summaries, session.peak_bytes)
    return ReleaseRun(session.environment, cost, tuple(session.failures))


def _cannot_run(release: Release, reason: str) -> UnavailableError:
    return UnavailableError(f"the {release.which} release cannot be run: {reason}")


def _compared(
    battery: Sequence[Tile],
    stored: tuple[StoredOutputs, StoredOutputs],
    runs: tuple[ReleaseRun, ReleaseRun],
    metadata: MetadataChange,
    other: str | None,
    tolerances: Tolerances,
    precision: str,
) -> OutputsChange:
    """The outputs of both releases for the same tiles, compared with each other."""
    channels = _Channels(metadata)
    compared: list[TileComparison] = []
    flat: list[str] = []
    for tile in battery:
        if not all(tile.name in each for each in stored):
            continue
        if is_flat(tile.pixels):
            flat.append(tile.name)
            continue
        tolerance = tolerance_for(tile, tolerances.at(precision))
        outputs = channels.of_both(stored[0][tile.name], stored[1][tile.name])
        found = compare(*outputs, tolerance)
        compared.append(TileComparison(tile.name, tolerance, found, precision))
    picture = None
    if compared:
        worst = worst_of(compared).tile
        tile = next(each for each in battery if each.name == worst)
        picture = picture_of(tile, stored[0][worst], stored[1][worst], metadata, channels.of_both)
    return OutputsChange(
        other=other,
        runs=runs,
        tiles=tuple(compared),
        flat=tuple(flat),
        missing=tuple(_missing_outputs(stored, runs)),
        classes=tuple(_agreements(compared, metadata)),
        picture=picture,
    )


class _Channels:
    """Brings the output channels of both releases into one order: that of all classes."""

    def __init__(self, metadata: MetadataChange) -> None:
        self._size = len(metadata.classes)
        self._before = list(range(len(metadata.before.classes)))
        places = {
            id(each.after): place
            for place, each in enumerate(metadata.classes)
            if each.after is not None
        }
        self._after = [places[id(each)] for each in metadata.after.classes]

    def of_both(
        self, before: NDArray[Any], after: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Both outputs with a channel for each class; unchanged if they have no classes."""
        before, after = _numbers(before), _numbers(after)
        both = ((before, self._before), (after, self._after))
        if any(each.ndim != _AXES or each.shape[-1] != len(places) for each, places in both):
            return before, after
        return self._placed(*both[0]), self._placed(*both[1])

    def _placed(self, output: NDArray[Any], places: list[int]) -> NDArray[Any]:
        if places == list(range(self._size)):
            return output
        placed = np.zeros((*output.shape[:-1], self._size), output.dtype)
        placed[..., places] = output
        return placed


def _numbers(output: NDArray[Any]) -> NDArray[Any]:
    """An output whose values can be subtracted, unlike truth values and bytes."""
    return output.astype(np.float64) if output.dtype.kind in "biu" else output


def _missing_outputs(
    stored: tuple[StoredOutputs, StoredOutputs], runs: tuple[ReleaseRun, ReleaseRun]
) -> Iterator[MissingOutput]:
    """Tiles for which only one release has an output."""
    sides: tuple[tuple[Which, int], ...] = (("first", 0), ("second", 1))
    for which, side in sides:
        for failure in runs[side].failures:
            if failure.tile is not None and failure.tile in stored[1 - side]:
                yield MissingOutput(which, failure.tile, failure.reason)


def _agreements(
    compared: Sequence[TileComparison], metadata: MetadataChange
) -> Iterator[ClassAgreement]:
    for label, each in enumerate(metadata.classes):
        overlaps = [
            tile.comparison.overlap[label]
            for tile in compared
            if label < len(tile.comparison.overlap)
        ]
        both, either = (
            (sum(counts) for counts in zip(*overlaps, strict=True)) if overlaps else (0, 0)
        )
        yield ClassAgreement(each.name, either - 2 * both, 2 * both / either if either else None)


def _sizes(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "of no fixed size"
    return sizes(shape)
