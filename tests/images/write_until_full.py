"""Write a label image under a limit on file sizes, as a full disk would end it. Run by a test."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np

from czcheck.errors import CzcheckError
from czcheck.images import Content, Plane, create
from czcheck.metadata import SegmentationClass

place, limit = Path(sys.argv[1]), int(sys.argv[2])
plane = Plane(0, 0, 0, "", 2048, 2048)
content = Content("labels", (plane,), (SegmentationClass(1, "a", (1, 2, 3)),))
rng = np.random.default_rng(0)
with create(place, content) as first:  # whatever is imported late is not what the limit is for
    first.write(plane, 0, 0, np.zeros((2048, 2048), np.uint8))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with create(place, content) as writer:
        for top in range(0, 2048, 256):
            writer.write(plane, top, 0, rng.integers(0, 250, (256, 2048), np.uint8))
except CzcheckError as error:
    sys.stdout.write(f"{type(error).__name__} {error}\n")
