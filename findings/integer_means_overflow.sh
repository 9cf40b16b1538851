#!/usr/bin/env bash
# The mean of integers is taken in their own dtype: TensorFlow 2.0.0 adds int16, uint16 and int32 up
# in 16 or 32 bits and divides what is left after the overflow, without an error. Today's adds up in
# 64 bits. So the mean intensity of a 16-bit image, right today, is any number in an older runtime.
# (A mean is in the range of its elements, so nothing about the graph or its dtypes looks wrong.)
#
# Where: tensorflow 2.0.0 and 2.21.0, CPU, tf.reduce_mean on integers, eager and in a graph.
# Seen: 4096 pixels between 20,000 and 30,000; 2.21.0 gives their mean for uint16 and int32 (2^16
#   times as bright); 2.0.0 gives a number below all pixels for both.
# Source: found by holding lowered networks against both; run.
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

import numpy as np
import tensorflow as tf

pixels = np.random.RandomState(0).randint(20000, 30000, 4096)
old, same = tf.__version__ == "2.0.0", True
for dtype, factor in (("uint16", 1), ("int32", 1 << 16)):
    image = (pixels * factor).astype(dtype)
    expected = int(image.astype(np.int64).sum()) // image.size
    found = int(tf.reduce_mean(tf.constant(image)).numpy())
    print(tf.__version__, dtype, "mean", found, "in place of", expected)
    same = same and (found < image.min() if old else found == expected)
sys.exit(0 if same else 1)
PYTHON
for python in "$folder/old/bin/python" "$folder/new/bin/python"; do
    TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 "$python" "$folder/run.py"
done
