"""The measured reach of networks whose reach is known, and of the arithmetic behind it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from children import made_by

from czcheck.network import SavedModelFolder, StaticReach, read_network, static_reach, trace_of
from czcheck.runtime import Output, Session, Worker, load_network
from czcheck.runtime.measure import Borders, Change, ReachRecord, farthest, measure_borders, settled
from czcheck.test_tiles import tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 128


def scene(height: int, width: int) -> NDArray[np.float32]:
    (image,) = tiles(height, width, 1, "Gray32Float", names=("nuclei",))
    return image.pixels


# --- real networks --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = made_by(tmp_path_factory, Path(__file__).with_name("make_reach_networks.py"))
    return folder


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as started:
        started.hello()
        yield started
        started.finish()


def measure(
    worker: Worker, folder: Path, *, declared: int = 8, told: bool = True
) -> tuple[Borders, StaticReach, Session]:
    """A network's borders; `told` is whether the measurement may know what the graph says."""
    network = read_network(SavedModelFolder(folder))
    static = static_reach(trace_of(network))
    inside = worker.folder / folder.name
    if not inside.exists():
        shutil.copytree(folder, inside)
    load_network(worker, inside, network)
    session = Session(worker)
    given = static if told else static._replace(kind="unknown", bound=None)
    size = (SIZE, SIZE)
    borders = measure_borders(session, scene, given, tile="nuclei", size=size, declared=declared)
    assert session.failures == []
    return borders, static, session


LOCAL = (
    "two_convolutions",
    "unet_of_depth_1",
    "unet_of_depth_2",
    "unet_of_depth_3",
    "large_kernel",
    "standardized_unet",
)
KINDS = {
    **dict.fromkeys(LOCAL, "local"),
    "standardized_unet": "global-input",
    "squeeze_excite": "global-inside",
    "instance_norm": "global-inside",
}


@pytest.mark.tensorflow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", LOCAL)
def test_the_measured_reach_is_close_to_the_truth(
    networks: Path, worker: Worker, name: str
) -> None:
    true = json.loads((networks / "truth.json").read_text("utf-8"))[name]
    borders, static, session = measure(worker, networks / name)
    assert session.runs <= 6
    assert static.bound is not None
    found = borders.reach
    assert found is not None
    assert found.kind == KINDS[name]
    finest = found.distances[0]
    assert finest.tolerance == 1e-5
    edges = (finest.top, finest.bottom, finest.left, finest.right)
    for distance, bound, known in zip(edges, static.bound, true, strict=True):
        assert distance is not None
        assert distance <= bound
        assert abs(distance - known) <= 8
    # A stricter tolerance never makes the reach smaller.
    distances = [each.largest or 0 for each in found.distances]
    assert distances == sorted(distances, reverse=True)
    assert found.recommended is not None
    assert (found.at(1e-3) or 0) <= found.recommended <= max(static.bound)


@pytest.mark.tensorflow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["squeeze_excite", "instance_norm"])
def test_no_border_is_enough_for_what_looks_at_everything(
    networks: Path, worker: Worker, name: str
) -> None:
    borders, _, session = measure(worker, networks / name)
    assert session.runs <= 6
    found = borders.reach
    assert found is not None
    assert found.kind == "global-inside"
    assert found.plateau > 1e-3
    assert found.at(1e-5) is None
    assert found.recommended is None


@pytest.mark.tensorflow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", KINDS)
def test_the_kind_shows_itself_even_where_the_graph_is_not_understood(
    networks: Path, worker: Worker, name: str
) -> None:
    borders, _, session = measure(worker, networks / name, told=False)
    assert session.runs <= 6
    assert borders.reach is not None
    assert borders.reach.kind == KINDS[name]


@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_a_border_of_0_under_a_large_kernel(networks: Path, worker: Worker) -> None:
    found = measure(worker, networks / "large_kernel", declared=0)[0].reach
    assert found is not None
    assert found.at(1e-2) == 20
    assert found.change is not None
    assert found.change > 1e-2
    assert found.recommended == 20
    assert found.cost_of(20) == pytest.approx(1 - (88 / 128) ** 2)


@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_an_origin_within_the_stride_matters_where_there_is_one(
    networks: Path, worker: Worker
) -> None:
    offsets = measure(worker, networks / "unet_of_depth_2")[0].offsets
    assert offsets is not None
    assert (offsets.stride, offsets.offset, offsets.usual) == (4, 1, 0)
    assert offsets.change > 1e-3
    assert measure(worker, networks / "two_convolutions")[0].offsets is None


# --- without TensorFlow ---------------------------------------------------------------------------


class Pretender:
    """Takes the place of a worker and answers by a function of the tile."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def predict(self, batch: NDArray[Any]) -> Output:
        array = self._answer(batch)
        return Output(array, "float32", array.shape, 0.0)


def blurred(batch: NDArray[Any], down: int = 3, up: int = 0) -> NDArray[Any]:
    """Probabilities that see some rows above and below, and no columns; zeros lie outside."""
    padded = np.pad(batch, ((0, 0), (down, up), (0, 0), (0, 0)))
    seen = [padded[:, row : row + batch.shape[1]] for row in range(down + up + 1)]
    mean = np.clip(np.mean(seen, axis=0), 0, 1)
    return np.concatenate([mean, 1 - mean], axis=-1).astype(np.float32)


def pretend(answer: Any, static: StaticReach, declared: int = 0) -> Borders:
    session = Session(Pretender(answer))  # type: ignore[arg-type]
    return measure_borders(session, scene, static, tile="nuclei", size=(64, 64), declared=declared)


def test_edges_are_told_apart() -> None:
    unknown = StaticReach(None, 1, "unknown")
    for static in (unknown, StaticReach((5, 5, 5, 5), 1, "local")):
        found = pretend(lambda batch: blurred(batch, 3, 1), static).reach
        assert found is not None
        assert found.kind == "local"
        coarse = found.distances[-1]
        assert (coarse.top, coarse.bottom, coarse.left, coarse.right) == (3, 1, 0, 0)


def test_a_reach_to_the_middle_is_told_as_such() -> None:
    static = StaticReach((40, 0, 0, 0), 1, "local")
    found = pretend(lambda batch: blurred(batch, 40), static).reach
    assert found is not None
    assert found.distances[0].top is None
    assert found.recommended is None


def test_an_answer_that_is_the_same_everywhere_has_no_border_to_measure() -> None:
    found = pretend(
        lambda batch: np.full((*batch.shape[:3], 2), 0.5), StaticReach(None, 1, "local")
    )
    assert found == Borders()


def test_an_answer_that_is_no_number_is_not_measured() -> None:
    def broken(batch: NDArray[Any]) -> NDArray[Any]:
        answer = blurred(batch)
        answer[:, 30] = np.nan if batch[0, 0, 0, 0] != scene(96, 96)[0, 0, 0] else answer[:, 30]
        return answer

    assert pretend(broken, StaticReach((3, 0, 0, 0), 1, "local")) == Borders()


def test_recommendation_is_in_steps_and_no_more_than_the_bound() -> None:
    def recommended(top: int, bound: int, stride: int) -> int | None:
        static = StaticReach((bound,) * 4, stride, "local")
        found = pretend(lambda batch: blurred(batch, top), static).reach
        assert found is not None
        assert found.at(1e-3) == top
        return found.recommended

    assert recommended(5, 20, 1) == 8
    assert recommended(5, 20, 16) == 16
    assert recommended(5, 6, 1) == 6


def test_tails_count_from_behind_the_ring() -> None:
    values = np.zeros((64, 64), np.float32)
    values[:12] = 0.5
    values[-9:] = 0.25
    change = Change(values, ring=8)
    top, bottom, left, _ = change.tails()
    assert settled(top, 0.1).pixels == 4
    assert settled(bottom, 0.1).pixels == 1
    assert settled(bottom, 0.3).pixels == 0
    assert settled(left, 0.1).pixels == 0
    assert settled(top, 0.1).reached


def test_what_one_measurement_missed_another_may_see() -> None:
    near, far = np.array([1.0, 0, 0, 0]), np.array([1.0, 1, 1])
    assert farthest([settled(near, 0.5)]) == 1
    assert farthest([settled(near, 0.5), settled(far, 0.5)]) is None
    assert farthest([settled(near, 0.5), settled(np.array([1.0, 1, 1, 1, 0]), 0.5)]) == 4
    assert farthest([settled(far, 0.5), settled(np.array([1.0, 1, 1, 1, 0]), 0.5)]) == 4


def test_a_record_as_plain_data() -> None:
    found = pretend(blurred, StaticReach((3, 0, 0, 0), 1, "local"), declared=8).reach
    assert isinstance(found, ReachRecord)
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["distances"][0]["top"] == 3
    assert plain["declared_cost"] == pytest.approx(1 - (48 / 64) ** 2, abs=1e-4)
    assert plain["recommended"] == 3
    assert plain["change_at_declared"] == 0
