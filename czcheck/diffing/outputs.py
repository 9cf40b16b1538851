"""What changed in the outputs: both networks run on the same tiles, each in its own process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.changes.network import tile_of
from czcheck.changes.outputs import (
    ClassAgreement,
    MissingOutput,
    OutputsChange,
    ReleaseRun,
    Which,
    worst_of,
)
from czcheck.diffing.picture import picture_of
from czcheck.errors import IncompleteError, InputError, UnavailableError, UsageError
from czcheck.progress import FileProgress
from czcheck.runtime.compare import StoredOutputs, TileComparison, compare, is_flat, tolerance_for
from czcheck.text import sizes
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances, coarser

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from czcheck.changes.metadata import MetadataChange
    from czcheck.changes.network import NetworkChange
    from czcheck.diffing.release import Release
    from czcheck.runtime.networks import Worker
    from czcheck.test_tiles.patterns import Tile

_AXES = 4


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
