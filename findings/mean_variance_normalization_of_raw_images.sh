#!/usr/bin/env bash
# MeanVarianceNormalization, as its function body in the ONNX standard defines it, destroys raw 16-bit images.
#
# The body computes the variance as E[x^2] - E[x]^2, in float32. Where the mean is large beside the spread - a
# bright-field image of 30000 with a noise of 5 - nothing of the difference is left: it is zero or negative, and its root
# is not a number. Runtimes with a kernel of their own subtract the mean first and are right; what expands functions
# (the reference evaluator, onnx.inliner before a conversion) is not. The same image divided by 65535 suffers alike.
# Seen with: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11.
# Output seen (greatest difference from the normalised image, whose values lie within 5):
#     inlined: Constant Constant ReduceMean Pow Pow ReduceMean Sub Sqrt Sub Add Div
#     raw: kernel 0.00271, function in the runtime nan, function in the reference nan
#     / 65535: kernel 0.0119, function in the runtime 4.39, function in the reference nan
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

"$folder/venv/bin/python" - <<'EOF'
import numpy as np
import onnx.inliner
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

noise = np.random.default_rng(0).normal(30000, 5, (1, 1, 256, 256))
image = np.round(noise).astype(np.float32)
exact = (image - np.float64(image).mean()) / np.float64(image).std()
graph = helper.make_graph(
    [helper.make_node("MeanVarianceNormalization", ["x"], ["y"], axes=[2, 3])], "normal",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, image.shape)],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
inlined = onnx.inliner.inline_selected_functions(
    model, [("", "MeanVarianceNormalization")], inline_schema_functions=True
)
print("inlined:", *(node.op_type for node in inlined.graph.node))

def run(made, image):
    return onnxruntime.InferenceSession(
        made.SerializeToString(), providers=["CPUExecutionProvider"]
    ).run(None, {"x": image})[0]

small = []
for name, pixels in (("raw", image), ("/ 65535", image / np.float32(65535))):
    reference = ReferenceEvaluator(inlined).run(None, {"x": pixels})[0]
    off = [np.abs(y - exact).max() for y in (run(model, pixels), run(inlined, pixels), reference)]
    print(f"{name}: kernel {off[0]:.3g}, function in the runtime {off[1]:.3g}, "
          f"function in the reference {off[2]:.3g}")
    small.append([bool(most < 0.1) for most in off])
raise SystemExit(0 if small == [[True, False, False]] * 2 else "the behaviour has changed")
EOF
