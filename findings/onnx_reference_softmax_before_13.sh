#!/usr/bin/env bash
# onnx's reference evaluator computes Softmax, LogSoftmax and Hardmax of every opset as opset 13 defines them.
#
# Before opset 13 an input is flattened from `axis` on, and all that lies behind is one distribution; since then only the
# axis itself is. For class probabilities (batch, classes, height, width) with axis 1 the older meaning is a softmax over
# classes and pixels together. ONNX Runtime computes what the file's opset says; the evaluator does not look at it.
# A file whose opset number was changed by hand looks right there and is not.
# Seen with: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11.
# Output seen (sum of the probabilities of one pixel of two):
#     Softmax, LogSoftmax opset 12: reference 1.00, runtime 0.50
#     Hardmax opset 12: reference 1.00, runtime 0.00
#     all three, opset 13: reference 1.00, runtime 1.00
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

"$folder/venv/bin/python" - <<'EOF'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

scores = np.zeros((1, 3, 1, 2), np.float32)  # three classes, two pixels
scores[0, 0] = 1
seen = {}
for op in ("Softmax", "LogSoftmax", "Hardmax"):
    for opset in (12, 13):
        graph = helper.make_graph(
            [helper.make_node(op, ["x"], ["y"], axis=1)], "last",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, scores.shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, scores.shape)],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        outputs = ReferenceEvaluator(model).run(None, {"x": scores}) + session.run(None, {"x": scores})
        sums = [(np.exp(y) if op == "LogSoftmax" else y)[0, :, 0, -1].sum() for y in outputs]
        print(f"{op} opset {opset}: reference {sums[0]:.2f}, runtime {sums[1]:.2f}")
        seen[op, opset] = [abs(total - 1) < 1e-5 for total in sums]
changed = seen != {key: [True, key[1] == 13] for key in seen}
raise SystemExit("the behaviour has changed" if changed else 0)
EOF
