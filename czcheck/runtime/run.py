"""Runs one network over test tiles: unpack, load, ask, measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from czcheck.errors import UnavailableError
from czcheck.runtime.deaths import CommandFailed, WorkerDied
from czcheck.runtime.record import Failure, RunRecord, TileAnswer, summarise
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
        return RunRecord(environment, None, died=_failure("load", None, death))
    except CommandFailed as failure:
        return RunRecord(environment, None, failures=(_failure("load", None, failure),))
    answers: list[TileAnswer] = []
    failures: list[Failure] = []
    died = None
    for done, tile in enumerate(tiles, start=1):
        try:
            answer = worker.predict(tile.pixels[None])
        except WorkerDied as death:
            died = _failure("predict", tile.name, death)
            break
        except CommandFailed as failure:
            failures.append(_failure("predict", tile.name, failure))
        else:
            answers.append(summarise(tile, answer, len(metadata.classes)))
        if progress is not None:
            progress(done, len(tiles))
    if died is None:
        try:
            worker.finish()
        except WorkerDied as death:
            died = _failure("exit", None, death)
    return RunRecord(environment, load, died, tuple(failures), tuple(answers))


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


def _failure(phase: str, tile: str | None, error: WorkerDied | CommandFailed) -> Failure:
    return Failure(phase=phase, tile=tile, kind=error.kind, reason=error.reason)
