"""A model's network in its process, run on one tile after another."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import InputError, UnavailableError, UsageError
from czcheck.images.formats import open_selected
from czcheck.images.matching import for_model
from czcheck.runtime.networks import Worker
from czcheck.runtime.session import Session
from czcheck.segmenting.layout import Layout, tiles
from czcheck.text import sizes as shown

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from czcheck.images.image import Image, Plane
    from czcheck.model import Model
    from czcheck.runtime.outputs import Environment
    from czcheck.runtime.source import WorkerSource
    from czcheck.segmenting.job import Job

_TILE_AXES = 4
# The network's process has the next tile at hand when it is done with one.
SLOTS = 2


class NetworkFailedError(InputError):
    """The network failed, and not the image."""


class ModelRunner:
    """A model's network, ready to run on tiles. A context manager.

    Outputs come in the order in which tiles are submitted, at most `SLOTS` at a time.

    Attributes:
        model: The opened archive.
        job: How it is run.
        tile: (height, width) of its tiles in pixels.
        border: Pixels of a tile that are discarded at its inner edges.
        channels: Numbers per pixel that the network takes.
        label_values: The label of each output channel.
        stride: What tiles are aligned to: the network's stride, or 1.
        environment: What it runs in; None before it is loaded.
    """

    def __init__(
        self,
        model: Model,
        job: Job,
        source: WorkerSource | None = None,
        *,
        start: bool = True,
    ) -> None:
        """Check that the network can be run, and start its process without waiting for it.

        Args:
            model: The opened archive; it stays the caller's to close.
            job: How to run it.
            source: Where processes come from; one of its own if left out.
            start: Whether to start the process at once, and not with the first tile.

        Raises:
            InputError: The model cannot be run, or must not be.
            UsageError: The tile does not fit the network.
        """
        self.model = model
        self.take(job)
        self._worker = (
            Worker(limits=job.limits, require_sandbox=job.require_sandbox, slots=SLOTS)
            if source is None
            else source.worker(slots=SLOTS)
        )
        self._session = Session(self._worker, slots=SLOTS)
        if start:
            self._worker.start()
        self._loaded = False
        self.environment: Environment | None = None

    def take(self, job: Job) -> None:
        """Run tiles for another job from now on, in the same process.

        Args:
            job: How to run it. Its limits on the process are not used.

        Raises:
            InputError: The model cannot be run, or must not be.
            UsageError: The tile does not fit the network.
        """
        self.job = job
        try:
            self._fit()
        except UnavailableError as error:
            raise InputError(
                f"{self.model.path}: cannot be run: {self.model.damage or error}; "
                "see `czcheck verify`"
            ) from error

    def _fit(self) -> None:
        """Find tile, border, channels and classes; refuse what must not run."""
        model, job = self.model, self.job
        if (objection := model.safety.objection(job.allow_op)) is not None:
            raise InputError(
                f"{model.path}: the network must not be run: {objection}; see `czcheck verify`"
            )
        metadata = model.metadata
        fed, _ = model.network.required_ends
        shape = fed.shape
        if shape is not None and len(shape) != _TILE_AXES:
            raise UnavailableError(f"the network's input has {len(shape)} axes, not 4")
        sizes = (None, None, None) if shape is None else shape[1:]
        self.tile = self._tile_of(sizes[:2])
        self.channels = sizes[2] or metadata.channel_count
        self.label_values = tuple(each.label_value for each in metadata.classes)
        self.border = metadata.border_size if job.border is None else job.border
        self.stride = self._stride() if job.align else 1
        if not 0 < max(self.label_values) <= 65535 or min(self.label_values) < 1:
            raise UnavailableError("its LabelValues are not numbers from 1 to 65535")

    def _stride(self) -> int:
        """What tiles are aligned to."""
        reach = self.model.reach
        if self.job.stride is not None:
            return self.job.stride
        if reach.kind == "unknown":
            node = "" if reach.because is None else f" (its {reach.because.op} is unknown)"
            raise UsageError(
                f"{self.model.path}: the network's stride is not known{node}; "
                "give --stride PIXELS, or leave --align out"
            )
        return max(1, reach.stride)

    @property
    def grid(self) -> int:
        """Multiples by which a tile can be moved so that poolings see the same, as far as known."""
        return self.job.stride or max(1, self.model.reach.stride)

    def _tile_of(self, sizes: tuple[int | None, ...]) -> tuple[int, int]:
        job, path = self.job, self.model.path
        found = tuple(
            size or declared
            for size, declared in zip(sizes, self.model.metadata.total_tile, strict=True)
        )
        requested = job.tile or found
        if None in requested:
            raise UsageError(f"{path}: the network leaves the size of a tile open; give --tile HxW")
        for size, given in zip(sizes, requested, strict=True):
            if size not in (None, given):
                raise UsageError(
                    f"{path}: the network takes tiles of {shown(sizes)} pixels, not "
                    f"{shown(requested)}; "
                    "leave --tile out"
                )
        return int(requested[0] or 0), int(requested[1] or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open(self, path: str | Path) -> Image:
        """Open an image as the network takes it: what the job selects of it.

        Raises:
            UsageError: No such file, or a selection that matches nothing.
            InputError: The image cannot be read, or does not fit the model.
        """
        return self.view(open_selected(path, self.job.selections))

    def view(self, image: Image) -> Image:
        """An image as the network takes it; closed where it does not fit.

        Args:
            image: The image. Closing the view closes it.

        Raises:
            InputError: It does not fit the model.
        """
        try:
            return for_model(
                image,
                self.model.metadata,
                network_channels=self.channels,
                intensities=self.job.intensities,
            )
        except BaseException:
            image.close()
            raise

    def layout(self, plane: Plane) -> Layout:
        """The tiles of a plane.

        Raises:
            UsageError: The border leaves nothing of a tile, or tiles cannot be aligned.
        """
        try:
            return tiles((plane.height, plane.width), self.tile, self.border, align=self.stride)
        except UsageError as error:
            raise UsageError(f"{self.model.path}: {error}") from error

    def load(self) -> None:
        """Wait for TensorFlow and load the network, unless that has been done.

        Raises:
            InputError: The network cannot be loaded.
            IncompleteError: The process could not be started.
        """
        if self._loaded:
            return

        model, session = self.model, self._session
        session.load(model.files, model.network, model.limits)
        if failures := session.all_failures:
            raise NetworkFailedError(
                f"{model.path}: the network cannot be loaded: {failures[-1].reason}"
            )
        self.environment = session.environment
        self._loaded = True

    def submit(self, pixels: NDArray[Any], where: str = "the tile") -> None:
        """Start running one tile, without waiting for its output.

        Args:
            pixels: `(height, width, channels)`, raw intensities of the pixel type, any dtype.
            where: What to call the tile where it fails.

        Raises:
            IncompleteError: There is no room for it.
        """
        if pixels.shape != (*self.tile, self.channels):
            raise ValueError(f"{pixels.shape} is not {(*self.tile, self.channels)}")
        self.load()
        fed: NDArray[np.float32] = pixels.astype(np.float32)
        if (divisor := self.model.metadata.input_divisor) != 1:
            fed /= np.float32(divisor)
        self._session.submit(where, fed[None])

    @property
    def waiting(self) -> int:
        """How many tiles were submitted and not collected."""
        return self._session.waiting

    @property
    def peak_bytes(self) -> int:
        """The most memory that its process has had in use; 0 if unknown."""
        return self._session.peak_bytes

    def collect(self) -> NDArray[np.float32]:
        """Wait for the output for the tile that was submitted first.

        Returns:
            Probabilities, `(height, width, classes)`, float32, finite.

        Raises:
            NetworkFailedError: The network failed, ended its process, or returned something else.
            IncompleteError: The process ended through no fault of the network's.
        """
        path = self.model.path
        where, output = self._session.collect()
        if output is None:
            reason = self._session.all_failures[-1].reason
            raise NetworkFailedError(f"{path}: the network failed on {where}: {reason}")
        expected = (1, *self.tile, len(self.label_values))
        if output.array is None or output.shape != expected or output.dtype != "float32":
            raise NetworkFailedError(
                f"{path}: the network returned {output.dtype} {output.shape} for {where}, "
                f"not float32 {expected}; see `czcheck verify`"
            )
        probabilities: NDArray[np.float32] = output.array[0]
        # The worker is not trusted. A sum is finite if all are, or if it just overflows.
        if not math.isfinite(probabilities.sum(dtype="float64")):
            raise NetworkFailedError(
                f"{path}: the network's output for {where} contains values that are not numbers; "
                "see `czcheck verify`"
            )
        return probabilities

    def drain(self) -> None:
        """Wait for submitted tiles, and discard their outputs.

        Raises:
            InputError: See `collect`.
        """
        while self.waiting:
            self.collect()

    def finish(self) -> None:
        """Check that the process ends normally: only then do its outputs count.

        Raises:
            InputError: It ended otherwise.
        """
        if not self._loaded:
            return
        self._session.finish()
        if (died := self._session.died) is not None:
            raise NetworkFailedError(
                f"{self.model.path}: the network's process did not end normally: {died.reason}"
            )

    def kill(self) -> None:
        """End the process from another thread."""
        self._worker.kill()

    def close(self) -> None:
        """End the process. May be called more than once."""
        self._worker.close()
