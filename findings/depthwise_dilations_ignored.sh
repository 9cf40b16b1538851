#!/usr/bin/env bash
# TensorFlow 2.0.0 ignores the dilations of a depthwise convolution on the CPU.
#
# DepthwiseConv2dNative takes the attribute `dilations`, checks it, infers the output's shape with it
# (so padding VALID gives a smaller image), and computes without it. Keras is not concerned: its layer
# dilates by SpaceToBatchND. Graphs that were rewritten or converted are.
# Seen with: tensorflow 2.0.0 (CPU, Linux, Python 3.7).
# Output seen:
#     SAME, dilations 2: centre 9.0 (2.0 would be right)
# Source: core/kernels/depthwise_conv_op.cc of v2.0.0, which reads the attribute nowhere.
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

image = np.zeros((1, 9, 9, 1), np.float32)
image[0, 2, 4] = 1  # two rows above the centre
image[0, 3:6, 3:6] += 1  # all neighbours of the centre, and itself
ones = np.ones((3, 3, 1, 1), np.float32)
found = tf.raw_ops.DepthwiseConv2dNative(
    input=image, filter=ones, strides=[1, 1, 1, 1], padding="SAME", dilations=[1, 2, 2, 1]
).numpy()
# With gaps the filter sees the centre and places two pixels from it: 1 + 1. Without, the 9 next to it.
centre = float(found[0, 4, 4, 0])
print("SAME, dilations 2: centre", centre, "(2.0 would be right)")
raise SystemExit(0 if centre == 9.0 else "the behaviour has changed")
EOF
