"""`CzModel.predict` and `CzModel.segment`: images in, arrays out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from czcheck.errors import InputError, UsageError
from czcheck.images.image import wrap_array
from czcheck.images.selection import EVERYTHING
from czcheck.segmenting.planes import Block, Labeller, Sink, segment_plane
from czcheck.segmenting.runner import ModelRunner, NetworkFailedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.image import Image, Plane
    from czcheck.model import Model
    from czcheck.segmenting.job import Job

Colour = Literal["rgb", "bgr"]
# Numbers per pixel of colours, without and with alpha; axes of an array that has them.
_COLOURS, _WITH_CHANNELS = (3, 4), 3


class Predictor:
    """A model's network, which stays running from one call to the next. Part of an opened model."""

    def __init__(self, model: Model) -> None:
        """Start nothing yet."""
        self._model = model
        self._runner: ModelRunner | None = None
        self._terms: object = None

    def predict(self, array: Any, job: Job, color: Colour | None) -> NDArray[Any]:
        """See `CzModel.predict`."""
        runner = self._ready(job)
        with self._as_image(array, color, runner) as image:
            (plane,) = image.planes
            shape = (plane.height, plane.width, len(runner.label_values))
            output = np.empty(shape, np.float32)
            self._run(runner, image, plane, _Probabilities(output))
        return output

    def segment(self, source: Any, job: Job, color: Colour | None) -> NDArray[Any]:
        """See `CzModel.segment`."""
        runner = self._ready(job)
        with self._as_image(source, color, runner) as image:
            sizes = {(plane.height, plane.width) for plane in image.planes}
            if len(sizes) > 1:
                shown = ", ".join(f"{width}x{height}" for height, width in sorted(sizes))
                raise UsageError(
                    f"{image.path}: its planes are of different size ({shown} pixels), so they "
                    "are no single array; select one scene"
                )
            labelled = []
            for plane in image.planes:
                dtype = Labeller(runner.label_values).dtype
                labelled.append(np.empty((plane.height, plane.width), dtype))
                self._run(runner, image, plane, _Labels(labelled[-1]))
        return labelled[0] if len(labelled) == 1 else np.stack(labelled)

    def _ready(self, job: Job) -> ModelRunner:
        """The network in its process; that of the last call, where it fits."""
        terms = (job.allow_op, job.require_sandbox, job.limits)
        if self._runner is not None and self._terms != terms:
            self.close()
        if self._runner is None:
            self._runner, self._terms = ModelRunner(self._model, job), terms
        else:
            self._runner.take(job)
        return self._runner

    def _as_image(self, source: Any, color: Colour | None, runner: ModelRunner) -> Image:
        if isinstance(source, str | Path):
            return runner.open(source)
        if runner.job.selections != EVERYTHING:
            raise UsageError("an array is one plane; select scene, channel, time and z beforehand")
        if not hasattr(source, "shape"):
            source = np.asarray(source)
        colours = self._model.metadata.pixel_type.is_colour
        if color is None and colours and len(source.shape) == _WITH_CHANNELS:
            # As every reader of images in Python has them.
            color = "rgb" if source.shape[-1] in _COLOURS else None
        return runner.view(wrap_array(source, color=color))

    def _run(self, runner: ModelRunner, image: Image, plane: Plane, sink: Sink) -> None:
        layout = runner.layout(plane)
        try:
            segment_plane(runner, image, plane, layout, [sink])
        except NetworkFailedError:
            self.close()
            raise
        except InputError:  # the image's fault
            runner.drain()
            raise
        except BaseException:
            self.close()  # tiles may still be under way
            raise

    def close(self) -> None:
        """End the process."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None


class _Probabilities:
    """Puts a plane's probabilities into one array."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    def take(self, block: Block) -> None:
        self._array[block.place.used] = block.probabilities


class _Labels:
    """Puts a plane's labels into one array."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    def take(self, block: Block) -> None:
        self._array[block.place.used] = block.labels
