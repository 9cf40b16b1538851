"""The worker with real TensorFlows and real networks, good ones and others."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from children import made_by

from czcheck.files import sweep
from czcheck.limits import DEFAULT_LIMITS
from czcheck.metadata import ModelMetadata, SegmentationClass
from czcheck.network import SavedModelFolder, read_network
from czcheck.runtime import CommandFailed, Output, RunnerLimits, RunRecord, Worker, run_network
from czcheck.test_tiles import NAMES, Tile, tiles
from fixtures.graphs import good_payload

pytestmark = pytest.mark.tensorflow

TILE = np.ones((1, 8, 8, 1), np.float32)
NODE = "image", "image:0"
METADATA = ModelMetadata(
    model_id="3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911",
    name="Nuclei",
    version="3.0.0",
    classes=(
        SegmentationClass(1, "Background", (255, 0, 0)),
        SegmentationClass(2, "Nucleus", (0, 255, 0)),
    ),
    pixel_types=("Gray16",),
    color_handling="ConvertToMonochrome",
    border_size=4,
)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks that misbehave, as TensorFlow saves them."""
    folder: Path = made_by(tmp_path_factory, Path(__file__).with_name("make_networks.py"))
    return folder


@pytest.fixture(
    params=["this one", pytest.param("TensorFlow 2.0.0", marks=pytest.mark.tf200)], scope="module"
)
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    """A worker that lives for all tests that do it no harm."""
    python = None
    if request.param == "TensorFlow 2.0.0":
        python = request.getfixturevalue("tf200_python")
    with Worker(python) as started:
        yield started
        started.finish()


@pytest.fixture
def place(worker: Worker) -> Path:
    """A new folder in the worker's own: it can read nothing else."""
    worker.start()
    return Path(tempfile.mkdtemp(dir=worker.folder))


@pytest.fixture
def nuclei(corpus: Path, place: Path) -> Path:
    """The SavedModel of a real archive, made by the format's own exporter."""
    with zipfile.ZipFile(corpus / "simple_nuclei_tf200.czmodel") as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".model"))
        return unpacked(archive.read(name), place)


def unpacked(payload: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        archive.extractall(folder)
    return folder


def run(worker: Worker, folder: Path, tested: list[Tile]) -> RunRecord:
    files = SavedModelFolder(folder)
    network = read_network(files, DEFAULT_LIMITS)
    return run_network(worker, files, network, METADATA, tested, DEFAULT_LIMITS)


@pytest.mark.parametrize("loader", ["session", "object"])
def test_a_real_archive_answers_as_where_it_was_made(
    worker: Worker, nuclei: Path, corpus: Path, loader: str
) -> None:
    serving = read_network(SavedModelFolder(nuclei), DEFAULT_LIMITS).serving
    assert serving is not None
    fed, fetched = serving.inputs[0], serving.outputs[0]
    load = worker.load(
        nuclei,
        loader=loader,
        signature=serving.name,
        input=(fed.key, fed.tensor),
        output=(fetched.key, fetched.tensor),
    )
    if worker.hello().tensorflow == "2.0.0":
        assert (load.loader, load.first_error) == (loader, None)
    else:
        assert load.loader == "session"
        assert (load.first_error is None) == (loader == "session")
    tile = np.random.RandomState(0).randint(0, 255, (1, 1024, 1024, 1)).astype(np.float32)
    answer = worker.predict(tile)
    assert (answer.dtype, answer.shape) == ("float32", (1, 1024, 1024, 2))
    assert answer.array is not None
    with np.load(corpus / "simple_nuclei_tf200.npz") as golden:
        image = answer.array[0]
        np.testing.assert_allclose(image[480:544, 480:544], golden["crop"], atol=1e-5, rtol=0)
        np.testing.assert_allclose(image[:16, :16], golden["corner"], atol=1e-5, rtol=0)
        np.testing.assert_allclose(image.mean((0, 1)), golden["mean"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("loader", ["session", "object"])
def test_both_loaders_agree_on_a_hand_written_network(
    worker: Worker, place: Path, loader: str
) -> None:
    folder = unpacked(good_payload(), place)
    load = worker.load(
        folder,
        loader=loader,
        signature="serving_default",
        input=NODE,
        output=("answer", "answer:0"),
    )
    assert (load.loader, load.first_error) == (loader, None)
    for intensity, winner in ((0, 0), (65535, 1)):
        answer = worker.predict(np.full((1, 32, 32, 1), intensity, np.float32))
        assert answer.array is not None
        assert (answer.array.argmax(-1)[0, 1:-1, 1:-1] == winner).all()


def test_what_neither_loader_can_load_is_told(worker: Worker, place: Path) -> None:
    (place / "saved_model.pb").write_bytes(b"\x0a\xff")
    with pytest.raises(CommandFailed) as caught:
        worker.load(
            place, loader="object", signature="none", input=NODE, output=("answer", "answer:0")
        )
    assert [each["loader"] for each in caught.value.record["loaders"]] == ["object", "session"]
    with pytest.raises(CommandFailed, match="no network is loaded"):
        worker.predict(TILE)


def test_a_wrong_name_is_told_when_loading(worker: Worker, place: Path) -> None:
    folder = unpacked(good_payload(), place)
    with pytest.raises(CommandFailed, match="nowhere"):
        worker.load(
            folder, loader="session", signature="none", input=NODE, output=("answer", "nowhere:0")
        )


def test_a_whole_run_is_recorded(tmp_path: Path) -> None:
    folder = unpacked(good_payload(), tmp_path / "model")
    seen = []
    files = SavedModelFolder(folder)
    with Worker() as worker:
        record = run_network(
            worker,
            files,
            read_network(files, DEFAULT_LIMITS),
            METADATA,
            list(tiles(32, 32, 1, "Gray16")),
            DEFAULT_LIMITS,
            lambda done, total: seen.append((done, total)),
        )
    assert record.all_failures == ()
    assert record.load is not None
    assert [answer.tile for answer in record.answers] == list(NAMES)
    assert {answer.shape for answer in record.answers} == {(1, 32, 32, 2)}
    assert {answer.expected for answer in record.answers} == {(1, 32, 32, 2)}
    assert seen == [(done, len(NAMES)) for done in range(1, len(NAMES) + 1)]
    won = {
        answer.tile: answer.statistics.classes_won for answer in record.answers if answer.statistics
    }
    assert won["zeros"] == (1024, 0)
    assert won["saturated"][1] > 800
    if sys.platform == "linux":
        assert record.environment.sandboxed, record.environment.isolation


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("behaves", "abort", "the process aborted (SIGABRT)"),
        ("slow", "time", "no answer within 3 seconds"),
        ("prints_much", "log", "bytes of log"),
    ],
)
def test_a_network_that_brings_its_process_down(
    networks: Path, name: str, kind: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [Tile("first", TILE[0], natural=False), Tile("second", TILE[0], natural=False)]
    limits = RunnerLimits(seconds_tile=3 if name == "slow" else 60)
    with Worker(limits=limits) as worker:
        worker.hello()
        if name == "behaves":  # what it would do, the test does
            collect = worker.collect

            def ended_first(slot: int = 0) -> Output:
                assert worker._group is not None
                os.kill(worker._group.pid, signal.SIGABRT)
                return collect(slot)

            monkeypatch.setattr(worker, "submit", lambda *_: None)
            monkeypatch.setattr(worker, "collect", ended_first)
        assert worker._group is not None
        private, pid = worker.folder, worker._group.pid
        begin = time.monotonic()
        record = run(worker, networks / name, shown)
        assert time.monotonic() - begin < 45
        assert not private.exists()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert record.load is not None
    assert record.died is not None
    assert (record.died.phase, record.died.tile, record.died.kind) == ("predict", "first", kind)
    assert words in record.died.reason
    assert record.answers == ()


def test_memory_is_limited_and_later_tiles_are_tried(networks: Path) -> None:
    bright, dark = Tile("bright", TILE[0], natural=False), Tile("dark", 0 * TILE[0], natural=False)
    with Worker(limits=RunnerLimits(memory_bytes=5 << 29)) as worker:
        record = run(worker, networks / "allocates", [bright, dark])
    assert record.died is None
    assert [(each.tile, each.kind) for each in record.failures] == [("bright", "memory")]
    assert [answer.tile for answer in record.answers] == ["dark"]


def test_what_a_network_prints_does_not_reach_the_channel(networks: Path) -> None:
    shown = [Tile(name, TILE[0], natural=False) for name in ("first", "second")]
    with Worker() as worker:
        record = run(worker, networks / "chats", shown)
    assert record.all_failures == ()
    assert len(record.answers) == 2


def test_a_worker_whose_parent_is_killed_dies_and_its_folder_is_swept(networks: Path) -> None:
    script = f"""
import shutil
from pathlib import Path
import numpy as np
from czcheck.limits import DEFAULT_LIMITS
from czcheck.network.files import SavedModelFolder
from czcheck.network.saved_model import read_network
from czcheck.runtime.networks import Worker
from czcheck.runtime.session import load_network
worker = Worker()
worker.hello()
folder = worker.folder / "model"
shutil.copytree({str(networks / "slow")!r}, folder)
load_network(worker, folder, read_network(SavedModelFolder(folder), DEFAULT_LIMITS))
print(worker._group.pid, worker.folder, flush=True)
worker.predict(np.ones((1, 8, 8, 1), np.float32))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as parent:
        assert parent.stdout is not None
        number, private = parent.stdout.readline().split()
        time.sleep(0.5)
        parent.kill()
    limit = time.monotonic() + 10
    while _runs(int(number)) and time.monotonic() < limit:
        time.sleep(0.02)
    assert not _runs(int(number))
    sweep(Path(private).parent)
    assert not Path(private).exists()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().split()[2] == "Z")
