#!/usr/bin/env bash
# What the loaders of TensorFlow make of one SavedModel whose parts are claimed to be newer, or point nowhere.
#
# 1. `min_consumer` of the graph, "oldest runtime that may read this", is obeyed by the session loader alone.
#    `tf.saved_model.load` opens the same file without a word, in 2.0.0 as in 2.21, as long as there is an object graph.
# 2. An object whose child has the number -1: TensorFlow 2.0.0 raises KeyError; 2.21 takes the last object of the list
#    (a negative index of Python) and loads. A child beyond the end is refused by both.
# 3. `saved_model_schema_version` is read by none: 99 loads everywhere.
#
# Seen: TensorFlow 2.0.0 (Python 3.7) and 2.21.0 (Python 3.11), CPU:
#    2.0.0   newer: session ValueError, object ok    minus one: session ok, object KeyError    schema 99: ok, ok
#    2.21.0  newer: session ValueError, object ok    minus one: session ok, object ok          schema 99: ok, ok
# Source: tensorflow/python/saved_model/load.py (both), tensorflow/core/public/version.h
set -euo pipefail
found() { ls "$HOME"/.pyenv/versions/"$1".*/bin/python 2>/dev/null | tail -1 | grep . || command -v "python$1"; }
PYTHON37=${PYTHON37:-$(found 3.7)} PYTHON311=${PYTHON311:-$(found 3.11)}
HERE=$(mktemp -d); trap 'rm -rf "$HERE"' EXIT; cd "$HERE"
"$PYTHON37" -m venv old && old/bin/pip -q install tensorflow==2.0.0 'protobuf<3.21' 'numpy<1.20'
"$PYTHON311" -m venv new && new/bin/pip -q install tensorflow-cpu==2.21.0
cat > make.py <<'EOF'
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
class Twice(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def __call__(self, x):
        return {"y": 2.0 * x}
net = Twice()
tf.saved_model.save(net, "plain", signatures=net.__call__)
def variant(name, change):
    tf.io.gfile.makedirs(name + "/variables")
    for file in ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"):
        if tf.io.gfile.exists("plain/" + file):
            tf.io.gfile.copy("plain/" + file, name + "/" + file)
    model = saved_model_pb2.SavedModel.FromString(open("plain/saved_model.pb", "rb").read())
    change(model, model.meta_graphs[0])
    open(name + "/saved_model.pb", "wb").write(model.SerializeToString())
variant("newer", lambda m, g: setattr(g.graph_def.versions, "min_consumer", 100000))
variant("minus_one", lambda m, g: g.object_graph_def.nodes[0].children.add(node_id=-1, local_name="last"))
variant("schema_99", lambda m, g: setattr(m, "saved_model_schema_version", 99))
EOF
cat > load.py <<'EOF'
import tensorflow as tf
v1 = tf.compat.v1
def session(folder):
    with v1.Session(graph=tf.Graph()) as s:
        v1.saved_model.loader.load(s, ["serve"], folder)
for name in ("newer", "minus_one", "schema_99"):
    for how, load in (("session", session), ("object", tf.saved_model.load)):
        try: load(name); print(name, how, "ok")
        except Exception as error: print(name, how, type(error).__name__)
EOF
old/bin/python make.py 2> log; old/bin/python load.py 2>> log | tee old.txt; new/bin/python load.py 2>> log | tee new.txt
grep -q "newer session ValueError" old.txt && grep -q "newer object ok" old.txt && grep -q "minus_one object KeyError" old.txt
grep -q "newer session ValueError" new.txt && grep -q "newer object ok" new.txt && grep -q "minus_one object ok" new.txt
! grep "schema_99" old.txt new.txt | grep -v ok
