#!/usr/bin/env bash
# What ONNX Runtime 1.4.0 makes of pooling with `ceil_mode`, which PyTorch writes for its own argument of that name.
#
# 1. AveragePool with `count_include_pad` (PyTorch's default): the last window hangs over the image, and 1.4.0 divides by
#    the whole window, so the last row and column are too dark. PyTorch, and today's runtime, divide by what lies within
#    image and padding.
# 2. A last window that begins in the padding: 1.4.0 makes one and the output is a row larger. PyTorch drops it.
# Seen with: onnxruntime 1.4.0 (Python 3.8) and 1.32.0 (Python 3.11), onnx 1.12.0 and 1.23.2.
# Output seen (ones of 5 x 5; kernel, stride, padding):
#     1.4.0:  average 2 2 0: (3, 3) least 0.25  average 2 2 1: (4, 4) least 0.0
#     1.32.0: average 2 2 0: (3, 3) least 1.0  average 2 2 1: (3, 3) least 0.25
set -euo pipefail

PYTHON38=${PYTHON38:-$(find ~/.pyenv/versions/3.8.*/bin/python 2>/dev/null | head -n 1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON38:-python3.8}" -m venv "$folder/old"
"$folder/old/bin/pip" install --quiet onnxruntime==1.4.0 onnx==1.12.0 "numpy<1.24" "protobuf<3.21"
python3 -m venv "$folder/new"
"$folder/new/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

cat > "$folder/pool.py" <<'EOF'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

seen = []
for kernel, stride, padding in ((2, 2, 0), (2, 2, 1)):
    node = helper.make_node(
        "AveragePool", ["x"], ["y"], kernel_shape=[kernel] * 2, strides=[stride] * 2,
        pads=[padding] * 4, ceil_mode=1, count_include_pad=1,
    )
    graph = helper.make_graph(
        [node], "pool", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 5, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)])
    model.ir_version = 7
    data = model.SerializeToString()
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]) \
        if onnxruntime.__version__ != "1.4.0" else onnxruntime.InferenceSession(data)
    output = session.run(None, {"x": np.ones((1, 1, 5, 5), np.float32)})[0]
    seen.append((output.shape[2:], float(output.min())))
    print(f"average {kernel} {stride} {padding}: {output.shape[2:]} least {output.min()}", end="  ")
print()
raise SystemExit(0 if str(seen) == sys.argv[1] else f"the behaviour has changed: {seen}")
EOF
"$folder/old/bin/python" "$folder/pool.py" "[((3, 3), 0.25), ((4, 4), 0.0)]"
"$folder/new/bin/python" "$folder/pool.py" "[((3, 3), 1.0), ((3, 3), 0.25)]"
