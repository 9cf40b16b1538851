#!/usr/bin/env bash
# TensorFlow 2.0.0 computes operations that have no CPU kernel all the same, by XLA, unasked.
#
# The Linux wheels of 2.0.0 register a device XLA_CPU in every process. What has no kernel for the CPU
# is placed there without a word: HSVToRGB in half precision, Conv2D in bfloat16, and TruncateDiv of
# floats, which then does not truncate. Wheels without XLA refuse all of these: whether a network runs
# depends on how the runtime was built. `get_all_registered_kernels` lists the kernels of XLA_CPU only
# after the first device was made.
# Seen with: tensorflow 2.0.0 (CPU, Linux, Python 3.7).
# Output seen:
#     placed on XLA_CPU ; 7 / 2 truncated is 3.5
# Source: compiler/jit/xla_cpu_device.cc and compiler/tf2xla/kernels/binary_ops.cc of v2.0.0.
set -euo pipefail

PYTHON37=${PYTHON37:-$(find ~/.pyenv/versions/3.7.*/bin/python 2>/dev/null | head -n 1)}
PYTHON37=${PYTHON37:-python3.7}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON37" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow==2.0.0" "protobuf<3.21" "numpy<1.20"

TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'EOF'
import tensorflow as tf

graph = tf.Graph()
with graph.as_default():
    seven = tf.compat.v1.placeholder(tf.float32, [1])
    found = tf.raw_ops.TruncateDiv(x=seven, y=tf.constant([2.0]))
options = tf.compat.v1.RunOptions(output_partition_graphs=True)
metadata = tf.compat.v1.RunMetadata()
with tf.compat.v1.Session(graph=graph) as session:
    value = session.run(found, {seven: [7.0]}, options=options, run_metadata=metadata)
nodes = {n.name: n for g in metadata.partition_graphs for n in g.node}
device = nodes[found.op.name].device.rpartition("device:")[2]
print("placed on", device, "; 7 / 2 truncated is", value[0])
raise SystemExit(0 if "XLA_CPU" in device and value[0] == 3.5 else "the behaviour has changed")
EOF
