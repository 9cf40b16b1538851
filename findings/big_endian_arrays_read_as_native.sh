#!/usr/bin/env bash
# ONNX Runtime takes an array's bytes and not its byte order.
#
# numpy keeps the order of a file's bytes in the dtype. ImageJ writes TIFF big-endian, and what tifffile maps into
# memory has the dtype `>f4`. ONNX Runtime accepts it as float32 and reads the bytes as native ones: pixels of 1, 2, 3
# become 4.6e-41, 9.0e-44, 2.3e-41, without an error or a warning. `tifffile.imread` copies and is not concerned.
# Seen with: onnxruntime 1.32.0, tifffile 2026.3.3, numpy 2.4.6, Python 3.11; onnxruntime 1.4.0 alike.
# Output seen:
#     mapped >f4 [1. 2. 3.] -> [4.6006e-41 8.9683e-44 2.3049e-41]
#     copied <f4 [1. 2. 3.] -> [1. 2. 3.]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 tifffile==2026.3.3 numpy==2.4.6

cd "$folder"
venv/bin/python - <<'EOF'
import numpy as np
import onnxruntime
import tifffile
from onnx import TensorProto, helper

tifffile.imwrite("imagej.tif", np.array([[1, 2, 3]], np.float32), imagej=True, byteorder=">")
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "copy", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

outputs = {}
for how, read in (("mapped", tifffile.memmap), ("copied", tifffile.imread)):
    pixels = read("imagej.tif")
    outputs[how] = session.run(None, {"x": pixels})[0][0]
    print(how, pixels.dtype.str, np.asarray(pixels[0]), "->", outputs[how])
changed = outputs["mapped"].max() > 1e-30 or list(outputs["copied"]) != [1, 2, 3]
raise SystemExit("the behaviour has changed" if changed else 0)
EOF
