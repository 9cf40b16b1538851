"""Networks are computed as their graphs say, not as TensorFlow's graph optimiser rewrites them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from children import made_by

import czcheck
from czcheck.limits import DEFAULT_LIMITS
from czcheck.network import SavedModelFolder, read_network
from czcheck.runtime import Worker, WorkerSource
from czcheck.runtime.unpack import unpack
from tests.runtime import rewritten

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(120)]

HERE = Path(__file__).parent
LAYER_NORMS = ("plain", "nested", "called", "loop", "branch")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = made_by(tmp_path_factory, HERE / "make_rewritten.py")
    return folder


WAYS = [("c", "session"), ("python", "session"), ("python", "object")]


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest) -> Iterator[tuple[Worker, str]]:
    """A worker, and the loader to use."""
    backend, loader = request.param
    with Worker(backend=backend) as started:
        yield started, loader
        assert started.hello().backend == backend
        started.finish()


def predict(worker: Worker, folder: Path, tile: np.ndarray, loader: str) -> np.ndarray:
    files = SavedModelFolder(folder)
    network = read_network(files, DEFAULT_LIMITS)
    serving = network.serving
    assert serving is not None
    fed, fetched = serving.inputs[0], serving.outputs[0]
    worker.start()
    load = worker.load(
        unpack(files, worker.folder / f"{folder.name}-{loader}", DEFAULT_LIMITS),
        loader=loader,
        signature=serving.name,
        input=(fed.key, fed.tensor),
        output=(fetched.key, fetched.tensor),
    )
    assert (load.loader, load.first_error) == (loader, None)
    answer = worker.predict(tile).array
    assert answer is not None
    return answer


TILE = np.random.default_rng(0).random((1, rewritten.SIDE, rewritten.SIDE, 1), np.float32)


@pytest.mark.parametrize("name", LAYER_NORMS)
def test_layer_normalisation_of_tokens_has_its_own_epsilon(
    way: tuple[Worker, str], networks: Path, name: str
) -> None:
    worker, loader = way
    answer = predict(worker, networks / name, TILE, loader)
    np.testing.assert_allclose(answer, rewritten.normalised(TILE), atol=2e-6, rtol=0)


def test_the_first_of_equal_classes_is_the_best(way: tuple[Worker, str], networks: Path) -> None:
    worker, loader = way
    answer = predict(worker, networks / "best", TILE, loader)
    np.testing.assert_array_equal(answer, rewritten.best(TILE))
    assert (answer[..., 0] > 0).mean() > 0.5


def test_a_worker_of_a_source_does_the_same(networks: Path) -> None:
    with WorkerSource() as source, source.worker() as worker:
        answer = predict(worker, networks / "called", TILE, "session")
        worker.finish()
    np.testing.assert_allclose(answer, rewritten.normalised(TILE), atol=2e-6, rtol=0)


@pytest.mark.tf200
def test_the_target_itself_runs_as_it_comes(networks: Path, tf200_python: str) -> None:
    """Its own optimiser looks for the best class before values are cut off, and so does ZEN's."""
    with Worker(tf200_python) as worker:
        normalised = predict(worker, networks / "called", TILE, "session")
        best = predict(worker, networks / "best", TILE, "session")
        worker.finish()
    np.testing.assert_allclose(normalised, rewritten.normalised(TILE), atol=2e-6, rtol=0)
    assert (best != rewritten.best(TILE)).mean() > 0.1


def built(networks: Path, folder: Path, name: str) -> Path:
    spec = {
        "Name": name,
        "BorderSize": 0,
        "ColorHandling": "ConvertToMonochrome",
        "PixelType": "Gray32Float",
        "Classes": ["Background", "Nucleus"],
        "ModelPath": str(networks / name),
    }
    (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
    return czcheck.build(folder / "spec.json", folder / f"{name}.czmodel", verify=False).path


def warnings(path: Path) -> list[str]:
    (report,) = czcheck.verify(path, level="network").files
    return [each.message for each in report.findings if each.code == "CZ327"]


def test_a_build_warns_where_the_target_asks_for_the_best_too_early(
    networks: Path, tmp_path: Path
) -> None:
    (message,) = warnings(built(networks, tmp_path, "best"))
    assert "ArgMax with values that a Relu or the like has made equal" in message


@pytest.mark.tf200
def test_a_build_does_not_warn_where_it_holds_the_order(
    networks: Path, tmp_path: Path, tf200_python: str
) -> None:
    path = built(networks, tmp_path, "places")
    assert warnings(path) == []
    with zipfile.ZipFile(path) as outer:
        (payload,) = (name for name in outer.namelist() if name.endswith(".model"))
        with zipfile.ZipFile(io.BytesIO(outer.read(payload))) as inner:
            inner.extractall(tmp_path / "built")
    with Worker(tf200_python) as worker:
        lowered = predict(worker, tmp_path / "built", TILE, "session")
        raw = predict(worker, networks / "places", TILE, "session")
        worker.finish()
    np.testing.assert_array_equal(lowered, rewritten.places(TILE))
    assert (raw != lowered).any()
