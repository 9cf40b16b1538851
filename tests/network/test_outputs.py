"""Which of a node's tensors is meant where a function names one by its output."""

from __future__ import annotations

import pytest

from czcheck.network import load_outputs, messages, position
from fixtures.graphs import attribute


@pytest.mark.parametrize(
    ("op", "name", "number", "place"),
    [
        ("TopKV2", "values", 0, 0),
        ("TopKV2", "indices", 0, 1),
        ("FusedBatchNormV3", "batch_variance", 0, 2),
        ("Split", "output", 3, 3),  # one output of several tensors
        ("MadeUp", "second", 2, 2),
    ],
)
def test_an_output_has_its_place(op: str, name: str, number: int, place: int) -> None:
    assert position(messages.NodeDef(name="node", op=op), name, number) == place


def test_outputs_of_several_tensors_are_counted() -> None:
    node = messages.NodeDef(name="node", op="CudnnRNNParamsToCanonicalV2")
    node.attr["num_params_weights"].CopyFrom(attribute(3))
    assert position(node, "weights", 2) == 2
    assert position(node, "biases", 1) == 4


@pytest.mark.tensorflow
def test_the_names_are_those_of_tensorflow() -> None:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    from fixtures.make_outputs import make_outputs

    buffer = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    made = make_outputs(op_def_pb2.OpList.FromString(buffer))
    assert {name: list(each.items()) for name, each in made.items()} == {
        name: list(each.items()) for name, each in load_outputs().items()
    }
