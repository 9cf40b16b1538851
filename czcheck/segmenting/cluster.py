"""Segmenting on a dask.distributed cluster: the model is sent once to each worker, then bands."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import WorkerPlugin, as_completed, get_worker

from czcheck.clusters import cluster_errors, connect
from czcheck.errors import IncompleteError
from czcheck.model import Model
from czcheck.segmenting.bands import Band, bands_of, run_band
from czcheck.segmenting.job import Job
from czcheck.segmenting.runner import ModelRunner

if TYPE_CHECKING:
    from distributed import Client, Future, Worker
    from typing_extensions import Self

    from czcheck.images.image import Plane
    from czcheck.runtime.outputs import Environment
    from czcheck.segmenting.bands import BandResult
    from czcheck.segmenting.layout import Layout
    from czcheck.segmenting.outputs import Outputs


class ModelPlugin(WorkerPlugin):  # type: ignore[misc]
    """A model on one worker, and its network in one process there.

    The scheduler hands it to workers that come later, too.
    """

    def __init__(self, name: str, archive: str, data: bytes, job: Job) -> None:
        """Store what is to be sent.

        Args:
            name: A unique name.
            archive: The archive's file name, for messages.
            data: The archive.
            job: How to run it.
        """
        self.name = name
        self._archive, self._data, self._job = archive, data, job

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - distributed's signature
        """Put the archive into a folder of this worker."""
        self._folder = tempfile.mkdtemp(prefix="czcheck-")
        (Path(self._folder) / self._archive).write_bytes(self._data)
        # A network's process dies with the thread that started it, so there is one thread for it.
        self._thread = ThreadPoolExecutor(1, "czcheck-band")
        self._model: Any = None
        self._runner: Any = None

    def run(self, band: Band) -> BandResult:
        """Segment a band; one at a time on each worker."""
        return self._thread.submit(self._run, band).result()

    def _run(self, band: Band) -> BandResult:
        if self._runner is None:
            path = Path(self._folder) / self._archive
            self._model = Model(path)
            self._runner = ModelRunner(self._model, replace(self._job, model=str(path)))
        try:
            return run_band(self._runner, band)
        except BaseException:
            self._close()  # tiles may still be under way
            raise

    def finish(self) -> None:
        """Check that the network's process ends normally, if there is one.

        Raises:
            InputError: It ended otherwise.
        """
        self._thread.submit(self._finish).result()

    def _finish(self) -> None:
        try:
            if self._runner is not None:
                self._runner.finish()
        finally:
            self._close()

    def _close(self) -> None:
        if self._runner is not None:
            self._runner.close()
        if self._model is not None:
            self._model.close()
        self._runner = self._model = None

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - distributed's signature
        """End the network's process and remove the archive."""
        if self._runner is not None:
            self._runner.kill()
        self._thread.submit(self._close)
        self._thread.shutdown(wait=True)
        shutil.rmtree(self._folder, ignore_errors=True)


def _run_band(name: str, band: Band) -> BandResult:
    """A task: runs on a worker."""
    plugin: ModelPlugin = get_worker().plugins[name]
    return plugin.run(band)


async def _finish(name: str, dask_worker: Worker) -> None:
    """Runs on each worker, which stays in contact with the scheduler meanwhile."""
    plugin = dask_worker.plugins.get(name)
    if plugin is not None:
        await asyncio.to_thread(plugin.finish)


class Cluster:
    """A model on all workers of a cluster. A context manager."""

    def __init__(self, address: str, model: Path, job: Job) -> None:
        """Connect, and send the model.

        Args:
            address: Address of the scheduler, such as `tcp://host:8786`.
            model: The archive.
            job: How to run it.

        Raises:
            UsageError: It is no address.
            IncompleteError: No scheduler responds there, it has no worker, or workers have another
                version of czcheck.
        """
        self._address = address
        self._client: Client = connect(address)
        self._name = f"czcheck-{uuid.uuid4().hex}"
        plugin = ModelPlugin(self._name, model.name, model.read_bytes(), job)
        try:
            with cluster_errors(address):
                self._client.register_plugin(plugin)
        except BaseException:
            self._client.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def workers(self) -> int:
        """How many workers there are now."""
        return max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

    def submit(self, band: Band) -> Future[BandResult]:
        """Start segmenting a band on a worker. If the worker is lost, another one does it."""
        return self._client.submit(_run_band, self._name, band, pure=False)

    def results(
        self, futures: Iterable[Future[BandResult]]
    ) -> Iterator[tuple[Future[BandResult], BandResult]]:
        """The results of bands, in the order in which they are done.

        Yields:
            The band and what was done.

        Raises:
            InputError: The network failed.
            IncompleteError: A band cannot be segmented, or the cluster is gone.
        """
        waiting = list(futures)
        try:
            with cluster_errors(self._address):
                for future in as_completed(waiting, loop=self._client.loop):
                    result: BandResult = future.result()
                    yield future, result
                    future.release()
        except BaseException:
            self._client.cancel(waiting)
            raise

    def finish(self) -> None:
        """Check that all networks' processes end normally: only then do their outputs count.

        Raises:
            InputError: One ended otherwise.
            IncompleteError: The cluster is gone.
        """
        with cluster_errors(self._address):
            self._client.run(_finish, self._name)

    def close(self) -> None:
        """End the networks' processes and leave the cluster."""
        try:
            with cluster_errors(self._address):
                self._client.unregister_worker_plugin(self._name)
        except IncompleteError:
            pass  # it is gone, and so are they
        finally:
            self._client.close()


class Spread:
    """Segments on a cluster.

    Attributes:
        environment: What a network ran in; None before one did.
        peak_bytes: The most memory that a network's process has had in use; 0 if unknown.
    """

    def __init__(self, cluster: Cluster) -> None:
        """Begin nothing yet.

        Args:
            cluster: The cluster, with the model.
        """
        self._cluster = cluster
        self.environment: Environment | None = None
        self.peak_bytes = 0

    def over(
        self,
        path: Path,
        planes: Sequence[tuple[Plane, Layout]],
        outputs: Outputs,
        advance: Callable[[int], None],
    ) -> dict[Plane, dict[int, int]]:
        """Segment all planes of an image at the same time.

        Args:
            path: The image.
            planes: Its planes with their tiles.
            outputs: Where results go.
            advance: Called with the number of tiles that are done.

        Returns:
            Number of pixels by label, of each plane; without those that another run has written.

        Raises:
            InputError: The image is damaged, or the network failed.
            IncompleteError: The cluster is gone, or the disk is full.
        """
        submitted: dict[Any, tuple[Plane, Layout]] = {}
        for number, (plane, layout) in enumerate(planes):
            for done, tiles in outputs.runs(plane, layout):
                if done:
                    continue
                parts = outputs.parts(plane)
                # All stores have the same chunks.
                chunk = min(part.grid[0] for part in parts.values())
                for numbers, inner in bands_of(layout, tiles, chunk, self._cluster.workers):
                    band = Band(str(path.resolve()), number, numbers, parts, inner)
                    submitted[self._cluster.submit(band)] = plane, layout
        pixels: dict[Plane, dict[int, int]] = {plane: {} for plane, _ in planes}
        for future, result in self._cluster.results(submitted):
            plane, layout = submitted[future]
            outputs.take(plane, layout, result)
            for label, count in result.pixels.items():
                pixels[plane][label] = pixels[plane].get(label, 0) + count
            self.environment = result.environment
            self.peak_bytes = max(self.peak_bytes, result.peak_bytes)
            advance(len(result.written) + len(result.pieces))
        return pixels

    def finish(self) -> None:
        """Check that all networks' processes end normally.

        Raises:
            InputError: One ended otherwise.
            IncompleteError: The cluster is gone.
        """
        self._cluster.finish()
