"""Runs one network over test tiles: unpack, load, ask, measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from czcheck.network.reach import StaticReach, static_reach, walk_of
from czcheck.runtime.asking import Asker, failure
from czcheck.runtime.deaths import CommandFailed, WorkerDied
from czcheck.runtime.measure.agreement import Agreement, agreement_of
from czcheck.runtime.measure.behaviour import Probe, Terms, first_of, measure_behaviour
from czcheck.runtime.measure.borders import Borders
from czcheck.runtime.measure.cost import cost_of
from czcheck.runtime.measure.reach import is_measurable, measure_borders
from czcheck.runtime.measure.variations import FRESH, variation
from czcheck.runtime.record import Failure, RunRecord, TileAnswer, summarise
from czcheck.runtime.unpack import unpack
from czcheck.test_tiles.patterns import NATURAL, tiles
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from czcheck.limits import Limits
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.network.files import SavedModelFiles
    from czcheck.network.saved_model import Network
    from czcheck.progress import CountProgress
    from czcheck.runtime.answers import LoadRecord
    from czcheck.runtime.asking import Keep
    from czcheck.runtime.networks import Worker
    from czcheck.test_tiles.patterns import Tile


def run_network(  # noqa: PLR0913 - what to run, on what, and what to make of it
    worker: Worker,
    files: SavedModelFiles,
    network: Network,
    metadata: ModelMetadata,
    tiles: Sequence[Tile],
    limits: Limits,
    progress: CountProgress | None = None,
    *,
    keep: Keep | None = None,
    fresh: Callable[[], Worker] | None = None,
    tolerances: Tolerances = DEFAULT_TOLERANCES,
    reach: Callable[[], StaticReach] | None = None,
) -> RunRecord:
    """Load a network and run tiles through it, one at a time.

    Whatever the network does to itself is in the record. A tile that fails does not keep the
    others from being tried, unless the process is gone.

    Args:
        worker: The process, which is used up: it has to end normally for the record to say so.
        files: The SavedModel.
        network: Its facts.
        metadata: What the archive says about it.
        tiles: Tiles of exactly the network's size.
        limits: Limits on what is unpacked.
        progress: Called after each tile with the number done and the number of all.
        keep: Called with each tile and its answer, see `Asker`.
        fresh: Makes a second process, in which one tile is run again.
        tolerances: How far answers may be off; borders are measured at them.
        reach: Tells the network's static reach, where borders are measured; it is read from the
            graph if left out.

    Returns:
        What the run showed.

    Raises:
        UnavailableError: The network has no signature with one input and one output.
        InputError: The SavedModel exceeds the limits.
        IncompleteError: The process could not be started, or nothing could be unpacked.
    """
    environment = worker.hello()
    folder = unpack(files, worker.folder / "model", limits)
    try:
        load = load_network(worker, folder, network)
    except WorkerDied as death:
        return RunRecord(environment, None, died=failure("load", None, death))
    except CommandFailed as failed:
        return RunRecord(environment, None, failures=(failure("load", None, failed),))
    asker = Asker(worker, keep)
    probe = Probe()
    answers: list[TileAnswer] = []
    for done, tile in enumerate(tiles, start=1):
        answer = asker.ask(tile.name, tile.pixels)
        if answer is not None:
            answers.append(summarise(tile, answer, len(metadata.classes)))
            if answers[-1].sound and answers[-1].statistics is not None:
                probe.look_at(tile, answer, answers[-1].statistics.classes_won)
        if asker.died is not None:
            break
        if progress is not None:
            progress(done, len(tiles))
    cost = cost_of(load, answers, asker.peak_bytes)
    need = 2 * asker.peak_bytes - load.peak_bytes
    terms = _terms(network, metadata, tiles, roomy=need < worker.limits.memory_bytes // 2)
    behaviour = measure_behaviour(asker, probe, terms)
    sound = len(answers) == len(tiles) and all(answer.sound for answer in answers)
    borders = Borders()
    if sound:
        static = reach or (lambda: static_reach(walk_of(network)))
        borders = _borders(asker, probe, static, metadata, tolerances)
    died = asker.died
    if died is None:
        try:
            worker.finish()
        except WorkerDied as death:
            died = failure("exit", None, death)
    failures = asker.failures
    if fresh is not None and behaviour is not None and died is None:
        with fresh() as second:
            other, found = _run_again(second, files, network, probe, limits)
        failures.extend(found)
        behaviour = replace(behaviour, fresh=other)
    return RunRecord(
        environment,
        load,
        died,
        tuple(failures),
        tuple(answers),
        behaviour=behaviour,
        cost=cost,
        tile_runs=asker.runs,
        reach=borders.reach,
        offsets=borders.offsets,
    )


def _borders(
    asker: Asker,
    probe: Probe,
    reach: Callable[[], StaticReach],
    metadata: ModelMetadata,
    tolerances: Tolerances,
) -> Borders:
    """Measure the border on images like the tile whose answer varies most."""
    if probe.tile is None or asker.died is not None:
        return Borders()
    size = probe.tile.pixels.shape[:2]
    if not is_measurable(*size):
        return Borders()
    channels = probe.tile.pixels.shape[2]
    name = probe.tile.name if probe.tile.name in NATURAL else NATURAL[0]
    divisor = metadata.input_divisor

    def scene(height: int, width: int) -> NDArray[Any]:
        (image,) = tiles(height, width, channels, metadata.pixel_types[0], names=(name,))
        return image.pixels if divisor == 1 else image.pixels / divisor

    return measure_borders(
        asker,
        scene,
        reach(),
        tile=name,
        size=(size[0], size[1]),
        declared=metadata.border_size,
        tolerances=tolerances,
    )


def _terms(
    network: Network, metadata: ModelMetadata, tiles: Sequence[Tile], *, roomy: bool
) -> Terms:
    """How this network is to be measured; a batch only where it takes one and there is room."""
    fed = network.input
    takes_batches = fed is not None and (fed.shape or ())[:1] == (None,)
    partners = [tile.pixels for tile in tiles if tile.name == "noise"]
    return Terms(
        top=metadata.input_maximum,
        colours=metadata.pixel_type.is_colour,
        partner=partners[0] if takes_batches and partners and roomy else None,
    )


def _run_again(
    worker: Worker, files: SavedModelFiles, network: Network, probe: Probe, limits: Limits
) -> tuple[Agreement | None, list[Failure]]:
    """Load the network in another process and ask it the probe once more."""
    assert probe.tile is not None
    assert probe.answer is not None
    worker.hello()
    folder = unpack(files, worker.folder / "model", limits)
    try:
        load_network(worker, folder, network)
    except (WorkerDied, CommandFailed) as failed:
        return None, [failure("load", None, failed)]
    asker = Asker(worker)
    answer = asker.ask(variation(probe.tile.name, FRESH), probe.tile.pixels)
    if asker.died is not None:
        return None, [asker.died]
    try:
        worker.finish()
    except WorkerDied as death:
        return None, [failure("exit", None, death)]
    if answer is None or answer.array is None:
        return None, asker.failures
    return agreement_of(probe.answer, first_of(answer.array)), asker.failures


def load_network(worker: Worker, folder: Path, network: Network) -> LoadRecord:
    """Load an unpacked network in the way that its graph asks for.

    Args:
        worker: The process.
        folder: The SavedModel.
        network: Its facts.

    Raises:
        UnavailableError: It has no signature with one input and one output.
        CommandFailed: Neither loader can load it.
        WorkerDied: The process did not survive it.
        IncompleteError: The process could not be started.
    """
    fed, fetched = network.required_ends
    assert network.serving is not None
    return worker.load(
        folder,
        loader=network.loader,
        signature=network.serving.name,
        input=(fed.key, fed.tensor),
        output=(fetched.key, fetched.tensor),
    )
