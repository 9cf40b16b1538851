"""`czcheck.open`: a czmodel with its facts, and its network to run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from czcheck.images.selection import EVERYTHING, Selections
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.model import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from czcheck.images.matching import Intensities
    from czcheck.images.selection import Selection
    from czcheck.segmenting.job import Job
    from czcheck.segmenting.predicting import Predictor


class CzModel(Model):
    """One archive and its facts. Use it as a context manager, or call `close`.

    Nothing is unpacked to disk but a payload over 64 MiB, into an unnamed temporary file. Only
    `predict` and `segment` run anything, in a process of its own; TensorFlow is not imported.

    Attributes:
        path: The file.
        limits: Limits on everything that is read.
    """

    _predictor: Predictor | None = None

    def _repr_html_(self) -> str:
        from czcheck.report.inspection_text import model_html  # noqa: PLC0415 - in notebooks only

        return model_html(self)

    def close(self) -> None:
        """Close the file, and end the network's process if there is one."""
        if self._predictor is not None:
            self._predictor.close()
            self._predictor = None
        super().close()

    def predict(
        self,
        array: Any,
        *,
        color: Literal["rgb", "bgr"] | None = None,
        intensities: Literal["exact", "keep", "scale"] = "exact",
        **options: Any,
    ) -> NDArray[np.float32]:
        """Run the network over an image of any size, tile by tile as ZEN does.

        The network runs in a process of its own, which is started by the first call and runs until
        `close`.

        Args:
            array: The image, `(height, width)` or `(height, width, channels)`, uint8, uint16 or
                float32: a numpy array, or one of dask or zarr, which is read tile by tile.
            color: Order of the colours in the last dimension. For models of colour images `rgb` if
                left out.
            intensities: What to do with pixels of another depth than the model's: `exact` refuses
                them, `keep` takes the numbers as they are, `scale` brings them to its range.
            **options: Fields of `czcheck.segmenting.job.Job`: `tile`, `border`, `align`, `stride`,
                `pad`, `allow_op`, `require_sandbox`, `limits`.

        Returns:
            The probability of each class, `(height, width, classes)`, float32, 0 to 1.

        Raises:
            InputError: The model cannot be run, or must not be, or failed; or the image does not
                fit it.
            UsageError: An option is wrong.
            IncompleteError: The network's process could not be started, or a package is missing.
        """
        job = self._job(options, EVERYTHING, intensities)
        return self._predicting().predict(array, job, color)

    def segment(  # noqa: PLR0913 - all options of an image, by name
        self,
        image: Any,
        *,
        min_confidence: float = 0,
        align: bool = False,
        scene: Selection = None,
        channel: Selection = None,
        time: Selection = None,
        z: Selection = None,
        allow_missing: bool = False,
        color: Literal["rgb", "bgr"] | None = None,
        intensities: Literal["exact", "keep", "scale"] = "exact",
        **options: Any,
    ) -> NDArray[Any]:
        """Label every pixel of an image of any size, as `czcheck segment` does.

        Args:
            image: A file, or an array; see `predict`.
            min_confidence: Percent, 0 to 100: a pixel whose largest probability is below gets 0.
            align: Whether tiles begin at multiples of the network's stride.
            scene: Scenes of a file, by number or by name; all if left out.
            channel: Channels, likewise.
            time: Points in time, likewise.
            z: Sections, likewise.
            allow_missing: Whether to segment a file that lacks pixels, which are 0 then.
            color: See `predict`.
            intensities: See `predict`.
            **options: See `predict`.

        Returns:
            `(height, width)`, or `(planes, height, width)` for a file of several planes; uint8, or
            uint16 where a LabelValue is above 255. The LabelValue of the most probable class, or 0.

        Raises:
            InputError: See `predict`.
            UsageError: An option is wrong, or the planes are of different size.
            IncompleteError: See `predict`.
        """
        options = {**options, "min_confidence": min_confidence, "align": align}
        selections = Selections(scene, channel, time, z, allow_missing=allow_missing)
        job = self._job(options, selections, intensities)
        return self._predicting().segment(image, job, color)

    def _predicting(self) -> Predictor:
        if self._predictor is None:
            from czcheck.segmenting.predicting import Predictor  # noqa: PLC0415 - needs numpy

            self._predictor = Predictor(self)
        return self._predictor

    def _job(
        self, options: dict[str, Any], selections: Selections, intensities: Intensities
    ) -> Job:
        from czcheck.segmenting.job import job_of  # noqa: PLC0415 - only this method needs it

        return job_of(self.path, options, selections, intensities)


def open_model(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> CzModel:
    """Open a czmodel archive to look into it.

    Args:
        path: The archive.
        limits: Limits on everything that is read.

    Returns:
        The opened model; facts are read on first use.

    Raises:
        UsageError: There is no such file, or it cannot be opened.
    """
    return CzModel(Path(path), limits)
