#!/usr/bin/env bash
# TensorFlow 2.0.0 adds up bfloat16 in bfloat16: the mean of 4096 ones is 0.25.
#
# Its CPU kernels of Sum and Mean keep the running sum in the dtype of the elements, where a one is
# lost beside a sum of 256; up to 256 elements all is well. Half precision does not suffer from it.
# Global pooling in a mixed_bfloat16 network gives a quarter of the mean for 64 x 64 pixels.
# Seen with: tensorflow 2.0.0 (CPU, Linux, Python 3.7).
# Output seen:
#     mean of 4096 ones: bfloat16 0.25 ; float16 1.0
# Source: core/kernels/reduction_ops_mean.cc of v2.0.0.
set -euo pipefail

PYTHON37=${PYTHON37:-$(find ~/.pyenv/versions/3.7.*/bin/python 2>/dev/null | head -n 1)}
PYTHON37=${PYTHON37:-python3.7}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON37" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow==2.0.0" "protobuf<3.21" "numpy<1.20"

TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'EOF'
import numpy as np
import tensorflow as tf

pixels = tf.cast(tf.ones([1, 64, 64, 1]), tf.bfloat16)
half = tf.cast(tf.ones([1, 64, 64, 1]), tf.float16)
found = float(tf.cast(tf.reduce_mean(pixels), tf.float32).numpy())
other = float(tf.cast(tf.reduce_mean(half), tf.float32).numpy())
print("mean of 4096 ones: bfloat16", found, "; float16", other)
raise SystemExit(0 if found < 0.9 and other == 1.0 else "the behaviour has changed")
EOF
