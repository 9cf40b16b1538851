"""Writing CZI through libCZI: blocks become the tiles of a mosaic."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import IncompleteError
from czcheck.files import placing, writing
from czcheck.images.decoders import extra
from czcheck.images.writer import Content, FileWriter
from czcheck.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.image import Plane

_COMPRESSION = "zstd1:ExplicitLevel=1"
_METRES = 1e-6


class CziOutput(FileWriter):
    """Writes a CZI. Scenes, points in time and sections are numbered anew from 0.

    Names, label values and colours of the classes are custom attributes, one for each class.
    """

    def __init__(self, path: Path, content: Content) -> None:
        """Begin a file.

        Raises:
            UsageError: No such folder, or pylibCZIrw is not installed.
            IncompleteError: It cannot be written there.
        """
        try:
            from pylibCZIrw import czi  # noqa: PLC0415
        except ImportError as error:
            raise extra(path, "writing CZI", "pylibCZIrw") from error
        self.path, self.content = str(path), content
        self._channels = len(content.channels)
        self._numbers = content.numbers
        self._lock = threading.Lock()
        with ExitStack() as stack:
            self._target = stack.enter_context(placing(path))
            with _native(path):
                self._file: Any = czi.CziWriter(str(self._target), _COMPRESSION)
            self._stack = stack.pop_all()

    def write(self, plane: Plane, top: int, left: int, block: NDArray[Any]) -> None:
        """Write a block; see `Writer.write`."""
        pixels = block.reshape(*block.shape[:2], self._channels)
        where = self._numbers
        with self._lock, _native(self.path):
            for channel in range(self._channels):
                self._file.write(
                    np.ascontiguousarray(pixels[..., channel : channel + 1], self.content.dtype),
                    location=(plane.left + left, plane.top + top),
                    plane={
                        "T": where["time"][plane.time],
                        "Z": where["z"][plane.z],
                        "C": channel,
                    },
                    scene=where["scene"][plane.scene],
                )

    def _finish(self) -> None:
        with _native(self.path):
            self._describe()
            self._file.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        with suppress(Exception):  # the file is removed, whatever libCZI says of it
            self._file.close()
        super().abort()

    def _describe(self) -> None:
        content = self.content
        height, width = content.pixel_size or (0.0, 0.0)
        attributes = {
            f"Class{each['LabelValue']}": json.dumps(each) for each in content.class_entries
        }
        attributes["Kind"] = content.kind
        attributes["Source"] = json.dumps(dict(content.source))
        self._file.write_metadata(
            document_name=Path(self.path).name,
            channel_names={n: printable(name) for n, name in enumerate(content.channels)},
            scale_x=width * _METRES,
            scale_y=height * _METRES,
            custom_attributes=attributes,
        )


@contextmanager
def _native(path: str | Path) -> Iterator[None]:
    """Turn what libCZI raises while writing into one line."""
    try:
        with writing(path):
            yield
    except RuntimeError as error:
        text = " ".join(str(error).split())[:200]
        raise IncompleteError(f"{path}: cannot be written (is the disk full?): {text}") from error
