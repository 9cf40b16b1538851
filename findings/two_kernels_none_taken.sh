#!/usr/bin/env bash
# TensorFlow 2.0.0 has two kernels for LessEqual in bfloat16, and therefore none.
#
# Less, Greater and GreaterEqual run in bfloat16; LessEqual is registered twice, and a node that two
# registrations match is refused when its session starts. No other kernel for the CPU is registered
# twice for the same dtypes.
# Seen with: tensorflow 2.0.0 (CPU, Linux, Python 3.7).
# Output seen:
#     Less: runs
#     Greater: runs
#     GreaterEqual: runs
#     LessEqual: Multiple OpKernel registrations match
# Source: core/kernels/cwise_op_less_equal.cc of v2.0.0.
set -euo pipefail

PYTHON37=${PYTHON37:-$(find ~/.pyenv/versions/3.7.*/bin/python 2>/dev/null | head -n 1)}
PYTHON37=${PYTHON37:-python3.7}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON37" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow==2.0.0" "protobuf<3.21" "numpy<1.20"

TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'EOF'
import tensorflow as tf

runs = {}
for op in ("Less", "Greater", "GreaterEqual", "LessEqual"):
    graph = tf.Graph()
    with graph.as_default():
        numbers = tf.compat.v1.placeholder(tf.bfloat16, [2])
        found = getattr(tf.raw_ops, op)(x=numbers, y=numbers)
    with tf.compat.v1.Session(graph=graph) as session:
        try:
            session.run(found, {numbers: [1, 2]})
            runs[op] = "runs"
        except tf.errors.OpError as error:
            runs[op] = error.message[:41]
    print(op + ":", runs[op])
odd = [op for op, how in runs.items() if how != "runs"]
raise SystemExit(0 if odd == ["LessEqual"] else "the behaviour has changed")
EOF
