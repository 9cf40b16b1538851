"""Runs a model over labelled images and counts: one process, one plane after another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import heappush, heappushpop
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.errors import InputError, UsageError
from czcheck.evaluating.pairs import pairs_of
from czcheck.evaluating.scoring import PlaneScore, worst_picture
from czcheck.figures.counts import ObjectFigures, PixelCounts
from czcheck.figures.record import Evaluation
from czcheck.images.formats import open_selected
from czcheck.segmenting.planes import segment_plane
from czcheck.segmenting.runner import ModelRunner

if TYPE_CHECKING:
    from czcheck.evaluating.pairs import Pair
    from czcheck.evaluating.scoring import Preview
    from czcheck.evaluating.truth import MaskReading
    from czcheck.figures.record import Goals, ImageEvaluation
    from czcheck.images.image import Image, Plane
    from czcheck.model import Model
    from czcheck.progress import CountProgress
    from czcheck.segmenting.job import Job


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled images, and what a model has to reach on them.

    Attributes:
        images: An image, or a folder of them.
        masks: Its mask, or a folder of masks, named as the images are.
        reading: What the values of masks mean, and the classes that are distinguished.
        goals: What the model has to reach.
        previews: How many of the worst planes to draw.
    """

    images: Path
    masks: Path
    reading: MaskReading
    goals: Goals
    previews: int


def evaluation_of(
    model: Model, labelled: Labelled, job: Job, progress: CountProgress | None = None
) -> Evaluation:
    """Segment labelled images and compare the predictions with the masks.

    Args:
        model: The opened archive.
        labelled: The images.
        job: How to segment. Its minimum confidence counts for the figures of classes and objects.
        progress: Called after each image with the number done and the number of all.

    Raises:
        UsageError: No such path, an image without a mask, or a wrong option.
        InputError: The model cannot be run, an image or a mask cannot be read, or they do not fit.
        IncompleteError: The network's process could not be started.
    """
    pairs, left_over = pairs_of(labelled.images, labelled.masks)
    for pair in pairs:
        # Whatever cannot be read, or lacks pixels, is found before the network takes its time.
        with open_selected(pair.image, job.selections) as image, _mask(pair, job) as mask:
            _together(pair, image, mask)
    reading = labelled.reading
    counts = PixelCounts(len(reading.names))
    worst = _Worst(labelled.previews)
    results: list[ImageEvaluation] = []
    notes = _Notes()
    # A plane is scored at every minimum confidence, so that none is applied to its labels.
    with ModelRunner(model, replace(job, min_confidence=0)) as runner:
        for number, pair in enumerate(pairs, 1):
            for result, preview in _scored(runner, pair, labelled, job, notes):
                counts.merge(result.counts)
                results.append(result)
                worst.add(result, preview)
            if progress is not None:
                progress(number, len(pairs))
        environment = runner.environment
        assert environment is not None  # it has given an output
        runner.finish()
    if not counts.pixels:
        raise InputError(
            f"{labelled.masks}: no pixel is labelled in any mask; "
            "set the meaning of values with --mask"
        )
    if reading.target is not None and not counts.confusion()[1 - reading.shown].any():
        raise InputError(
            f"{labelled.masks}: no pixel of any mask is 0, which is everything else in masks of "
            "one class; do they show all classes? Set the meaning of values with --mask"
        )
    objects = [each.objects for each in results if each.objects is not None]
    bgr = model.metadata.pixel_type.is_colour and runner.channels > 1
    return Evaluation(
        mask=reading.kind.value,
        classes=reading.names,
        images=tuple(results),
        counts=counts,
        objects=sum(objects, ObjectFigures()) if objects else None,
        object_class=reading.names[reading.shown] if reading.numbered else None,
        min_confidence=int(job.min_confidence),
        tensorflow=environment.tensorflow,
        isolation=environment.isolation,
        left_over=tuple(each.name for each in left_over),
        missing=tuple(notes.missing),
        warnings=tuple(notes.warnings),
        pictures=worst.pictures(reading, bgr=bgr),
        tile=runner.tile,
        pad=job.pad,
    )


@dataclass(slots=True)
class _Notes:
    """Warnings about images and masks, each with the file's name."""

    missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def take(self, image: Image, mask: Image) -> None:
        # An image and its mask often have the same name.
        for what, each in (("image", image), ("mask", mask)):
            name = f"{what} {Path(each.path).name}"
            self.missing += [f"{name}: {problem}" for problem in each.missing]
            self.warnings += [f"{name}: {problem}" for problem in each.warnings]


def _mask(pair: Pair, job: Job) -> Image:
    """The mask of an image, opened: its planes as the image's, but all channels that it has."""
    return open_selected(pair.mask, replace(job.selections, channel=None, numbers=True))


def _scored(
    runner: ModelRunner, pair: Pair, labelled: Labelled, job: Job, notes: _Notes
) -> list[tuple[ImageEvaluation, Preview]]:
    """Score the planes of one image."""
    scored = []
    with runner.open(pair.image) as image, _mask(pair, job) as mask:
        notes.take(image, mask)
        for plane, mask_plane in _together(pair, image, mask):
            score = PlaneScore(
                plane, mask, mask_plane, labelled.reading, runner.label_values, job.min_confidence
            )
            layout = runner.layout(plane)
            segment_plane(runner, image, plane, layout, [score])
            result = score.result(pair.image.name + plane.name)
            result = replace(result, tiles=len(layout), padding=layout.padding)
            scored.append((result, score.preview))
    return scored


def _together(pair: Pair, image: Image, mask: Image) -> list[tuple[Plane, Plane]]:
    if len(image.planes) != len(mask.planes):
        raise InputError(
            f"{pair.mask}: the mask has {len(mask.planes)} planes, {pair.image} has "
            f"{len(image.planes)}; select the planes of the mask with --scene, --time and --z"
        )
    return list(zip(image.planes, mask.planes, strict=True))


class _Worst:
    """The planes with the smallest mean intersection over union, while all go by."""

    def __init__(self, count: int) -> None:
        """Start with none.

        Raises:
            UsageError: Less than none.
        """
        if count < 0:
            raise UsageError(f"{count} pictures cannot be drawn; give 0 or more")
        self._count = count
        self._planes: list[tuple[float, str, Preview]] = []

    def add(self, result: ImageEvaluation, preview: Preview) -> None:
        """Store a plane if it is among the worst."""
        if result.mean_iou is None or not self._count:
            return
        # The best of the stored ones comes first, to be replaced.
        entry = (-result.mean_iou, result.name, preview)
        if len(self._planes) < self._count:
            heappush(self._planes, entry)
        else:
            heappushpop(self._planes, entry)

    def pictures(self, reading: MaskReading, *, bgr: bool) -> dict[str, bytes]:
        """Draw them, the worst first."""
        planes = sorted(self._planes, key=lambda each: (-each[0], each[1]))
        return {
            name: worst_picture(preview, reading.colours, bgr=bgr) for _, name, preview in planes
        }
