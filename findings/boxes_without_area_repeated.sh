#!/usr/bin/env bash
# TensorFlow 2.0.0 takes a box without an area again and again in non-maximum suppression.
#
# A box is compared with those taken before, itself among them: it leaves the queue only because it
# overlaps itself. One whose sides are equal overlaps nothing, so it is taken until `max_output_size`
# is reached, and boxes with lower scores are lost. Fixed in later versions. Boxes that a network
# predicts where there is nothing to see often have no area.
# Seen with: tensorflow 2.0.0 (CPU, Linux, Python 3.7) beside 2.18.0 (Python 3.11).
# Output seen:
#     2.0.0 [0, 1, 1]
#     2.18.0 [0, 1, 2]
# Source: core/kernels/non_max_suppression_op.cc of v2.0.0; tensorflow/tensorflow#35482.
set -euo pipefail

PYTHON37=${PYTHON37:-$(find ~/.pyenv/versions/3.7.*/bin/python 2>/dev/null | head -n 1)}
PYTHON37=${PYTHON37:-python3.7}
PYTHON3=${PYTHON3:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON37" -m venv "$folder/old"
"$folder/old/bin/pip" install --quiet "tensorflow==2.0.0" "protobuf<3.21" "numpy<1.20"
"$PYTHON3" -m venv "$folder/new"
"$folder/new/bin/pip" install --quiet "tensorflow==2.18.0"

cat > "$folder/boxes.py" <<'EOF'
import numpy as np
import tensorflow as tf

boxes = np.float32([[0, 0, 0.5, 0.5], [0.2, 0.2, 0.2, 0.2], [0.5, 0.5, 1, 1]])
chosen = tf.image.non_max_suppression(boxes, np.float32([0.9, 0.8, 0.7]), 3, 0.5)
print(tf.__version__, chosen.numpy().tolist())
EOF
export TF_CPP_MIN_LOG_LEVEL=3
"$folder/old/bin/python" "$folder/boxes.py" 2>/dev/null | tee "$folder/output"
"$folder/new/bin/python" "$folder/boxes.py" 2>/dev/null | tee -a "$folder/output"
diff "$folder/output" - <<'EOF'
2.0.0 [0, 1, 1]
2.18.0 [0, 1, 2]
EOF
