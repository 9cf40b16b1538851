"""Facts about a segmentation: its results, images and planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from czcheck.images.image import Plane
    from czcheck.metadata.classes import SegmentationClass
    from czcheck.runtime.outputs import Environment
    from czcheck.segmenting.job import Job
    from czcheck.segmenting.layout import Layout
    from czcheck.segmenting.seams import Seams


@dataclass(frozen=True, slots=True)
class PlaneResult:
    """The result of one plane.

    Attributes:
        plane: The plane.
        layout: Its tiles.
        pixels: Number of pixels with each label; label 0 is below the minimum confidence.
        seconds: Wall-clock seconds that it took.
        seams: What changes where tiles meet; None if that was not requested.
    """

    plane: Plane
    layout: Layout
    pixels: dict[int, int]
    seconds: float
    seams: Seams | None = None

    def share(self, label: int) -> float:
        """Share of the plane's pixels with a label, 0..1.

        Args:
            label: A LabelValue, or 0.
        """
        return self.pixels.get(label, 0) / max(1, sum(self.pixels.values()))


@dataclass(frozen=True, slots=True)
class ImageResult:
    """The result of one image.

    Attributes:
        path: The image.
        format: Its format.
        pixel_size: (height, width) of a pixel in micrometres; None if it does not know.
        planes: Its planes.
        written: The files that hold its results.
        warnings: What the user should know.
        missing: What the file lacks of the image; its pixels were 0.
        failed: Why it could not be segmented; None if it was.
    """

    path: str
    format: str = ""
    pixel_size: tuple[float, float] | None = None
    planes: tuple[PlaneResult, ...] = ()
    written: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Images that were segmented.

    Attributes:
        job: How.
        model_name: The model's name.
        classes: Its classes.
        tile: (height, width) of a tile in pixels.
        border: Pixels of a tile that are discarded at its inner edges.
        stride: Multiple at which tiles begin; 1 if they were not aligned.
        environment: What the network ran in; None if nothing ran.
        images: The images.
        objects: Number of objects that were measured; None if that was not requested.
        table: The file that they are in.
        seconds: Wall-clock seconds, TensorFlow's start included.
        peak_bytes: The most memory that the network's process has had in use; 0 if unknown.
        left_out: Earlier results of czcheck in the folders, which are no images to segment.
    """

    job: Job
    model_name: str
    classes: tuple[SegmentationClass, ...]
    tile: tuple[int, int]
    border: int
    stride: int
    environment: Environment | None
    images: tuple[ImageResult, ...]
    objects: int | None
    table: str | None
    seconds: float
    peak_bytes: int
    left_out: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 if all images were segmented, else 1."""
        return 1 if any(each.failed is not None for each in self.images) else 0

    def to_json(self) -> dict[str, Any]:
        """The whole as plain data."""
        environment = self.environment
        return {
            "model": {"path": self.job.model, "name": self.model_name},
            "tile": list(self.tile),
            "border": self.border,
            "align": self.stride if self.job.align else None,
            "pad": self.job.pad,
            "min_confidence": self.job.min_confidence,
            "tensorflow": environment.tensorflow if environment else None,
            "isolation": environment.isolation if environment else None,
            "images": [self._image(each) for each in self.images],
            "left_out": list(self.left_out),
            "objects": self.objects,
            "objects_file": self.table,
            "seconds": round(self.seconds, 3),
            "peak_bytes": self.peak_bytes,
        }

    def _image(self, image: ImageResult) -> dict[str, Any]:
        return {
            "path": image.path,
            "format": image.format,
            "pixel_size_um": None if image.pixel_size is None else list(image.pixel_size),
            "failed": image.failed,
            "warnings": list(image.warnings),
            "missing": list(image.missing),
            "written": list(image.written),
            "planes": [self._plane(each) for each in image.planes],
        }

    def _plane(self, result: PlaneResult) -> dict[str, Any]:
        plane, seams = result.plane, result.seams
        return {
            "scene": plane.scene,
            "scene_name": plane.scene_name,
            "time": plane.time,
            "z": plane.z,
            "height": plane.height,
            "width": plane.width,
            "tiles": len(result.layout),
            "seconds": round(result.seconds, 3),
            "classes": [
                {
                    "label_value": each.label_value,
                    "name": each.name,
                    "pixels": result.pixels.get(each.label_value, 0),
                    "share": result.share(each.label_value),
                }
                for each in self.classes
            ],
            "below_min_confidence": {"pixels": result.pixels.get(0, 0), "share": result.share(0)},
            "seams": None
            if seams is None
            else {
                "near_pixels": seams.NEAR,
                "changed_near": seams.near,
                "changed_elsewhere": seams.elsewhere,
                "changed_pixels": seams.pixels,
                "seams": [
                    {"axis": each.axis, "at": each.at, "changed": each.changed}
                    for each in seams.seams
                ],
            },
        }
