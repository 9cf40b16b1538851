#!/usr/bin/env bash
# ONNX Runtime 1.4.0 pads images wrongly where channels come last: modes `reflect` and `edge`, more than one channel.
#
# Height and width of (1, 5, 6, 3) are padded, channels are not. Dimensions behind the last padded one are joined with it,
# and the two modes then count numbers where they should count pixels: values of other channels are written. One
# channel, channels first, and the mode `constant` are right. There is no error; the output has the right shape.
# Seen with: onnxruntime 1.4.0, onnx 1.12.0, numpy 1.23, Python 3.8. Right in onnxruntime 1.32.0.
# Output seen (greatest difference from numpy.pad; pixels are numbered one by one):
#     channels last, 3:  constant 0.0  reflect 4.0  edge 2.0
#     channels last, 1:  constant 0.0  reflect 0.0  edge 0.0
#     channels first, 3: constant 0.0  reflect 0.0  edge 0.0
# Source: FlattenInnerShape in core/providers/cpu/tensor/pad.cc.
set -euo pipefail

PYTHON38=${PYTHON38:-$(find ~/.pyenv/versions/3.8.*/bin/python 2>/dev/null | head -n 1)}
PYTHON38=${PYTHON38:-python3.8}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON38" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.4.0 onnx==1.12.0 "numpy<1.24" "protobuf<3.21"

"$folder/venv/bin/python" - <<'EOF'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

off = {}
for name, shape, axis in (
    ("channels last, 3: ", (1, 5, 6, 3), 1),
    ("channels last, 1: ", (1, 5, 6, 1), 1),
    ("channels first, 3:", (1, 3, 5, 6), 2),
):
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    widths = [(1, 2) if axis <= a <= axis + 1 else (0, 0) for a in range(4)]
    pads = numpy_helper.from_array(np.array(widths, np.int64).T.ravel(), "pads")
    for mode in ("constant", "reflect", "edge"):
        graph = helper.make_graph(
            [helper.make_node("Pad", ["x", "pads"], ["y"], mode=mode)], "pad",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [pads],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)])
        model.ir_version = 7
        found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": image})[0]
        off[name, mode] = float(np.abs(found - np.pad(image, widths, mode)).max())
    print(name, "  ".join(f"{m} {off[name, m]}" for m in ("constant", "reflect", "edge")))
wrong = {key for key, most in off.items() if most > 0}
expected = {("channels last, 3: ", "reflect"), ("channels last, 3: ", "edge")}
raise SystemExit(0 if wrong == expected else "the behaviour has changed")
EOF
