"""The same segmentation on a real cluster of two workers, one of which is killed."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tifffile

import czcheck
from czcheck import clusters
from czcheck.errors import IncompleteError, InputError, UsageError

ROOT = Path(__file__).parents[2]
pytest.importorskip("distributed", reason="needs czcheck[dask]")
pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(600)]


class Running(NamedTuple):
    address: str
    workers: list[subprocess.Popen[bytes]]


def start(program: str, *options: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *options]
    # A file, since nobody reads a pipe here.
    with (folder / f"{program}-{time.monotonic_ns()}.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Running]:
    """A scheduler and two workers, in processes of their own."""
    file = tmp_path / "scheduler.json"
    where = ("--host", "127.0.0.1", "--no-dashboard")
    scheduler = start(
        "scheduler", *where, "--port", "0", "--scheduler-file", str(file), folder=tmp_path
    )
    options = ("--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard")
    workers = [start("worker", *options, folder=tmp_path) for _ in range(2)]
    try:
        limit = time.monotonic() + 120
        while not file.exists() or not file.read_text():
            assert time.monotonic() < limit, "the scheduler did not start"
            time.sleep(0.2)
        address = json.loads(file.read_text())["address"]
        from distributed import Client

        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
        yield Running(address, workers)
    finally:
        # A worker of distributed that is told to end while its scheduler ends may wait for ever.
        for process in (*workers, scheduler):
            end(process)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, nuclei: np.ndarray) -> Path:
    """Two points in time of 900 x 360 pixels."""
    path = tmp_path_factory.mktemp("image") / "nuclei.ome.tif"
    tall = np.concatenate([nuclei, nuclei[:, ::-1], nuclei[:100]])
    tifffile.imwrite(path, np.stack([tall, tall[::-1]]), metadata={"axes": "TYX"})
    return path


def contents(store: Path) -> dict[str, bytes]:
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file()
    }


def test_the_result_is_the_local_one_byte_for_byte_though_a_worker_is_lost(
    networks: Path, image: Path, cluster: Running, tmp_path: Path
) -> None:
    model = networks / "unet.czmodel"
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here, there = tmp_path / "here", tmp_path / "there"
    options: dict[str, Any] = {"border": 24, "min_confidence": 55}
    local = czcheck.segment(model, image, here / "l.zarr", probabilities=here / "p.zarr", **options)
    victim = cluster.workers[0]
    killed = threading.Event()

    def kill(done: int, total: int) -> None:
        # Some of the work is done, and some is not.
        if done < total and not killed.is_set():
            killed.set()
            victim.send_signal(signal.SIGKILL)

    spread = czcheck.segment(
        model,
        image,
        there / "l.zarr",
        probabilities=there / "p.zarr",
        overlay=there / "o.png",
        objects=there / "o.csv",
        dask=cluster.address,
        progress=kill,
        **options,
    )
    assert killed.is_set()
    assert victim.wait(10) == -signal.SIGKILL
    for store in ("l.zarr", "p.zarr"):
        assert contents(there / store) == contents(here / store)
    shares = [[plane.pixels for plane in each.images[0].planes] for each in (local, spread)]
    assert shares[0] == shares[1]
    assert (there / "o.csv").read_text("utf-8").count("\n") > 10
    assert len(list(there.glob("o*.png"))) == 2
    assert spread.environment is not None
    # Only the killed worker could not clear up behind itself.
    alive = subprocess.run(
        ["pgrep", "-f", "czcheck/runtime/worker.py"], capture_output=True, text=True, check=False
    )
    children = {Path(f"/proc/{pid}/stat") for pid in alive.stdout.split()}
    parents = {file.read_text().split()[3] for file in children if file.exists()}
    assert str(victim.pid) not in parents
    assert str(cluster.workers[1].pid) not in parents

    # A network that fails there is told as if it had failed here; the cluster goes on.
    bright = tmp_path / "bright.tif"
    tifffile.imwrite(bright, np.full((90, 90), 255, np.uint8))
    with pytest.raises(InputError, match=r"strict.czmodel: the network failed on the tile"):
        czcheck.segment(networks / "strict.czmodel", bright, there / "s.zarr", dask=cluster.address)
    done = subprocess.run(
        [sys.executable, "-m", "czcheck", "segment", str(model), str(image), "--dask",
         cluster.address, "-o", str(there / "again.zarr"), "--time", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 image segmented" in done.stdout

    # Archives are checked there, too, with the same outcomes.
    bundled = ROOT / "fixtures" / "models" / "nuclei.czmodel"
    bad = ROOT / "fixtures" / "bad" / "CZ207_same_colour.czmodel"
    there_checked = czcheck.verify([bundled, bad], dask=cluster.address)
    here_checked = czcheck.verify([bundled, bad])
    assert [file.outcomes for file in there_checked.files] == [
        file.outcomes for file in here_checked.files
    ]
    assert [file.path for file in there_checked.files] == [str(bundled), str(bad)]
    assert there_checked.files[0].looked_at["run"]["tiles"] > 5


def test_results_that_a_cluster_cannot_write(networks: Path, image: Path, tmp_path: Path) -> None:
    model = networks / "unet.czmodel"
    with pytest.raises(UsageError, match="leave --dask or --evidence out"):
        czcheck.verify(model, dask="tcp://127.0.0.1:1", evidence=tmp_path / "found")
    with pytest.raises(UsageError, match="leave --dask or --seams out"):
        czcheck.segment(model, image, tmp_path / "a.zarr", dask="tcp://127.0.0.1:1", seams=True)


def test_nobody_answers(
    networks: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "SECONDS_TO_CONNECT", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(IncompleteError, match="no Dask scheduler responds there"):
            czcheck.segment(networks / "unet.czmodel", image, tmp_path / "a.zarr", dask=address)
    with pytest.raises(UsageError, match="not an address of a Dask scheduler"):
        czcheck.segment(networks / "unet.czmodel", image, tmp_path / "a.zarr", dask="nonsense://x")
    assert list(tmp_path.iterdir()) == []
