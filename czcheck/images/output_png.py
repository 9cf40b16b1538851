"""Writing a label image as PNG: one plane, in memory until it is complete."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from czcheck.files import placing, writing
from czcheck.images.decoders import check_memory
from czcheck.images.png import png_texts
from czcheck.images.writer import CLASSES, SOURCE, Content, FileWriter, check_format

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.image import Plane


class PngOutput(FileWriter):
    """Writes labels as gray PNG, whose numbers are the LabelValues in every program.

    A palette would show them in their colours, but many readers give colours then, and gray
    values of colours when gray is requested. Names and colours of the classes stand in a text.
    """

    def __init__(self, path: Path, content: Content) -> None:
        """Begin a file.

        Args:
            path: The file.
            content: What will be written.

        Raises:
            UsageError: Not labels, several planes, or no such folder.
            InputError: The plane is too large for memory.
            IncompleteError: It cannot be written there.
        """
        check_format(path, content.kind, len(content.planes))
        self.path, self.content = str(path), content
        (plane,) = content.planes
        check_memory(path, plane.height, plane.width, content.dtype.itemsize)
        self._pixels: NDArray[Any] = np.zeros((plane.height, plane.width), content.dtype)
        self._lock = threading.Lock()
        with ExitStack() as stack:
            self._target = stack.enter_context(placing(path))
            self._stack = stack.pop_all()

    def write(self, plane: Plane, top: int, left: int, block: NDArray[Any]) -> None:  # noqa: ARG002
        """Write a block; see `Writer.write`."""
        height, width = block.shape[:2]
        with self._lock:
            self._pixels[top : top + height, left : left + width] = block.reshape(height, width)

    def _finish(self) -> None:
        with writing(self.path):
            Image.fromarray(self._pixels).save(
                self._target, "PNG", pnginfo=png_texts(self._texts())
            )

    def _texts(self) -> dict[str, str]:
        content = self.content
        classes = [
            {
                "LabelValue": each.label_value,
                "Name": each.name,
                "Color": "#{:02X}{:02X}{:02X}".format(*each.color),
            }
            for each in content.classes
        ]
        source = {"Kind": content.kind, **content.source}
        return {CLASSES: json.dumps(classes), SOURCE: json.dumps(source)}
