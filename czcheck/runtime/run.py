"""Runs one network over test tiles: unpack, load, ask, measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from czcheck.network.reach import StaticReach, static_reach, trace_of
from czcheck.runtime.deaths import Failure
from czcheck.runtime.measure.agreement import Agreement, agreement_of
from czcheck.runtime.measure.behaviour import Probe, Terms, first_of, measure_behaviour
from czcheck.runtime.measure.borders import Borders
from czcheck.runtime.measure.cost import cost_of
from czcheck.runtime.measure.reach import is_measurable, measure_borders
from czcheck.runtime.measure.variations import FRESH, variation
from czcheck.runtime.output_statistics import TileOutput, summarise
from czcheck.runtime.record import RunRecord
from czcheck.runtime.session import Session
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.limits import Limits
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.network.files import SavedModelFiles
    from czcheck.network.saved_model import Network
    from czcheck.progress import CountProgress
    from czcheck.runtime.networks import Worker
    from czcheck.runtime.session import OnOutput
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
    keep: OnOutput | None = None,
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
        keep: Called with each tile and its answer, see `Session`.
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
    session = Session(worker, keep)
    load = session.load(files, network, limits)
    environment = session.environment
    if load is None:
        return RunRecord(environment, None, session.died, tuple(session.failures))
    probe = Probe()
    answers: list[TileOutput] = []
    for done, tile in enumerate(tiles, start=1):
        answer = session.predict(tile.name, tile.pixels)
        if answer is not None:
            answers.append(summarise(tile, answer, len(metadata.classes)))
            if answers[-1].sound and answers[-1].statistics is not None:
                probe.look_at(tile, answer, answers[-1].statistics.classes_won)
        if session.died is not None:
            break
        if progress is not None:
            progress(done, len(tiles))
    cost = cost_of(load, answers, session.peak_bytes)
    need = 2 * session.peak_bytes - load.peak_bytes
    terms = _terms(network, metadata, tiles, roomy=need < worker.limits.memory_bytes // 2)
    behaviour = measure_behaviour(session, probe, terms)
    sound = len(answers) == len(tiles) and all(answer.sound for answer in answers)
    borders = Borders()
    if sound:
        static = reach or (lambda: static_reach(trace_of(network)))
        borders = _borders(session, probe, static, metadata, tolerances)
    session.finish()
    failures = session.failures
    if fresh is not None and behaviour is not None and session.died is None:
        with fresh() as second:
            other, found = _run_again(second, files, network, probe, limits)
        failures.extend(found)
        behaviour = replace(behaviour, fresh=other)
    return RunRecord(
        environment,
        load,
        session.died,
        tuple(failures),
        tuple(answers),
        behaviour=behaviour,
        cost=cost,
        tile_runs=session.runs,
        reach=borders.reach,
        offsets=borders.offsets,
    )


def _borders(
    session: Session,
    probe: Probe,
    reach: Callable[[], StaticReach],
    metadata: ModelMetadata,
    tolerances: Tolerances,
) -> Borders:
    """Measure the border on images like the tile whose answer varies most."""
    from czcheck.test_tiles.patterns import NATURAL, tiles  # noqa: PLC0415

    if probe.tile is None or session.died is not None:
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
        session,
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
    session = Session(worker)
    if session.load(files, network, limits) is None:
        return None, [*session.all_failures]
    answer = session.predict(variation(probe.tile.name, FRESH), probe.tile.pixels)
    session.finish()
    if session.died is not None:
        return None, [session.died]
    if answer is None or answer.array is None:
        return None, session.failures
    return agreement_of(probe.answer, first_of(answer.array)), session.failures
