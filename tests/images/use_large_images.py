"""Read or write large images and say by how much memory grew. Run by a test.

The paths before `--` are small images, which bring in what is imported late.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from czcheck.images import Content, Plane, create, open_image
from czcheck.metadata import SegmentationClass
from czcheck.runtime import peak_bytes


def read(path: Path) -> None:
    with open_image(path) as image:
        (plane,) = image.planes
        assert image.tiled
        for top in range(0, plane.height - 255, 1024):
            for left in range(0, plane.width - 255, 2048):
                image.read(plane, top, left, 256, 256)


def write(path: Path) -> None:
    height = 1024 if path.name.startswith("small") else 12288
    plane = Plane(0, 0, 0, "", height, 8192)
    content = Content("labels", (plane,), (SegmentationClass(1, "a", (1, 2, 3)),))
    block = np.arange(2048, dtype=np.uint8).reshape(1, -1).repeat(1024, 0)
    with create(path, content) as writer:
        for top in range(0, height, 1024):
            for left in range(0, 8192, 2048):
                writer.write(plane, top, left, block)


action, *paths = sys.argv[1:]
use = {"read": read, "write": write}[action]
end = paths.index("--")
for each in paths[:end]:
    use(Path(each))
before = peak_bytes()
for each in paths[end + 1 :]:
    use(Path(each))
sys.stdout.write(str(peak_bytes() - before))
