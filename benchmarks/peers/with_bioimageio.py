"""Segments an image with bioimageio.core: `python with_bioimageio.py DESCRIPTION IMAGE LABELS`.

Runs in that program's environment. It ends with probabilities; labels are made of them here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import tifffile
from bioimageio.core import predict
from bioimageio.spec import load_model_description


def main(description: str, image: str, labels: str) -> None:
    """Segment block by block, as the description says how large they are."""
    os.chdir(Path(description).parent)  # it unpacks the network into the working folder
    model = load_model_description(description)
    sizes = {axis.id: axis.size for axis in model.inputs[0].axes if axis.type == "space"}
    pixels = tifffile.imread(image)[np.newaxis, ..., np.newaxis]
    given = model.inputs[0].id
    answer = predict(model=model, inputs={given: pixels}, input_block_shape={given: sizes})
    probabilities = answer.members[model.outputs[0].id].data.to_numpy()[0]
    segmented = (np.argmax(probabilities, axis=-1) + 1).astype(np.uint8)
    tifffile.imwrite(labels, segmented, compression="zlib")


if __name__ == "__main__":
    main(*sys.argv[1:])
