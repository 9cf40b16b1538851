#!/usr/bin/env bash
# ONNX Runtime refuses a dilated convolution whose `auto_pad` is SAME_UPPER or SAME_LOWER, which the standard allows.
#
# Atrous blocks of segmentation networks are such convolutions, written with padding "same". The file passes
# onnx.checker and strict shape inference, its session starts, and the first run fails. With pads in numbers the same
# convolution runs. So neither a checker nor loading tells: only a run does.
# Seen with: onnxruntime 1.32.0, onnx 1.23.2, Python 3.11; onnxruntime 1.4.0 refuses it too.
# Output seen:
#     explicit pads: runs
#     SAME_UPPER: Dilation not supported for AutoPadType::SAME_UPPER or AutoPadType::SAME_LOWER.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

"$folder/venv/bin/python" - <<'EOF'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, shape_inference

onnxruntime.set_default_logger_severity(4)
weights = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "w")
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 9, 9]) for name in "xy"]
runs = []
for name, padding in (("explicit pads", {"pads": [2] * 4}), ("SAME_UPPER", {"auto_pad": "SAME_UPPER"})):
    node = helper.make_node("Conv", ["x", "w"], ["y"], dilations=[2, 2], kernel_shape=[3, 3], **padding)
    graph = helper.make_graph([node], "atrous", ends[:1], ends[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    onnx.checker.check_model(model, full_check=True)
    shape_inference.infer_shapes(model, strict_mode=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    try:
        session.run(None, {"x": np.ones((1, 1, 9, 9), np.float32)})
        runs.append("runs")
    except Exception as error:  # the runtime's own classes are not public
        runs.append(str(error).partition("Status Message: ")[2])
    print(f"{name}: {runs[-1]}")
changed = runs[0] != "runs" or "Dilation not supported" not in runs[1]
raise SystemExit("the behaviour has changed" if changed else 0)
EOF
