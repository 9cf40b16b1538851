#!/usr/bin/env bash
# BatchNormalization(epsilon=1e-7) is another network in TensorFlow 2.12 than in 2.11.
#
# Up to 2.11 tf.compat.v1.nn.fused_batch_norm, which Keras calls for images, raises an epsilon below
# 1.001e-5 to that, silently; 2.12 takes it as it is. Keras 2.15 still says in a comment that it is
# raised. So one file gives two outputs where variances are small: for a variance of 1e-6 the factor
# is 301 or 953. It concerns networks converted from PyTorch, too, whose default is 1e-5.
#
# Versions: tensorflow-cpu 2.11.1 and 2.12.1; Python 3.10.
# Output seen:
#   2.11.1 factor 301.4
#   2.12.1 factor 953.5
# Source: tensorflow/python/ops/nn_impl.py, fused_batch_norm: `min_epsilon` is there up to v2.11.1.
set -euo pipefail
PYTHON310=${PYTHON310:-$(command -v ~/.pyenv/versions/3.10.*/bin/python python3.10 | head -n 1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 2.11.1 2.12.1; do
  "$PYTHON310" -m venv "$folder/$version"
  "$folder/$version/bin/python" -m pip install --quiet --disable-pip-version-check \
    "tensorflow-cpu==$version" 'numpy<1.24'
  TF_CPP_MIN_LOG_LEVEL=3 "$folder/$version/bin/python" - <<'PYTHON' | tee -a "$folder/seen"
import numpy as np
import tensorflow as tf

layer = tf.keras.layers.BatchNormalization(epsilon=1e-7)
layer.build((None, 2, 2, 1))
layer.set_weights([np.ones(1), np.zeros(1), np.zeros(1), np.full(1, 1e-6)])
print("%s factor %.1f" % (tf.__version__, layer(np.ones((1, 2, 2, 1), "float32")).numpy().max()))
PYTHON
done
grep -q '^2.11.1 factor 301' "$folder/seen"
grep -q '^2.12.1 factor 953' "$folder/seen"
