#!/usr/bin/env bash
# The operation Round returns zeros for integers in today's TensorFlow on the CPU, and the integers
# themselves in 2.0.0. The Python function `tf.round` never shows it, since it returns integers
# before it makes an operation; graphs that converters and rewriters write hold the operation itself.
#
# Where: tensorflow 2.0.0 and 2.21.0, CPU, tf.raw_ops.Round on int32 and int64.
# Seen: Round of 3 and -7 is 0 and 0 in 2.21.0, 3 and -7 in 2.0.0; tf.round gives 3 and -7 in both.
# Source: found by holding single operations against both; run.
#
# Ends with 0 as long as it is so, with 1 where it is no longer. Needs Python 3.7 for 2.0.0:
# PYTHON37, or one of pyenv's, or python3.7 on the path.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python37=${PYTHON37:-$(ls -d ~/.pyenv/versions/3.7.*/bin/python 2> /dev/null | tail -1 || true)}
python37=${python37:-python3.7}
"${PYTHON3:-python3}" -m venv "$folder/new"
"$folder/new/bin/pip" install --quiet tensorflow==2.21.0
"$python37" -m venv "$folder/old"
"$folder/old/bin/pip" install --quiet --upgrade "pip<24"
"$folder/old/bin/pip" install --quiet tensorflow==2.0.0 "numpy<1.19" "protobuf<3.21" "h5py<3"
cat > "$folder/run.py" <<'PYTHON'
import sys

import tensorflow as tf

as_they_are, wanted = [3, -7], [3, -7] if tf.__version__ == "2.0.0" else [0, 0]
same = True
for dtype in (tf.int32, tf.int64):
    values = tf.constant(as_they_are, dtype)
    raw, public = tf.raw_ops.Round(x=values).numpy().tolist(), tf.round(values).numpy().tolist()
    print(tf.__version__, dtype.name, "Round", raw, "tf.round", public)
    same = same and raw == wanted and public == as_they_are
sys.exit(0 if same else 1)
PYTHON
for python in "$folder/old/bin/python" "$folder/new/bin/python"; do
    TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 "$python" "$folder/run.py"
done
