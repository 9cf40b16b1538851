#!/usr/bin/env bash
# TensorFlow's graph optimiser takes the argmax before relu, relu6 or sigmoid, since these never turn
# the order of two numbers. But they make numbers equal, and of equal ones the first is asked for:
# a class map cut off at zero, or of saturated sigmoids, gets other labels than its graph says.
#
# Where: tensorflow 2.0.0 and 2.21.0 as they come, session and tf.function, CPU.
# Seen: 3 classes, argmax(relu(x)) with x from -1 to 1: the labels of all places where no class is
#   above zero are free: numpy, onnxruntime and TensorFlow without optimiser say class 0.
# Source: tensorflow/core/grappler/optimizers/arithmetic_optimizer.cc, MaxOrMinOfMonotonic; run.
#
# Ends with 0 as long as it is so, with 1 where it is no longer. Needs Python 3.7 for 2.0.0:
# PYTHON37, or python3.7 on the path, or one of pyenv's.
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

x = np.random.RandomState(0).uniform(-1, 1, (512, 3)).astype(np.float32)
right = np.maximum(x, 0).argmax(-1)


def wrong():
    best = tf.function(
        lambda each: tf.argmax(tf.nn.relu(each), -1),
        input_signature=[tf.TensorSpec((None, 3), tf.float32)],
    )
    return int((best(tf.constant(x)).numpy() != right).sum())


as_it_comes = wrong()
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
without = wrong()
free = int((x.max(-1) <= 0).sum())
print(tf.__version__, "labels that differ:", as_it_comes, "of", free, "ties; without:", without)
sys.exit(0 if as_it_comes > 0 and without == 0 else 1)
PYTHON
for python in "$folder/old/bin/python" "$folder/new/bin/python"; do
    TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 "$python" "$folder/run.py"
done
