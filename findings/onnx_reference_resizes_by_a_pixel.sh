#!/usr/bin/env bash
# onnx's reference evaluator resizes some pixels wrongly.
#
# 1. half_pixel, 7 to 17 pixels: the middle one lies exactly on pixel 3, but (8 + 0.5) / (17 / 7) - 0.5 is computed as
#    3 - 4e-16. Interpolation then takes the neighbour at its left in whole: 2 instead of 3.
# 2. align_corners with scales: 5 pixels by 1.5 are 7, the last of which belongs on the last of the input. The evaluator
#    spaces them for 7.5 and ends at 3.7 of 4. ONNX Runtime, like PyTorch, spaces them for 7.
# So a difference between a runtime and the evaluator does not say which of them is right.
# Seen with: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11.
# Output seen (a ramp 0 1 2 ..., reference and runtime, at the pixel named):
#     half_pixel 8: 2.0 3.0
#     align_corners 6: 3.69 4.0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

"$folder/venv/bin/python" - <<'EOF'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

none = numpy_helper.from_array(np.array([], np.float32), "none")
sizes = numpy_helper.from_array(np.array([1, 1, 1, 17]), "sizes")
scales = numpy_helper.from_array(np.array([1, 1, 1, 1.5], np.float32), "scales")
seen = []
onnxruntime.set_default_logger_severity(3)
for mode, width, pixel, inputs in (
    ("half_pixel", 7, 8, ["none", "none", "sizes"]),
    ("align_corners", 5, 6, ["none", "scales"]),
):
    ramp = np.arange(width, dtype=np.float32).reshape(1, 1, 1, width)
    node = helper.make_node(
        "Resize", ["x", *inputs], ["y"], mode="linear", coordinate_transformation_mode=mode
    )
    graph = helper.make_graph(
        [node], "resize", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ramp.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [none, sizes, scales],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    reference = ReferenceEvaluator(model).run(None, {"x": ramp})[0].ravel()
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    runtime = session.run(None, {"x": ramp})[0].ravel()
    seen.append((round(float(reference[pixel]), 2), round(float(runtime[pixel]), 2)))
    print(f"{mode} {pixel}:", *seen[-1])
raise SystemExit(0 if seen == [(2, 3), (3.69, 4)] else "the behaviour has changed")
EOF
