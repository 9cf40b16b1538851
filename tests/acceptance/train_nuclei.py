"""Trains the example's network on real nuclei for a tile of 128 x 128, and prints Keras's accuracy.

python train_nuclei.py IMAGES MASKS FOLDER EPOCHS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "nuclei"))

import nuclei


def main() -> None:
    images, masks, folder, epochs = sys.argv[1:]
    tiles, labels = nuclei.read_images(Path(images), Path(masks))
    model, accuracy = nuclei.train(tiles, labels, int(epochs))
    archive = nuclei.export(model, Path(folder), tiles.shape[1])
    sys.stdout.write(json.dumps({"archive": str(archive), "accuracy": accuracy}))


if __name__ == "__main__":
    main()
