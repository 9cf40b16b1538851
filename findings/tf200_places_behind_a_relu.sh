#!/usr/bin/env bash
# TensorFlow 2.0.0 finds other places of maxima behind a Relu with its optimisers than without.
#
# Its arithmetic optimiser takes monotone functions behind ArgMax and MaxPoolWithArgmax, to compute
# less of them. The maxima stay the same; but zeros that a Relu made are equal, and what was below
# them is not, so that the places are others. The reference for such a network is the graph as it
# stands, run with the optimisers off.
# Seen with: tensorflow 2.0.0 (CPU, Linux, Python 3.7).
# Output seen:
#     of 64 places each, others: MaxPoolWithArgmax 48, ArgMax 49
# Source: core/grappler/optimizers/arithmetic_optimizer.cc of v2.0.0, OptimizeMaxOrMinOfMonotonic.
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

v1 = tf.compat.v1
image = -np.random.RandomState(0).rand(1, 8, 8, 4).astype(np.float32)
found = []
for off in (True, False):
    with tf.Graph().as_default():
        given = v1.placeholder(tf.float32, image.shape)
        window = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}
        pooled = tf.raw_ops.MaxPoolWithArgmax(input=tf.nn.relu(given), Targmax=tf.int64, **window)
        largest = tf.argmax(tf.nn.relu(given * 1.0), -1)
        wanted = [tf.identity(pooled.argmax), tf.identity(largest)]
        config = v1.ConfigProto()
        config.graph_options.rewrite_options.disable_meta_optimizer = off
        with v1.Session(config=config) as session:
            found.append(session.run(wanted, {given: image}))
pool, largest = [int((a != b).sum()) for a, b in zip(*found)]
print("of 64 places each, others: MaxPoolWithArgmax", pool, end="")
print(", ArgMax", largest)
raise SystemExit(0 if pool and largest else "the behaviour has changed")
EOF
