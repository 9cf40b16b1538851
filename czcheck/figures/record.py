"""What an evaluation found: frozen, and as plain data for reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from czcheck.figures.counts import ObjectFigures, PixelCounts


@dataclass(frozen=True, slots=True)
class ImageEvaluation:
    """One labelled plane.

    Attributes:
        name: The image's file name, with scene, time and z where it has several planes.
        counts: Its pixels.
        objects: Its objects; None where masks do not number them.
        tiles: Number of tiles that it was cut into.
        padding: Share of these tiles that is no image but its continuation, 0 to 1.
    """

    name: str
    counts: PixelCounts
    objects: ObjectFigures | None
    tiles: int = 1
    padding: float = 0

    @property
    def mean_iou(self) -> float | None:
        """Mean over the classes of the intersection over union; None without labelled pixels."""
        values = [each.iou for each in self.counts.class_figures() if each.iou is not None]
        return sum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of a model on labelled images.

    Attributes:
        mask: Kind of the masks: `labels`, `indices`, `instances` or `binary`.
        classes: Names of the classes that are distinguished.
        images: The planes, in the order of their names.
        counts: The pixels of all of them.
        objects: The objects of all of them; None where masks do not number them.
        object_class: Name of the class whose objects are numbered; None as above.
        min_confidence: Minimum confidence in percent that the figures of classes and objects rest
            on.
        tensorflow: Version that ran the network.
        isolation: What the network was shut in by.
        left_over: Masks that no image goes with, and results of czcheck without a mask.
        missing: What the files of images and masks lack; pixels there count as 0.
        warnings: What else a user should know about images and masks.
        pictures: PNG files of the worst planes by name: image, truth, prediction, and where they
            differ, side by side.
        tile: (height, width) of the network's tile in pixels.
        pad: How images were continued where tiles reach over their edges: `reflect` or `zeros`.
    """

    mask: str
    classes: tuple[str, ...]
    images: tuple[ImageEvaluation, ...]
    counts: PixelCounts
    objects: ObjectFigures | None
    object_class: str | None
    min_confidence: int
    tensorflow: str
    isolation: str
    left_over: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    tile: tuple[int, int] = (0, 0)
    pad: str = "reflect"

    @property
    def padding(self) -> float:
        """Share of the network's input that is padding, not image, 0 to 1."""
        tiles = sum(each.tiles for each in self.images)
        return sum(each.tiles * each.padding for each in self.images) / max(tiles, 1)

    def padded(self, share: float = 0) -> tuple[ImageEvaluation, ...]:
        """The planes whose tiles have a larger share of padding.

        Args:
            share: The share, 0 to 1.
        """
        return tuple(each for each in self.images if each.padding > share)

    def to_json(self, goals: Goals | None = None) -> dict[str, Any]:
        """Plain data, as `looked_at.evaluation` in `schemas/report.schema.json`.

        Args:
            goals: What was demanded; None for nothing.
        """
        counts = self.counts
        figures = counts.class_figures(self.min_confidence)
        return {
            "mask": self.mask,
            "images": len(self.images),
            "pixels": counts.pixels,
            "min_confidence": self.min_confidence,
            "tensorflow": self.tensorflow,
            "isolation": self.isolation,
            "tiles": {
                "height": self.tile[0],
                "width": self.tile[1],
                "count": sum(each.tiles for each in self.images),
                "pad": self.pad,
                "padding": self.padding,
                "padded_images": len(self.padded()),
            },
            "pixel_accuracy": counts.accuracy(),
            "classes": [
                {"name": name, **asdict(each)}
                for name, each in zip(self.classes, figures, strict=True)
            ],
            "confusion": counts.confusion(self.min_confidence).tolist(),
            "best_order": list(counts.best_order()),
            "objects": None if self.objects is None else self._objects(self.objects),
            "calibration": {
                "error": counts.calibration_error(),
                "bins": [asdict(each) for each in counts.reliability()],
            },
            "thresholds": [asdict(each) for each in counts.thresholds()],
            "worst": [self._image(each) for each in self.worst(len(self.pictures) or 5)],
            "left_over": list(self.left_over),
            "missing": list(self.missing),
            "warnings": list(self.warnings),
            "goals": [each.to_json() for each in (goals or Goals()).results(self)],
        }

    def _objects(self, objects: ObjectFigures) -> dict[str, Any]:
        return {
            "class": self.object_class,
            **asdict(objects),
            "precision": objects.precision,
            "recall": objects.recall,
            "f1": objects.f1,
        }

    def _image(self, image: ImageEvaluation) -> dict[str, Any]:
        return {
            "name": image.name,
            "pixel_accuracy": image.counts.accuracy(),
            "mean_iou": image.mean_iou,
            "padding": image.padding,
            "f1": None if image.objects is None else image.objects.f1,
        }

    def worst(self, count: int) -> list[ImageEvaluation]:
        """The planes with the smallest mean intersection over union, the worst first."""
        labelled = [each for each in self.images if each.mean_iou is not None]
        return sorted(labelled, key=lambda each: (each.mean_iou, each.name))[:count]


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure and the value that it has to reach.

    Attributes:
        measure: `iou` or `dice` of a class, `accuracy` of the pixels or `f1` of the objects.
        of: Name of the class; None for all pixels.
        demanded: Least value, 0 to 1.
        value: What was found; None where the figure rests on nothing.
    """

    measure: str
    of: str | None
    demanded: float
    value: float | None

    @property
    def reached(self) -> bool:
        """Whether the figure reaches the value; an unknown one does not."""
        return self.value is not None and self.value >= self.demanded

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "measure": self.measure,
            "class": self.of,
            "demanded": self.demanded,
            "value": self.value,
            "reached": self.reached,
        }


@dataclass(frozen=True, slots=True)
class Goals:
    """The values that a model has to reach on labelled images.

    Attributes:
        iou: Least intersection over union by class, 0 to 1.
        dice: Least Dice coefficient by class.
        f1: Least F1 of the objects; None for none.
        accuracy: Least pixel accuracy; None for none.
    """

    iou: Mapping[str, float] = field(default_factory=dict)
    dice: Mapping[str, float] = field(default_factory=dict)
    f1: float | None = None
    accuracy: float | None = None

    def results(self, evaluation: Evaluation) -> Iterator[Goal]:
        """Every goal with the value that was found.

        Yields:
            Those of classes first.
        """
        figures = evaluation.counts.class_figures(evaluation.min_confidence)
        by_name = dict(zip(evaluation.classes, figures, strict=True))
        for name, demanded in self.iou.items():
            yield Goal("iou", name, demanded, by_name[name].iou)
        for name, demanded in self.dice.items():
            yield Goal("dice", name, demanded, by_name[name].dice)
        if self.accuracy is not None:
            yield Goal("accuracy", None, self.accuracy, evaluation.counts.accuracy())
        if self.f1 is not None:
            f1 = None if evaluation.objects is None else evaluation.objects.f1
            yield Goal("f1", evaluation.object_class, self.f1, f1)
