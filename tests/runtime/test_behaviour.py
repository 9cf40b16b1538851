"""What is measured beside the test tiles, on networks in a real TensorFlow and on played ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import czcheck
from czcheck.limits import DEFAULT_LIMITS
from czcheck.runtime import (
    CommandFailed,
    LoadRecord,
    Output,
    RunRecord,
    Session,
    TileOutput,
    Worker,
    WorkerDied,
    run_network,
    summarise,
)
from czcheck.runtime.measure import Behaviour, Probe, Terms, cost_of, measure_behaviour
from czcheck.test_tiles import NAMES, Tile, tiles
from fixtures.archives import czmodel, metadata_xml
from fixtures.bad_behaviour import GRAY, Net
from fixtures.graphs import Graph, classifier

Network = Callable[[Any], Any]


class Played:
    """Stands in for a worker: answers by a function, or raises what the function raises."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def predict(self, batch: Any) -> Output:
        answer = self.network(batch)
        return Output(answer, str(answer.dtype), answer.shape, 0.1, 1000)


def bright(batch: Any) -> Any:
    probability = 1 / (1 + np.exp(-16 * (batch.mean(-1) - 0.35)))
    return np.stack([1 - probability, probability], -1).astype(np.float32)


def measured(
    network: Network, *, top: float = 1, colours: bool = False, batch: bool = True
) -> tuple[Behaviour, Session]:
    pixel_type = "Bgr96Float" if colours else "Gray32Float" if top == 1 else "Gray8"
    made = list(tiles(32, 32, 3 if colours else 1, pixel_type))
    session = Session(Played(network))  # type: ignore[arg-type]
    probe = Probe()
    for tile in made:
        answer = session.predict(tile.name, tile.pixels)
        assert answer is not None
        statistics = summarise(tile, answer, 2).statistics
        assert statistics is not None
        probe.look_at(tile, answer, statistics.classes_won)
    partner = made[-1].pixels if batch else None
    found = measure_behaviour(session, probe, Terms(top=top, colours=colours, partner=partner))
    assert found is not None
    return found, session


def test_a_network_that_behaves() -> None:
    found, session = measured(bright)
    assert found.again is not None
    assert found.batch is not None
    assert found.again.difference == found.batch.difference == 0
    assert (found.scaled, found.colours, found.fresh) == (None, None, None)
    assert found.orientation is not None
    assert found.orientation.way == "upright"
    assert (session.failures, session.died, session.runs) == ([], None, len(NAMES) + 3)


def test_the_tile_with_the_most_varied_answer_is_looked_at() -> None:
    found, _ = measured(bright)
    assert found.tile == "blobs"
    assert min(found.labels) > 0.2 * sum(found.labels)


def test_a_network_that_draws_random_numbers() -> None:
    generator = np.random.default_rng(0)
    found, _ = measured(lambda batch: bright(batch + generator.normal(0, 0.2, batch.shape)))
    assert found.again is not None
    assert found.again.share < 0.95
    assert found.again.difference > 0.1


def test_a_network_with_statistics_over_the_batch() -> None:
    found, _ = measured(lambda batch: bright(batch - batch.mean(axis=0) / 2))
    assert found.again is not None
    assert found.batch is not None
    assert found.again.difference == 0
    assert found.batch.difference > 0.1
    alone, _ = measured(lambda batch: bright(batch - batch.mean(axis=0) / 2), batch=False)
    assert alone.batch is None


def test_a_network_for_raw_intensities() -> None:
    found, _ = measured(lambda batch: bright(batch / 255), top=255)
    assert found.scaled is not None
    assert found.scaled.share < 0.9
    assert found.scaled.won[1] == 0
    indifferent, _ = measured(lambda batch: bright(batch / batch.max(initial=1e-9)), top=255)
    assert indifferent.scaled is not None
    assert indifferent.scaled.share == 1


def test_a_network_that_looks_at_one_colour() -> None:
    found, _ = measured(lambda batch: bright(batch[..., :1]), colours=True)
    assert found.colours is not None
    assert found.colours.share < 0.9
    blind, _ = measured(bright, colours=True)
    assert blind.colours is not None
    assert blind.colours.share > 0.999


def test_a_batch_that_is_refused_is_no_failure_of_the_network() -> None:
    def refuses(batch: Any) -> Any:
        if len(batch) > 1:
            raise CommandFailed({"kind": "InvalidArgumentError", "error": "only one"})
        return bright(batch)

    found, session = measured(refuses)
    assert found.batch is None
    assert found.batch_failure == "InvalidArgumentError: only one"
    assert session.failures == []


def test_a_batch_that_needs_too_much_memory_says_nothing() -> None:
    def runs_out(batch: Any) -> Any:
        if len(batch) > 1:
            raise CommandFailed({"kind": "ResourceExhaustedError", "error": "no room"})
        return bright(batch)

    found, session = measured(runs_out)
    assert (found.batch, found.batch_failure) == (None, None)
    assert session.failures == []


def test_a_death_while_measuring_is_kept_and_ends_it() -> None:
    calls = []

    def dies(batch: Any) -> Any:
        calls.append(batch)
        if len(calls) > len(NAMES):
            raise WorkerDied("the process aborted (SIGABRT)", "predict", "abort")
        return bright(batch)

    found, session = measured(dies)
    assert (found.again, found.batch, found.orientation) == (None, None, None)
    assert session.died is not None
    assert session.died.tile == f"{found.tile}, a second time"
    assert len(calls) == len(NAMES) + 1


def test_no_natural_tile_no_behaviour() -> None:
    session = Session(Played(bright))  # type: ignore[arg-type]
    probe = Probe()
    tile = Tile("zeros", np.zeros((32, 32, 1), np.float32), natural=False)
    answer = session.predict(tile.name, tile.pixels)
    assert answer is not None
    probe.look_at(tile, answer, (1024, 0))
    assert measure_behaviour(session, probe, Terms(1, colours=False, partner=None)) is None
    assert session.runs == 1


def test_cost_leaves_the_first_tile_apart() -> None:
    def answer(seconds: float) -> TileOutput:
        shape = (1, 500, 1000, 2)
        return TileOutput("t", True, shape, shape, "float32", seconds, None)

    load = LoadRecord("session", 0.3, peak_bytes=10)
    cost = cost_of(load, [answer(each) for each in (0.9, 0.1, 0.5, 0.2)], 12345)
    assert cost is not None
    assert (cost.load_seconds, cost.first_tile_seconds, cost.tile_seconds) == (0.3, 0.9, 0.2)
    assert cost.megapixel_seconds == pytest.approx(0.4)
    assert cost.peak_bytes == 12345
    alone = cost_of(load, [answer(0.9)], 0)
    assert alone is not None
    assert (alone.tile_seconds, alone.megapixel_seconds, alone.peak_bytes) == (None, None, None)
    assert cost_of(load, [], 0) is None


def ran(graph: Graph, path: Path, *changes: tuple[str, str], thorough: bool = False) -> RunRecord:
    path.write_bytes(czmodel(metadata_xml(*changes), graph.payload()))
    with czcheck.open(path) as model, Worker() as worker:
        return run_network(
            worker,
            model.files,
            model.network,
            model.metadata,
            list(tiles(32, 32, 1, model.metadata.pixel_types[0])),
            DEFAULT_LIMITS,
            fresh=Worker if thorough else None,
        )


@pytest.mark.tensorflow
def test_a_real_network_in_two_processes(tmp_path: Path) -> None:
    net = Net()
    record = ran(net.ended(net.reshaped()), tmp_path / "one.czmodel", GRAY, thorough=True)
    assert record.all_failures == ()
    behaviour, cost = record.behaviour, record.cost
    assert behaviour is not None
    assert behaviour.again is not None
    assert behaviour.fresh is not None
    assert behaviour.again.difference == behaviour.fresh.difference == 0
    assert behaviour.batch_failure is not None
    assert "reshape" in behaviour.batch_failure
    assert record.tile_runs >= len(NAMES) + 3
    assert cost is not None
    assert cost.peak_bytes is not None
    # TensorFlow alone; and not the whole machine.
    assert 200e6 < cost.peak_bytes < 8e9
    assert 0 < cost.load_seconds < 60
    assert cost.tile_seconds is not None
    assert 0 < cost.tile_seconds <= cost.first_tile_seconds


@pytest.mark.tensorflow
def test_a_batch_of_one_is_not_tried_with_two(tmp_path: Path) -> None:
    record = ran(classifier(batch=1), tmp_path / "one.czmodel")
    behaviour = record.behaviour
    assert behaviour is not None
    assert (behaviour.batch, behaviour.batch_failure, behaviour.fresh) == (None, None, None)
    assert behaviour.scaled is not None
    assert behaviour.scaled.share < 0.9
    assert record.tile_runs >= len(NAMES) + 3
