"""Runs one network over test tiles: unpack, load, ask, measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from czcheck.errors import UnavailableError
from czcheck.runtime.asking import Asker, failure
from czcheck.runtime.deaths import CommandFailed, WorkerDied
from czcheck.runtime.record import RunRecord, TileAnswer, summarise
from czcheck.runtime.unpack import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from czcheck.limits import Limits
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.network.files import SavedModelFiles
    from czcheck.network.saved_model import Network
    from czcheck.runtime.answers import LoadRecord
    from czcheck.runtime.process import Worker
    from czcheck.tiles.patterns import Tile

Progress = Callable[[int, int], None]


def run_network(
    worker: Worker,
    files: SavedModelFiles,
    network: Network,
    metadata: ModelMetadata,
    tiles: Sequence[Tile],
    limits: Limits,
    progress: Progress | None = None,
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
        load = _load(worker, folder, network)
    except WorkerDied as death:
        return RunRecord(environment, None, died=failure("load", None, death))
    except CommandFailed as failed:
        return RunRecord(environment, None, failures=(failure("load", None, failed),))
    asker = Asker(worker)
    answers: list[TileAnswer] = []
    for done, tile in enumerate(tiles, start=1):
        answer = asker.ask(tile.name, tile.pixels)
        if answer is not None:
            answers.append(summarise(tile, answer, len(metadata.classes)))
        if asker.died is not None:
            break
        if progress is not None:
            progress(done, len(tiles))
    died = asker.died
    if died is None:
        try:
            worker.finish()
        except WorkerDied as death:
            died = failure("exit", None, death)
    return RunRecord(environment, load, died, tuple(asker.failures), tuple(answers))


def _load(worker: Worker, folder: Path, network: Network) -> LoadRecord:
    serving = network.serving
    if serving is None or len(serving.inputs) != 1 or len(serving.outputs) != 1:
        raise UnavailableError("the network has no signature with one input and one output")
    fed, fetched = serving.inputs[0], serving.outputs[0]
    return worker.load(
        folder,
        loader=network.loader,
        signature=serving.name,
        input=(fed.key, fed.tensor),
        output=(fetched.key, fetched.tensor),
    )
