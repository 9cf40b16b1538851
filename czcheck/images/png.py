"""PNG: read, its sizes and texts first and pixels with the first region; and written."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from czcheck.files import placing, writing
from czcheck.images.decoders import bounded, check_memory, extra, opened, readable
from czcheck.images.file_image import FileImage
from czcheck.images.image import Plane, Region, to_bgr
from czcheck.images.selection import Selections
from czcheck.images.writer import CLASSES, SOURCE, Content, FileWriter, check_format
from czcheck.metadata.pixel_types import BY_CONTENT
from czcheck.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage


_COLOUR = 3
# Where a PNG's header holds bits per channel; the kind of colour follows, 0 for gray.
_DEPTH, _START, _BYTE = 24, 26, 8
_HAS_COLOUR = 2
# Modes of Pillow that are read as another one: palette, bits, gray with alpha.
_RESOLVED = {"P": "RGB", "1": "L", "LA": "L"}
# Those of them that are numbers, too.
_NUMBERED = ("P", "1")
# Depths of gray that Pillow spreads over 8 bits.
_SPREAD = (2, 4)


def png_texts(texts: Mapping[str, str]) -> PngInfo:
    """Texts for Pillow to write, in front of the pixels.

    Args:
        texts: By keyword: Latin letters, at most 79.
    """
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_itxt(keyword, printable(text))
    return info


class PngImage(FileImage):
    """A PNG file: gray or colours of 8 or 16 bits, with alpha or without.

    Palettes are resolved, gray of fewer than 8 bits is spread over 0 to 255, and alpha is dropped
    except with colours of 8 bits, where the format has it. Of masks, palettes and gray give the
    numbers in the file. The file is decoded when the first region is read.
    """

    format = "PNG"
    tiled = False
    pixel_size = None

    def __init__(self, path: Path, selections: Selections) -> None:
        """Read the header of a file.

        Raises:
            UsageError: A selection matches nothing, or imagecodecs is not installed.
            InputError: The file is damaged or too large.
        """
        self.path = str(path)
        with opened(path), path.open("rb") as stream:
            start = stream.read(_START)
            depth, colour = start[_DEPTH], start[_DEPTH + 1]
        self._deep = depth > _BYTE and colour != 0
        if self._deep and importlib.util.find_spec("imagecodecs") is None:
            raise extra(path, "PNG with colours of 16 bits", "imagecodecs")
        with opened(path), Image.open(path, formats=("PNG",)) as png:
            height, width = png.height, png.width
            bands = png.getbands()
            mode = _RESOLVED.get(png.mode, "".join(bands) if len(bands) > 1 else "L")
            self._numbers = selections.numbers and png.mode in _NUMBERED
            if self._numbers:
                mode = "L"
            # Pillow spreads gray of 2 and 4 bits as the format requires; bits are left as they are.
            spread = selections.numbers and colour == 0 and depth in _SPREAD
            self._spread = 255 // ((1 << depth) - 1) if spread else 1
            self.result = _kind(png.info.get(SOURCE))
            if (frames := getattr(png, "n_frames", 1)) > 1:
                self.warnings = (f"the file holds {frames} frames; the first one is read",)
        samples = len(mode)
        if self._deep:
            samples = _COLOUR if colour & _HAS_COLOUR else 1
        bounded(path, height=height, width=width, planes=1, channels=samples)
        check_memory(path, height, width, samples * max(1, depth // _BYTE))
        dtype = "uint16" if depth > _BYTE else "uint8"
        self._samples, self._lock = samples, threading.Lock()
        self._pixels: NDArray[Any] | None = None
        self._image: PillowImage | None = None
        channel = ("RGB" if samples >= _COLOUR else "Gray", BY_CONTENT[samples, dtype].name)
        self._choose_planes([Plane(0, 0, 0, "", height, width)], selections)
        self._choose_channels([channel], selections)

    def _read_channel(self, plane: Plane, channel: int, region: Region) -> NDArray[Any]:  # noqa: ARG002
        part = self._cut_array(region) if self._deep else self._cut_image(region)
        return to_bgr(part) if self._samples >= _COLOUR else part

    def _cut_array(self, region: Region) -> NDArray[Any]:
        """Colours of 16 bits, which Pillow would cut to 8."""
        import imagecodecs  # noqa: PLC0415

        with self._lock, readable(self.path):
            if self._pixels is None:
                deep: NDArray[Any] = imagecodecs.png_decode(Path(self.path).read_bytes())
                self._pixels = deep.reshape(*deep.shape[:2], -1)[..., : self._samples]
        part: NDArray[Any] = self._pixels[region.rows, region.columns].copy()
        return part

    def _cut_image(self, region: Region) -> NDArray[Any]:
        """All others. Pillow's own image is stored, since an array of it would be a copy."""
        with self._lock, readable(self.path):
            if self._image is None:
                with opened(self.path), Image.open(self.path, formats=("PNG",)) as png:
                    png.load()
                    self._image = png
            top, left, height, width = region
            part = self._image.crop((left, top, left + width, top + height))
        if not self._numbers:
            part.info.pop("transparency", None)  # dropped, and warned of, in palettes
            part = part.convert(_RESOLVED.get(part.mode, part.mode))
        pixels = np.asarray(part)
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8)
        image: NDArray[Any] = pixels.reshape(*pixels.shape[:2], -1)
        return image // self._spread if self._spread > 1 else image


def _kind(text: Any) -> str:
    """What a file that czcheck wrote holds; empty for others."""
    try:
        source = json.loads(text)
    except (TypeError, ValueError):
        return ""
    return str(source.get("Kind", "")) if isinstance(source, dict) else ""


class PngOutput(FileWriter):
    """Writes labels as gray PNG, whose numbers are the LabelValues in every program.

    A palette would show them in their colours, but many readers give colours then, and gray
    values of colours when gray is requested. Names and colours of the classes stand in a text.
    """

    def __init__(self, path: Path, content: Content) -> None:
        """Begin a file.

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
        source = {"Kind": content.kind, **content.source}
        return {CLASSES: json.dumps(content.class_entries), SOURCE: json.dumps(source)}
