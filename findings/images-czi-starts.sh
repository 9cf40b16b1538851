#!/usr/bin/env bash
# pylibCZIrw says how many points in time a CZI has, and not which.
#
# The bounding boxes of a reader give every dimension a range that begins with 0: a file whose points in time are 5 and
# 6 has 'T': (0, 2), and reading T=0 is refused as out of range. A file with the points 0 and 2 has 'T': (0, 3), and
# reading T=1 gives zeros, without an error. A file whose only channel is number 1 has no channel of a known pixel type,
# and scenes numbered 1 and 3 make the scenes' bounding boxes fail. What is right stands in the blocks themselves
# (`enumerate_subblocks`).
#
# Versions: pylibCZIrw 6.1.0 (Python 3.11, Linux).
# Seen:     from 5: (0, 2), T=0 refused, T=5 read; gap: (0, 3), T=1 all zeros; channel 1: {0: 'Invalid'};
#           scenes 1 and 3: ValueError
# Source:   run here, on files that pylibCZIrw wrote itself.
# Exits with 0 while this is so, with 1 once it is not.
set -euo pipefail
python=${PYTHON311:-$(command -v python3.11 || ls ~/.pyenv/versions/3.11.*/bin/python | head -1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install pylibCZIrw==6.1.0 "numpy<3"
cd "$folder"
venv/bin/python - <<'PY'
import numpy as np
from pylibCZIrw import czi

pixels = np.random.default_rng(0).integers(1, 65536, (40, 50, 1)).astype(np.uint16)

def written(name, *blocks):
    with czi.create_czi(f"{name}.czi") as writer:
        for block in blocks:
            writer.write(pixels, **block)
    return czi.open_czi(f"{name}.czi")

def refused(work):
    try:
        work()
    except (RuntimeError, ValueError) as error:
        return str(error)
    return None

with written("from_5", {"plane": {"T": 5}}, {"plane": {"T": 6}}) as reader:
    box = reader.total_bounding_box["T"]
    first, fifth = refused(lambda: reader.read(plane={"T": 0})), reader.read(plane={"T": 5})
print("from 5:", box, first)
assert box == (0, 2) and first and np.array_equal(fifth, pixels)
with written("gap", {"plane": {"T": 0}}, {"plane": {"T": 2}}) as reader:
    box, zeros = reader.total_bounding_box["T"], not reader.read(plane={"T": 1}).any()
print("gap:", box, "T=1 all zeros:", zeros)
assert box == (0, 3) and zeros
with written("channel_1", {"plane": {"C": 1}}) as reader:
    types = reader.pixel_types
print("channel 1:", types)
assert types == {0: "Invalid"}
with written("scenes", {"scene": 1}, {"scene": 3, "location": (1000, 500)}) as reader:
    scenes = refused(lambda: reader.scenes_bounding_rectangle)
print("scenes 1 and 3:", scenes)
assert scenes
PY
