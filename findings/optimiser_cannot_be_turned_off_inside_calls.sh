#!/usr/bin/env bash
# `disable_meta_optimizer` in a session's config does not reach the functions that the graph calls:
# each PartitionedCall of a SavedModel carries a `config_proto` of its own, and Grappler runs inside
# by that. `do_function_inlining` helps where functions may be inlined; with `_noinline` only editing
# the SavedModel does, and `tf.config.optimizer.set_experimental_options` does not either.
# Where: tensorflow 2.21.0 (2.0.0 alike), TF1 session loader and tf.saved_model.load.
# Seen: relu, then argmax, inside a function: the optimiser, said to be off, moves one above the
#   other, and of equal classes another one is chosen.
# Source: run of this script; tensorflow/core/kernels/partitioned_function_ops.cc.
# Ends with 0 as long as it is so, with 1 where it is no longer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON3:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat > "$folder/run.py" <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

v1, folder = tf.compat.v1, sys.argv[1]
x = np.random.default_rng(0).uniform(-1, 1, (64, 3)).astype(np.float32)
right = np.maximum(x, 0).argmax(-1)


class Network(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 3))])
    def answer(self, x):
        return {"best": tf.function(lambda each: tf.argmax(tf.nn.relu(each), -1))(x)}


tf.saved_model.save(network := Network(), folder, network.answer)
path = folder + "/saved_model.pb"
message = saved_model_pb2.SavedModel.FromString(open(path, "rb").read())
signature = message.meta_graphs[0].signature_def["serving_default"]
fed, asked = signature.inputs["x"].name, signature.outputs["best"].name

def wrong(inlining):
    config = v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.do_function_inlining = inlining
    with v1.Session(graph=tf.Graph(), config=config) as session, session.graph.as_default():
        v1.saved_model.loader.load(session, ["serve"], folder)
        return int((session.run(asked, {fed: x}) != right).sum())

calls, inlined = wrong(inlining=False), wrong(inlining=True)
for function in message.meta_graphs[0].graph_def.library.function:
    function.attr["_noinline"].b = True
open(path, "wb").write(message.SerializeToString())
kept = wrong(inlining=True)
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
loaded = tf.saved_model.load(folder).signatures["serving_default"](x=tf.constant(x))["best"]
kept_as_object = int((loaded.numpy() != right).sum())
print(f"wrong of {len(x)}: {calls}; inlined {inlined}; _noinline {kept}, as object {kept_as_object}")
sys.exit(0 if calls > 0 and inlined == 0 and kept > 0 and kept_as_object > 0 else 1)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 "$folder/venv/bin/python" "$folder/run.py" "$folder/net"
