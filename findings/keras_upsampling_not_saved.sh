#!/usr/bin/env bash
# tf.keras of TensorFlow 1.13 and 1.14 does not save how UpSampling2D interpolates.
#
# A network with UpSampling2D(interpolation="bilinear") is saved with model.save("m.h5") and loaded
# again by the same TensorFlow: it now takes the nearest pixel, and its output differs by more than 0.1
# for inputs of 0 to 1. `get_config` of the layer leaves the argument out. TensorFlow 1.15 writes
# it, and all of 1.13, 1.14, 1.15, 2.0 and 2.1 call themselves Keras "2.2.4-tf" in the file, so a
# file without the argument is a nearest or a bilinear network, and nobody can tell.
#
# Versions: tensorflow 1.14.0, h5py 2.10.0, protobuf 3.20.3, numpy 1.16.6; Python 3.7.
# Output seen:
#   argument in the file: False; in memory against loaded: differs
# Source: tensorflow/python/keras/layers/convolutional.py, class UpSampling2D, v1.14.0.
set -euo pipefail
PYTHON37=${PYTHON37:-$(command -v ~/.pyenv/versions/3.7.*/bin/python python3.7 | head -n 1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON37" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  'tensorflow==1.14.0' 'h5py==2.10.0' 'protobuf==3.20.3' 'numpy==1.16.6'
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import sys

import numpy as np
import tensorflow as tf

layers = tf.keras.layers
tile = layers.Input((4, 4, 1))
model = tf.keras.Model(tile, layers.UpSampling2D(2, interpolation="bilinear")(tile))
model.save("m.h5")
x = np.random.RandomState(0).rand(1, 4, 4, 1).astype("float32")
before = model.predict(x)
after = tf.keras.models.load_model("m.h5", compile=False).predict(x)
written = "interpolation" in json.dumps(model.get_config())
differs = np.abs(before - after).max() > 0.1
print("argument in the file: %s; in memory against loaded: %s"
      % (written, "differs" if differs else "equal"))
sys.exit(0 if differs and not written else 1)
PYTHON
