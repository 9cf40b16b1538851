#!/usr/bin/env bash
# TensorFlow's graph optimiser makes one fused operation of a layer normalisation over tokens
# (rank 3, constant weights) and loses its epsilon: written with 1e-6, computed with 0.001.
#
# Where: tensorflow 2.21.0, Linux, x86-64, oneDNN on (the default on recent processors). Passes
#   "remapping" of Grappler, which builds `_MklLayerNorm` without copying the epsilon.
# Seen: tokens of a small variance, which should come out with one of about 1, are off by up to 2.9;
#   with `disable_meta_optimizer` they differ from numpy in float64 by 4e-7.
# Source: tensorflow/core/grappler/optimizers/remapper.cc; run of this script.
#
# Ends with 0 as long as it is so, with 1 where it is no longer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON3:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat > "$folder/run.py" <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf

EPSILON = 1e-6
GAMMA = np.array([1.5, 0.5, 1.0, 2.0], np.float32)
BETA = np.array([0.1, -0.2, 0.3, 0.0], np.float32)
tokens = np.random.default_rng(0).normal(0, 2e-3, (1, 256, 4)).astype(np.float32)


def network():
    @tf.function(input_signature=[tf.TensorSpec((None, 256, 4))])
    def normalise(x):
        mean = tf.reduce_mean(x, [2], keepdims=True)
        squares = tf.math.squared_difference(x, tf.stop_gradient(mean))
        inverse = tf.math.rsqrt(tf.reduce_mean(squares, [2], keepdims=True) + EPSILON) * GAMMA
        return tf.reshape(x * inverse + (BETA - mean * inverse), (-1, 16, 16, 4))

    return normalise(tf.constant(tokens)).numpy()


exact = tokens.astype(np.float64)
exact = (exact - exact.mean(-1, keepdims=True)) / np.sqrt(exact.var(-1, keepdims=True) + EPSILON)
exact = (exact * GAMMA + BETA).reshape(1, 16, 16, 4)
as_it_comes = np.abs(network() - exact).max()
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
without = np.abs(network() - exact).max()
print(f"largest difference: {as_it_comes:.3g} as TensorFlow comes, {without:.3g} without optimiser")
sys.exit(0 if as_it_comes > 0.1 and without < 1e-4 else 1)
PYTHON
TF_ENABLE_ONEDNN_OPTS=1 TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 \
    "$folder/venv/bin/python" "$folder/run.py"
