"""Writing the results of an image: what is written, and what all writers have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from czcheck.errors import UsageError
from czcheck.files import AbandonedError, settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self

    from czcheck.images.image import Plane
    from czcheck.metadata.classes import SegmentationClass


Kind = Literal["labels", "probabilities", "confidence"]
KINDS: tuple[Kind, ...] = ("labels", "probabilities", "confidence")
TIFF_ENDINGS = (".tif", ".tiff")
CZI_ENDINGS = (".czi",)
ZARR_ENDINGS = (".zarr",)
PNG_ENDINGS = (".png",)
MOST_BYTE_LABEL = 255
# Keys of the meaning of the numbers in a file, and of what they were made of.
CLASSES, SOURCE = "czcheck/classes", "czcheck/source"
# Attribute of a Zarr store with the same, and whether it is still being written.
OURS = "czcheck"


@dataclass(frozen=True, slots=True)
class Content:
    """What is written.

    Attributes:
        kind: `labels`: 0 where the confidence is too low, else the `LabelValue` of a class;
            `probabilities`: a channel for each class, 0..1; `confidence`: the highest probability.
        planes: The planes, as the image names them.
        classes: The model's classes in the order of the output channels.
        pixel_size: (height, width) of a pixel in micrometres, if known.
        source: What it was made of and how, for resuming: the model's id, the image, the options.
            JSON values. A store made of something else is not resumed.
    """

    kind: Kind
    planes: tuple[Plane, ...]
    classes: tuple[SegmentationClass, ...]
    pixel_size: tuple[float, float] | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 for labels up to 255 and uint16 beyond; float32 for the others."""
        import numpy as np  # noqa: PLC0415

        if self.kind != "labels":
            return np.dtype(np.float32)
        highest = max((each.label_value for each in self.classes), default=0)
        return np.dtype(np.uint8 if highest <= MOST_BYTE_LABEL else np.uint16)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels: the classes for probabilities, else one."""
        if self.kind == "probabilities":
            return tuple(each.name for each in self.classes)
        return (self.kind,)

    @property
    def class_entries(self) -> list[dict[str, str | int]]:
        """Name, LabelValue and colour of each class, as files have them next to the numbers."""
        return [
            {
                "Name": each.name,
                "LabelValue": each.label_value,
                "Color": "#{:02X}{:02X}{:02X}".format(*each.color),
            }
            for each in self.classes
        ]

    @property
    def numbers(self) -> dict[str, dict[int, int]]:
        """Numbers from 0 of the scenes, times and sections, by `scene`, `time` and `z`."""
        found = {axis: {getattr(p, axis) for p in self.planes} for axis in ("scene", "time", "z")}
        return {
            axis: {value: number for number, value in enumerate(sorted(values))}
            for axis, values in found.items()
        }


def check_format(path: str | Path, kind: Kind, planes: int) -> None:
    """Refuse what cannot be written in the format of a name.

    Raises:
        UsageError: A name of no known format, or a PNG of fractions or of several planes.
    """
    ending = Path(str(path)).suffix
    known = (*TIFF_ENDINGS, *ZARR_ENDINGS, *CZI_ENDINGS, *PNG_ENDINGS)
    if ending.lower() not in known:
        raise UsageError(
            f"{path}: cannot be written in the format of that name; name a {', '.join(known)} file"
        )
    if ending.lower() not in PNG_ENDINGS:
        return
    other = f"{str(path)[: -len(ending)]}.ome.tif"
    if kind != "labels":
        raise UsageError(f"{path}: PNG holds no fractions, as {kind} are; write {other}")
    if planes > 1:
        raise UsageError(
            f"{path}: PNG holds one plane, the image has {planes}; write {other}, or select one "
            "with --scene, --time and --z"
        )


class Writer(ABC):
    """Writes one file or store, block by block; nothing stands under its name before `commit`.

    A context manager: leaving it by an exception (Ctrl-C, a full disk) aborts, leaving it otherwise
    commits. A store that can be resumed stays when it is aborted, marked as
    unfinished. `write` is called from one thread at a time.

    Attributes:
        path: Where it goes.
        content: What is written.
    """

    path: str
    content: Content

    @abstractmethod
    def write(self, plane: Plane, top: int, left: int, block: NDArray[Any]) -> None:
        """Write a block of one plane. Blocks may come in any order and must not overlap.

        Args:
            plane: One of `content.planes`.
            top: First row.
            left: First column.
            block: `(height, width)`, or `(height, width, classes)` for probabilities, of
                `content.dtype`.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """

    def written(self, plane: Plane, top: int, left: int, height: int, width: int) -> bool:  # noqa: ARG002
        """Whether a block is already there from a run that is resumed.

        Args:
            plane: One of `content.planes`.
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.
        """
        return False

    def read(self, plane: Plane, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Read a block that is there, see `written`.

        Args:
            plane: One of `content.planes`.
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.

        Returns:
            `(height, width)`, or `(height, width, classes)` for probabilities.

        Raises:
            IncompleteError: It cannot be read.
        """
        raise NotImplementedError(f"{self.path} is only written")

    @property
    def resumable(self) -> str | None:
        """Where an interrupted run left what can be resumed; None if there is nothing."""
        return None

    @abstractmethod
    def complete(self) -> None:
        """Do all that is left to do, so that `commit` only has to put it in place.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """

    @abstractmethod
    def commit(self) -> None:
        """Complete what was written, unless that is done, and put it in place.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """

    @abstractmethod
    def abort(self) -> None:
        """Leave nothing behind, or what can be resumed; what stood there before stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()


class FileWriter(Writer):
    """A writer of one file, which is written next to its place.

    Attributes:
        _target: Where the file stands until it is put in place.
        _stack: Closes the file, and what else is open while it is written.
    """

    _target: Path
    _stack: ExitStack
    _is_complete = False

    def complete(self) -> None:
        """Write the file to its end; see `Writer.complete`."""
        try:
            self._finish()
            settle(Path(self.path), self._target)
        except BaseException:
            self.abort()
            raise
        self._is_complete = True

    def commit(self) -> None:
        """Put the file in place; see `Writer.commit`."""
        if not self._is_complete:
            self.complete()
        self._stack.__exit__(None, None, None)

    def abort(self) -> None:
        """Leave nothing behind."""
        self._stack.__exit__(AbandonedError, AbandonedError(), None)

    @abstractmethod
    def _finish(self) -> None:
        """Write what is still to be written to `_target`."""
