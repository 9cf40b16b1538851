#!/usr/bin/env bash
# One HDF5 file, two networks: both TensorFlows call themselves Keras "2.2.4-tf".
#
# A BatchNormalization layer that is not trained (trainable=False) and is called with training=True
# normalizes with the statistics of the input in TensorFlow 1.15, and with its moving statistics in
# TensorFlow 2.0. The file that either writes holds the same class, arguments and version, so what
# it means depends on who loads it: the same file gives 1.0 in one and 6.0 in the other.
#
# Versions: tensorflow 1.15.5 and 2.0.0, h5py 2.10.0, protobuf 3.20.3, numpy 1.18.5; Python 3.7.
# Output seen:
#   1.15.5 2.2.4-tf 1.0
#   2.0.0 2.2.4-tf 6.0
# Source: tensorflow/python/keras/layers/normalization.py, _get_training_value, _USE_V2_BEHAVIOR.
set -euo pipefail
PYTHON37=${PYTHON37:-$(command -v ~/.pyenv/versions/3.7.*/bin/python python3.7 | head -n 1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 1.15.5 2.0.0; do
  "$PYTHON37" -m venv "$folder/$version"
  "$folder/$version/bin/python" -m pip install --quiet --disable-pip-version-check \
    "tensorflow==$version" 'h5py==2.10.0' 'protobuf==3.20.3' 'numpy==1.18.5'
  TF_CPP_MIN_LOG_LEVEL=3 "$folder/$version/bin/python" -W ignore - 2>/dev/null <<'PYTHON' | tee -a seen
import os

import numpy as np
import tensorflow as tf

if not os.path.exists("m.h5"):
    tile = tf.keras.layers.Input((2, 2, 1))
    layer = tf.keras.layers.BatchNormalization(epsilon=1e-3)
    layer.trainable = False
    tf.keras.Model(tile, layer(tile, training=True)).save("m.h5")
model = tf.keras.models.load_model("m.h5", compile=False)
x = np.array([0.0, 0.0, 6.0, 6.0], "float32").reshape(1, 2, 2, 1)
print("%s %s %.1f" % (tf.__version__, tf.keras.__version__, model.predict(x).max()))
PYTHON
done
grep -q '^1.15.5 2.2.4-tf 1.0' seen
grep -q '^2.0.0 2.2.4-tf 6.0' seen
