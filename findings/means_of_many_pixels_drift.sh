#!/usr/bin/env bash
# The mean over a tile of 1024 x 1024 pixels is off by up to 0.9 % in TensorFlow, ONNX Runtime and numpy, and whether it
# is depends on how channels lie.
#
# All add float32 numbers one by one where channels come last and there are two or more (TensorFlow, numpy), or in their
# pooling kernels (both runtimes): past 2^24 times a pixel's value, what is added is rounded. TensorFlow's mean of one
# channel is exact and that of two is not, so the same network with one more channel works with another mean; and the
# variance of tf.nn.moments takes over the square of the error: a flat image of noise 1 seems to have one of 500.
# The error is a share of the mean, so intensities in [0, 1] suffer alike.
# Seen with: tensorflow 2.21.0, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11; tensorflow 2.0.0 and onnxruntime 1.4.0
#   behave alike.
# Output seen (error in parts of a thousand; image 60000 with noise 1):
#     TensorFlow, mean, 1 last: 0.00, variance 1        TensorFlow, mean, 2 last: 8.83, variance 280217
#     TensorFlow, mean, 1 first: 0.00, variance 1       TensorFlow, mean, 2 first: 0.00, variance 1
#     TensorFlow, pooling, 1 last: 8.83                 TensorFlow, pooling, 2 last: 8.83
#     numpy, mean, 1 last: 0.00                         numpy, mean, 2 last: 8.83
#     ONNX Runtime, pooling, 1 first: 2.52              ONNX Runtime, pooling, 2 first: 2.52
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'EOF'
import numpy as np
import onnxruntime
import tensorflow as tf
from onnx import TensorProto, helper

off = {}

def see(name, mean, image, variance=None):
    off[name] = 1000 * float(np.abs(np.ravel(mean) / np.float64(image).mean() - 1).max())
    more = "" if variance is None else f", variance {np.ravel(variance).max():.0f}"
    print(f"{name}: {off[name]:.2f}{more}")

for channels in (1, 2):
    shape = 1, 1024, 1024, channels
    image = np.random.default_rng(0).normal(60000, 1, shape).astype(np.float32)
    mean, variance = tf.nn.moments(tf.constant(image), [1, 2])
    see(f"TensorFlow, mean, {channels} last", mean, image, variance)
    first = np.ascontiguousarray(np.moveaxis(image, -1, 1))
    mean, variance = tf.nn.moments(tf.constant(first), [2, 3])
    see(f"TensorFlow, mean, {channels} first", mean, image, variance)
    see(f"TensorFlow, pooling, {channels} last", tf.nn.avg_pool2d(image, 1024, 1, "VALID"), image)
    see(f"numpy, mean, {channels} last", image.mean((1, 2)), image)
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["x"], ["y"])], "mean",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, first.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, 1, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    see(f"ONNX Runtime, pooling, {channels} first", session.run(None, {"x": first})[0], image)
exact = {name for name, most in off.items() if most < 0.1}
expected = {f"TensorFlow, mean, {how}" for how in ("1 last", "1 first", "2 first")} | {"numpy, mean, 1 last"}
raise SystemExit(0 if exact == expected else "the behaviour has changed")
EOF
