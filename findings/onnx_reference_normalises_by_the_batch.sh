#!/usr/bin/env bash
# onnx's reference evaluator computes BatchNormalization of opset 9 to 13 with statistics of the input.
#
# Mean and variance of a trained network are inputs of the operation. In those versions the attribute `momentum` has the
# default 0.9, by which the evaluator blends a tenth of the input's own mean and variance in, as in training. Whether
# a model is in training is said by the number of outputs: with one it is not. From opset 14 on all is well. So the
# evaluator cannot tell whether a runtime is right about networks of opset 12, which older runtimes need.
# Seen with: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11.
# Output seen (greatest difference from (x - mean) / sqrt(variance + epsilon)):
#     opset 9, 12, 13: reference 0.55, runtime 0.00
#     opset 14, 15: reference 0.00, runtime 0.00
# Source: BatchNormalization_9 in onnx/reference/ops/op_batch_normalization.py.
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

image = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
weights = {"scale": 1, "bias": 0, "mean": 2, "variance": 4}
tensors = [numpy_helper.from_array(np.array([v], np.float32), k) for k, v in weights.items()]
expected = (image - 2) / np.sqrt(4 + 1e-5)
seen = {}
for opset in (9, 12, 13, 14, 15):
    graph = helper.make_graph(
        [helper.make_node("BatchNormalization", ["x", *weights], ["y"], epsilon=1e-5)], "normal",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, image.shape)], tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    reference = ReferenceEvaluator(model).run(None, {"x": image})[0]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    off = [float(np.abs(y - expected).max()) for y in (reference, session.run(None, {"x": image})[0])]
    print(f"opset {opset}: reference {off[0]:.2f}, runtime {off[1]:.2f}")
    seen[opset] = [most > 1e-5 for most in off]
changed = seen != {opset: [opset < 14, False] for opset in seen}
raise SystemExit("the behaviour has changed" if changed else 0)
EOF
