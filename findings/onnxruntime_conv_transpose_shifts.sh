#!/usr/bin/env bash
# ConvTranspose with `output_shape` is shifted by a pixel between releases of ONNX Runtime, and with `auto_pad` it has
# another shape.
#
# A kernel of 3 at stride 2, as decoders of U-Nets have it, leaves one pixel to cut off. With `output_shape` 1.4.0 cuts it
# off at the beginning and 1.32.0 at the end: the same file moves its output by a pixel. With SAME_UPPER 1.4.0 does
# not take the input's size times the stride: 5 becomes 11, in 1.32.0 it becomes 10.
# Seen with: onnxruntime 1.4.0 (Python 3.8) and 1.32.0 (Python 3.11), onnx 1.12.0 and 1.23.2.
# Output seen (line 0 0 1 0 0, kernel 1 2 3; `output_shape` 10, then SAME_UPPER):
#     1.4.0 0000123000 00001230000
#     1.32.0 0001230000 0000123000
set -euo pipefail

PYTHON38=${PYTHON38:-$(find ~/.pyenv/versions/3.8.*/bin/python 2>/dev/null | head -n 1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON38:-python3.8}" -m venv "$folder/old"
"$folder/old/bin/pip" install --quiet onnxruntime==1.4.0 onnx==1.12.0 "numpy<1.24" "protobuf<3.21"
python3 -m venv "$folder/new"
"$folder/new/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

cat > "$folder/up.py" <<'EOF'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

kernel = numpy_helper.from_array(np.array([[[[1, 2, 3]]]], np.float32), "w")
line = np.array([[[[0, 0, 1, 0, 0]]]], np.float32)
seen = []
for how in ({"output_shape": [1, 10]}, {"auto_pad": "SAME_UPPER"}):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], kernel_shape=[1, 3], strides=[1, 2], **how)
    graph = helper.make_graph(
        [node], "up", [helper.make_tensor_value_info("x", TensorProto.FLOAT, line.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [kernel],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)])
    model.ir_version = 7
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]) \
        if onnxruntime.__version__ != "1.4.0" else onnxruntime.InferenceSession(data)
    output = session.run(None, {"x": line})[0].ravel()
    seen.append("".join(str(int(value)) for value in output))
print(onnxruntime.__version__, *seen)
raise SystemExit(0 if seen == sys.argv[1:] else "the behaviour has changed")
EOF
"$folder/old/bin/python" "$folder/up.py" 0000123000 00001230000
"$folder/new/bin/python" "$folder/up.py" 0001230000 0000123000
