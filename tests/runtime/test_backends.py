"""TensorFlow's C library and its Python package: the same outputs, bit by bit, and errors."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from children import made_by

from czcheck.limits import DEFAULT_LIMITS
from czcheck.network import SavedModelFolder, read_network
from czcheck.network.facts import Network
from czcheck.runtime import CommandFailed, RunnerLimits, Worker, WorkerSource, load_network
from czcheck.runtime.outputs import Output
from czcheck.runtime.unpack import unpack
from fixtures.graphs import FLOAT, Graph, Type, good_payload, spec

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="the C library is used on Linux"),
]

HERE = Path(__file__).parent
SIDE = 8
# They take half a minute, 2.4 GB, more log than is allowed.
HARMFUL = {"slow", "allocates", "prints_much"}
REALS = ("bfloat16", "float16", "float64", "complex64", "complex128")
WHOLE = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders with networks of these tests, as TensorFlow saves them."""
    scripts = ("make_networks.py", "make_rewritten.py", "make_reach_networks.py")
    return [made_by(tmp_path_factory, HERE / script) for script in scripts]


@pytest.fixture(scope="module")
def workers() -> Iterator[tuple[Worker, Worker]]:
    """One worker for each backend."""
    with Worker(backend="c") as library, Worker(backend="python") as python:
        yield library, python
        assert library.hello().backend == "c"
        library.finish()
        python.finish()


def runs(worker: Worker, folder: Path, tiles: list[np.ndarray]) -> list[Output | str]:
    """What a network returns for tiles, or fails with."""
    worker.start()
    files = SavedModelFolder(folder)
    place = worker.folder / f"model-{len(list(worker.folder.iterdir()))}"
    load_network(worker, unpack(files, place), read_network(files, DEFAULT_LIMITS))
    return [output_of(worker, tile) for tile in tiles]


def output_of(worker: Worker, tile: np.ndarray) -> Output | str:
    try:
        return worker.predict(tile)
    except CommandFailed as failed:
        return f"{failed.kind}: {failed.reason}"


def compare(workers: tuple[Worker, Worker], folder: Path) -> list[Output | str]:
    """See that both backends return the same for a network; returns it."""
    (fed,) = read_network(SavedModelFolder(folder), DEFAULT_LIMITS).serving.inputs  # type: ignore[union-attr]
    shape = [size or SIDE for size in (fed.shape or ())[1:]]
    random = np.random.default_rng(0)
    tiles = [np.zeros((1, *shape), np.float32)]
    tiles += [random.random((count, *shape), np.float32) * top for count, top in ((1, 1), (2, 255))]
    library, python = (runs(worker, folder, tiles) for worker in workers)
    for own, other in zip(library, python, strict=True):
        if isinstance(own, str) or isinstance(other, str):
            assert own == other
            continue
        assert (own.dtype, own.shape) == (other.dtype, other.shape)
        if own.array is None or other.array is None:
            assert own.array is other.array
        else:
            assert own.array.tobytes() == other.array.tobytes()
    return library


def test_networks_that_tensorflow_saved(workers: tuple[Worker, Worker], saved: list[Path]) -> None:
    folders = [path.parent for each in saved for path in each.rglob("saved_model.pb")]
    kept = [folder for folder in folders if folder.name not in HARMFUL]
    session = [
        folder
        for folder in kept
        if read_network(SavedModelFolder(folder), DEFAULT_LIMITS).loader == "session"
    ]
    assert len(session) > 12
    for folder in session:
        assert not any(isinstance(each, str) for each in compare(workers, folder)[:2]), folder


def test_networks_of_the_field(
    workers: tuple[Worker, Worker], corpus: Path, tmp_path: Path
) -> None:
    folders = [path.parent for path in corpus.rglob("saved_model.pb")]
    for number, path in enumerate(sorted(corpus.rglob("*.czmodel"))):
        with zipfile.ZipFile(path) as archive:
            payloads = [each for each in archive.namelist() if each.endswith(".model")]
            for payload in payloads:
                folders.append(tmp_path / str(number))
                inner = io.BytesIO(archive.read(payload))
                if zipfile.is_zipfile(inner):
                    zipfile.ZipFile(inner).extractall(folders[-1])
    compared = 0
    for folder in folders:
        files = SavedModelFolder(folder)
        network = read_network(files, DEFAULT_LIMITS) if "saved_model.pb" in files.names else None
        if network is not None and network.loader == "session" and network.input is not None:
            compare(workers, folder)
            compared += 1
    assert compared > 8


def ended(tmp_path: Path, build: Callable[[Graph, str], str], dtype: str = "float32") -> Path:
    """A network whose output is made by a function of graph and input."""
    graph = Graph()
    graph.placeholder("image", (None, SIDE, SIDE, 1))
    output = build(graph, "image")
    graph.signature(
        inputs={"image": spec("image", (None, SIDE, SIDE, 1))},
        outputs={"output": spec(output, None, dtype)},
    )
    for name, data in graph.files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.mark.parametrize("dtype", [*REALS, *WHOLE])
def test_outputs_of_every_dtype(workers: tuple[Worker, Worker], tmp_path: Path, dtype: str) -> None:
    def cast(graph: Graph, image: str) -> str:
        return graph.node("cast", "Cast", image, SrcT=FLOAT, DstT=Type(dtype))

    for found in compare(workers, ended(tmp_path, cast, dtype)):
        assert isinstance(found, Output)
        assert found.dtype == dtype
        assert found.array is not None
        assert found.array.dtype.name == ("float32" if dtype == "bfloat16" else dtype)


def test_texts_are_not_stored(workers: tuple[Worker, Worker], tmp_path: Path) -> None:
    def texts(graph: Graph, image: str) -> str:
        return graph.node("text", "AsString", image, T=FLOAT)

    for found in compare(workers, ended(tmp_path, texts, "string")):
        assert isinstance(found, Output)
        assert (found.array, found.dtype) == (None, "object")


def test_errors_say_the_same(workers: tuple[Worker, Worker], tmp_path: Path) -> None:
    def outside(graph: Graph, image: str) -> str:
        rows, axis = graph.const("rows", [99], (1,), "int32"), graph.const("axis", [1], (), "int32")
        whole = Type("int32")
        types = {"Tparams": FLOAT, "Tindices": whole, "Taxis": whole}
        return graph.node("rows_of", "GatherV2", image, rows, axis, **types)

    for found in compare(workers, ended(tmp_path, outside)):
        assert isinstance(found, str)
        assert found.startswith("exception: InvalidArgumentError: ")


def test_a_tile_of_a_wrong_shape(workers: tuple[Worker, Worker], tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(good_payload())) as archive:
        archive.extractall(tmp_path)
    tile = np.zeros((1, 32, 32, 7), np.float32)
    (own,), (other,) = (runs(worker, tmp_path, [tile]) for worker in workers)
    assert isinstance(own, str)
    assert own == other


def test_the_number_of_threads_is_set(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(good_payload())) as archive:
        archive.extractall(tmp_path)
    counts = []
    for threads in (1, 9):
        with Worker(limits=RunnerLimits(threads=threads)) as worker:
            runs(worker, tmp_path, [np.zeros((1, 32, 32, 1), np.float32)])
            assert worker._group is not None
            counts.append(len(list(Path(f"/proc/{worker._group.pid}/task").iterdir())))
            worker.finish()
    assert counts[1] - counts[0] >= 8


def test_a_network_that_is_no_copy_is_never_changed(saved: list[Path]) -> None:
    folder = saved[1] / "called"
    before = (folder / "saved_model.pb").read_bytes()
    assert b"PartitionedCall" in before
    with Worker(backend="c", sandbox=False) as worker:
        load_network(worker, folder, read_network(SavedModelFolder(folder), DEFAULT_LIMITS))
        assert worker.hello().backend == "python"
        assert worker.predict(np.ones((1, 16, 16, 1), np.float32)).array is not None
    assert (folder / "saved_model.pb").read_bytes() == before


def test_which_backend_runs_what(saved: list[Path]) -> None:
    folder = saved[1] / "plain"
    files = SavedModelFolder(folder)
    network = read_network(files, DEFAULT_LIMITS)
    by_object = dataclasses.replace(network, loader="object")

    def reached(worker: Worker, network: Network) -> tuple[str, str | None]:
        with worker:
            worker.start()
            load_network(worker, unpack(files, worker.folder / "model"), network)
            environment = worker.hello()
            worker.finish()
        assert environment.sandboxed, environment.isolation
        return environment.backend, environment.reason

    needed = ("python", "the network needs TensorFlow's object loader")
    with WorkerSource() as source:
        assert reached(source.worker(network=network), network) == ("c", None)
        assert reached(source.worker(network=by_object), by_object) == needed
        assert reached(source.worker(), by_object) == needed
    assert reached(Worker(limits=RunnerLimits(backend="python")), network)[1] == "as chosen"


def test_without_the_library_tensorflow_is_imported(tmp_path: Path) -> None:
    """As on a system whose TensorFlow is built in another way."""
    script = tmp_path / "worker.py"
    runtime = Path(sys.modules["czcheck.runtime.process"].__file__ or "").parent
    for name in ("worker.py", "sandbox.py", "tensorflow_c.py"):
        text = (runtime / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("libtensorflow_cc.so.2", "none.so"), "utf-8")
    with Worker(script=script, backend="c") as worker:
        environment = worker.hello()
        worker.finish()
    assert (environment.backend, environment.sandboxed) == ("python", True)
    assert environment.reason == "the installed TensorFlow has no C library"


def test_reports_name_the_backend(tmp_path: Path) -> None:
    model = HERE.parents[1] / "fixtures" / "models" / "nuclei.czmodel"
    command = [sys.executable, "-m", "czcheck", "verify", str(model), "--no-cache", "--format"]
    for options, backend in (([], "c"), (["--backend", "python"], "python")):
        ended = subprocess.run(
            [*command, "json", *options], capture_output=True, text=True, check=True
        )
        run = json.loads(ended.stdout)["files"][0]["looked_at"]["run"]
        assert run["backend"] == backend
        assert ("backend_reason" in run) == (backend == "python")
