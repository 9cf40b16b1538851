"""Segments an image with napari-czann-segment: `python with_napari.py CZANN IMAGE LABELS`.

Runs in that program's environment, without the window that it otherwise belongs to.
"""

from __future__ import annotations

import sys

import tifffile
from napari_czann_segment.predict import predict_ndarray


def main(model: str, image: str, labels: str) -> None:
    """Segment as the plugin does when it is asked to; what is left open stays as it comes."""
    _, segmented = predict_ndarray(model, tifffile.imread(image), do_rescale=False)
    tifffile.imwrite(labels, segmented, compression="zlib")


if __name__ == "__main__":
    main(*sys.argv[1:])
