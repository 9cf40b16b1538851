"""Inlining, freezing, pruning and naming on small graphs, without TensorFlow."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import text_format

from czcheck.building import (
    Changes,
    Freezer,
    Graph,
    GraphWriter,
    Library,
    drop_unreached,
    inline,
    make_portable,
    order,
    parse_ref,
    prune,
    read_nodes,
    rename,
)
from czcheck.errors import InputError
from czcheck.network import messages, unwritten

FLOAT, INT32, RESOURCE = 1, 3, 20

DEFINITIONS = """
    op { name: "Placeholder" output_arg { name: "output" type_attr: "dtype" } }
    op { name: "Const" output_arg { name: "output" type_attr: "dtype" } }
    op { name: "Identity" input_arg { name: "input" } output_arg { name: "output" } }
    op { name: "Relu" input_arg { name: "features" } output_arg { name: "activations" } }
    op { name: "Sub" output_arg { name: "z" } }
    op { name: "NoOp" }
    op { name: "Assert" is_stateful: true }
    op { name: "VarHandleOp" output_arg { name: "resource" } is_stateful: true }
    op { name: "ReadVariableOp" output_arg { name: "value" } is_stateful: true }
    op { name: "AssignVariableOp" is_stateful: true }
    op { name: "HashTableV2" output_arg { name: "table_handle" } is_stateful: true }
    op { name: "LookupTableFindV2" output_arg { name: "values" } is_stateful: true }
    op { name: "Split" output_arg { name: "output" number_attr: "num_split" } }
    op { name: "Unique" output_arg { name: "y" } output_arg { name: "idx" } }
    op { name: "If" output_arg { name: "output" type_list_attr: "Tout" } is_stateful: true }
    op { name: "While" output_arg { name: "output" type_list_attr: "T" } is_stateful: true }
    op { name: "PartitionedCall" output_arg { name: "output" type_list_attr: "Tout" } }
    op { name: "StatefulPartitionedCall" output_arg { name: "output" type_list_attr: "Tout" }
         is_stateful: true }
"""


OP_LIST: Any = text_format.Parse(DEFINITIONS, messages._class("OpList")())
OP_DEFS = {definition.name: definition for definition in OP_LIST.op}


def parse(text: str, message: Any) -> Any:
    """Read a message whose data types are written by name."""
    for name, number in (("FLOAT", FLOAT), ("INT32", INT32), ("INT8", 6), ("RESOURCE", RESOURCE)):
        text = text.replace(f"DT_{name}", str(number))
    return text_format.Parse(text, message)


def op_defs(name: str) -> Any:
    return OP_DEFS.get(name)


def stateful(op: str) -> bool:
    return op not in OP_DEFS or bool(OP_DEFS[op].is_stateful)


def read(text: str, output: str) -> tuple[Graph, Library]:
    graph_def = parse(text, messages.GraphDef())
    graph = Graph(read_nodes(graph_def.node), outputs=[parse_ref(output)])
    return graph, Library(graph_def.library.function, op_defs)


def edges(graph: Graph) -> dict[str, list[str]]:
    """Inputs of every node, as text."""
    return {
        node.name: [f"{name}:{index}" for name, index in node.inputs]
        + [f"^{name}" for name in node.controls]
        for node in graph.nodes.values()
    }


TWO_LEVELS = """
    node { name: "x" op: "Placeholder" }
    node { name: "call" op: "StatefulPartitionedCall" input: "x" input: "^before"
           attr { key: "f" value { func { name: "outer" } } } }
    node { name: "before" op: "Assert" }
    node { name: "after" op: "Relu" input: "call:1" input: "^call" }
    library {
      function {
        signature { name: "outer" input_arg { name: "a" type: DT_FLOAT }
                    output_arg { name: "first" type: DT_FLOAT }
                    output_arg { name: "second" type: DT_FLOAT } }
        node_def { name: "split" op: "Split" input: "a" input: "a"
                   attr { key: "num_split" value { i: 2 } } }
        node_def { name: "check" op: "Assert" input: "split:output:0" }
        node_def { name: "nested" op: "inner" input: "split:output:1" }
        ret { key: "first" value: "a" }
        ret { key: "second" value: "nested:out:0" }
        control_ret { key: "check" value: "check" }
      }
      function {
        signature { name: "inner" input_arg { name: "a" type: DT_FLOAT }
                    output_arg { name: "out" type: DT_FLOAT } }
        node_def { name: "unique" op: "Unique" input: "a" }
        node_def { name: "relu" op: "Relu" input: "unique:idx:0" }
        ret { key: "out" value: "relu:activations:0" }
      }
    }
"""


def test_nested_calls_are_written_out() -> None:
    graph, library = read(TWO_LEVELS, "after")
    inline(graph, library)
    assert edges(graph) == {
        "x": [],
        "call/split": ["x:0", "x:0"],
        "call/check": ["call/split:0", "^before"],
        "call/nested/unique": ["call/split:1"],
        "call/nested/relu": ["call/nested/unique:1"],
        "before": [],
        "after": ["call/nested/relu:0", "^call/check"],
    }


def test_an_output_that_is_an_argument_stands_for_what_was_passed() -> None:
    graph, library = read(TWO_LEVELS, "call")
    inline(graph, library)
    assert graph.outputs == [("x", 0)]


def test_a_function_that_calls_itself_is_refused() -> None:
    text = """
        node { name: "x" op: "Placeholder" }
        node { name: "call" op: "endless" input: "x" }
        library { function {
          signature { name: "endless" input_arg { name: "a" type: DT_FLOAT }
                      output_arg { name: "out" type: DT_FLOAT } }
          node_def { name: "again" op: "endless" input: "a" }
          ret { key: "out" value: "again:out:0" } } }
    """
    graph, library = read(text, "call")
    with pytest.raises(InputError, match="function endless of the network calls itself"):
        inline(graph, library)


def test_a_function_that_doubles_at_each_level_is_refused() -> None:
    level = """
        function {{ signature {{ name: "f{0}" input_arg {{ name: "a" type: DT_FLOAT }}
                    output_arg {{ name: "out" type: DT_FLOAT }} }}
          node_def {{ name: "one" op: "f{1}" input: "a" }}
          node_def {{ name: "two" op: "f{1}" input: "one:out:0" }}
          ret {{ key: "out" value: "two:out:0" }} }}
    """
    last = """
        function { signature { name: "f30" input_arg { name: "a" type: DT_FLOAT }
                   output_arg { name: "out" type: DT_FLOAT } }
          node_def { name: "relu" op: "Relu" input: "a" }
          ret { key: "out" value: "relu:activations:0" } }
    """
    functions = "".join(level.format(number, number + 1) for number in range(30)) + last
    text = 'node { name: "x" op: "Placeholder" } node { name: "call" op: "f0" input: "x" }'
    graph, library = read(f"{text} library {{ {functions} }}", "call")
    with pytest.raises(InputError, match="more than 200000 operations"):
        inline(graph, library)


def test_a_function_that_is_missing_is_named() -> None:
    text = 'node { name: "a" op: "PartitionedCall" attr { key: "f" value { func { name: "b" } } } }'
    graph, library = read(text, "a")
    with pytest.raises(InputError, match="node a calls function b, which the SavedModel lacks"):
        inline(graph, library)


CONDITION = """
    node { name: "x" op: "Placeholder" }
    node { name: "v" op: "VarHandleOp" }
    node { name: "bright" op: "Relu" input: "x" }
    node { name: "if" op: "If" input: "bright" input: "x" input: "v"
           attr { key: "Tin" value { list { type: [DT_FLOAT, DT_RESOURCE] } } }
           attr { key: "Tout" value { list { type: [DT_FLOAT] } } }
           attr { key: "then_branch" value { func { name: "same" } } }
           attr { key: "else_branch" value { func { name: "same" } } } }
    library {
      function {
        signature { name: "same" input_arg { name: "a" type: DT_FLOAT }
                    input_arg { name: "handle" type: DT_RESOURCE }
                    output_arg { name: "out" type: DT_FLOAT } }
        node_def { name: "read" op: "ReadVariableOp" input: "handle"
                   attr { key: "dtype" value { type: DT_FLOAT } } }
        node_def { name: "sub" op: "Sub" input: "a" input: "read:value:0" input: "^read" }
        node_def { name: "end" op: "Identity" input: "sub:z:0" }
        ret { key: "out" value: "end:output:0" }
      }
    }
"""


def freezer(values: dict[str, Any]) -> Freezer:
    def make_tensor(value: Any) -> Any:
        return messages.TensorProto(dtype=FLOAT, float_val=[value])

    return Freezer(values, make_tensor, messages.AttrValue)


def test_variables_become_constants_in_branches_too() -> None:
    graph, library = read(CONDITION, "if")
    inline(graph, library)
    freezer({"v": 7.0}).freeze(graph)
    prune(graph, "x", stateful)
    assert graph.nodes["v"].op == "Const"
    assert graph.nodes["v"].attrs["value"].tensor.float_val == [7.0]
    assert list(graph.nodes["if"].attrs["Tin"].list.type) == [FLOAT, FLOAT]
    for name in ("then_branch", "else_branch"):
        (body,) = graph.nodes["if"].bodies[name]
        assert [argument.dtype for argument in body.arguments] == [FLOAT, FLOAT]
        assert edges(body) == {"sub": ["a:0", "handle:0"]}
        assert body.outputs == [("sub", 0)]


def test_a_function_used_twice_gets_two_bodies_in_the_written_graph() -> None:
    graph, library = read(CONDITION, "if")
    inline(graph, library)
    freezer({"v": 7.0}).freeze(graph)
    prune(graph, "x", stateful)
    rename(graph, {"x": "x"})
    written = GraphWriter(messages.GraphDef, op_defs, stateful).write(graph)
    functions = {item.signature.name: item for item in written.library.function}
    assert sorted(functions) == ["if_else_branch", "if_then_branch"]
    (sub,) = functions["if_then_branch"].node_def
    assert list(sub.input) == ["a", "handle"]
    assert functions["if_then_branch"].ret["out"] == "sub:z:0"
    node = next(node for node in written.node if node.name == "if")
    assert node.attr["then_branch"].func.name == "if_then_branch"
    # What was written reads back as what it was.
    again = Graph(read_nodes(written.node), outputs=[("if", 0)])
    inline(again, Library(written.library.function, op_defs))
    prune(again, "x", stateful)
    rename(again, {"x": "x"})
    assert GraphWriter(messages.GraphDef, op_defs, stateful).write(again) == written


def test_a_variable_that_the_network_writes_is_refused() -> None:
    text = """
        node { name: "v" op: "VarHandleOp" }
        node { name: "x" op: "Placeholder" }
        node { name: "write" op: "AssignVariableOp" input: "v" input: "x" }
        node { name: "end" op: "Relu" input: "x" input: "^write" }
    """
    graph, _ = read(text, "end")
    with pytest.raises(InputError, match=r"AssignVariableOp \(node write\) changes a variable"):
        freezer({"v": 1.0}).freeze(graph)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('op: "Mean" input: "x"', "batch normalisation does in training mode"),
        ('op: "FusedBatchNormV3" input: "x"', "leave that out"),
        ('op: "RandomUniform"', "augmentation and dropout"),
        ('op: "Relu" input: "x"', "as layers do in training mode"),
    ],
)
def test_a_refusal_says_which_layer_writes_a_variable(value: str, says: str) -> None:
    text = f"""
        node {{ name: "v" op: "VarHandleOp" }}
        node {{ name: "x" op: "Placeholder" }}
        node {{ name: "value" {value} }}
        node {{ name: "update" op: "Sub" input: "x" input: "value" }}
        node {{ name: "write" op: "AssignSubVariableOp" input: "v" input: "update" }}
        node {{ name: "end" op: "Relu" input: "x" input: "^write" }}
    """
    graph, _ = read(text, "end")
    with pytest.raises(InputError) as refused:
        freezer({"v": 1.0}).freeze(graph)
    assert says in str(refused.value)
    assert "training=False" in str(refused.value)


def test_a_step_of_training_is_called_so() -> None:
    text = """
        node { name: "v" op: "VarHandleOp" }
        node { name: "x" op: "Placeholder" }
        node { name: "step" op: "ResourceApplyGradientDescent" input: "v" input: "x" input: "x" }
        node { name: "end" op: "Relu" input: "x" input: "^step" }
    """
    graph, _ = read(text, "end")
    with pytest.raises(InputError, match="as the optimizer does in a step of training"):
        freezer({"v": 1.0}).freeze(graph)


def test_a_lookup_table_is_refused() -> None:
    text = """
        node { name: "x" op: "Placeholder" }
        node { name: "table" op: "HashTableV2" }
        node { name: "find" op: "LookupTableFindV2" input: "table" input: "x" }
    """
    graph, _ = read(text, "find")
    with pytest.raises(InputError, match=r"HashTableV2 \(node table\)"):
        prune(graph, "x", stateful)


def test_control_edges_stay_only_where_an_effect_lies_behind_them() -> None:
    text = """
        node { name: "x" op: "Placeholder" }
        node { name: "idle" op: "NoOp" input: "^x" }
        node { name: "check" op: "Assert" input: "x" }
        node { name: "gate" op: "NoOp" input: "^check" input: "^idle" }
        node { name: "relu" op: "Relu" input: "x" input: "^idle" }
        node { name: "end" op: "Identity" input: "relu" input: "^gate" }
        node { name: "unused" op: "Relu" input: "x" }
    """
    graph, _ = read(text, "end")
    prune(graph, "x", stateful)
    assert edges(graph) == {
        "x": [],
        "relu": ["x:0"],
        "check": ["x:0"],
        "gate": ["^check"],
        "end": ["relu:0", "^gate"],
    }


def test_control_edges_of_tensorflow_1_loops_stay() -> None:
    text = """
        node { name: "x" op: "Placeholder" }
        node { name: "enter" op: "Enter" input: "x" }
        node { name: "merge" op: "Merge" input: "enter" input: "next" }
        node { name: "one" op: "Const" input: "^merge" }
        node { name: "next" op: "NextIteration" input: "one" }
    """
    graph, _ = read(text, "merge")
    prune(graph, "x", stateful)
    assert edges(graph)["one"] == ["^merge"]


def test_the_order_follows_from_the_structure_alone() -> None:
    lines = [
        'node { name: "x" op: "Placeholder" }',
        'node { name: "a" op: "Relu" input: "x" }',
        'node { name: "b" op: "Relu" input: "x" }',
        'node { name: "end" op: "Sub" input: "b" input: "a" }',
    ]
    forward, _ = read("".join(lines), "end")
    backward, _ = read("".join(reversed(lines)), "end")
    assert [node.name for node in order(forward)] == ["x", "b", "a", "end"]
    assert [node.name for node in order(backward)] == ["x", "b", "a", "end"]


def test_long_chains_need_no_deep_stack() -> None:
    text = 'node { name: "n0" op: "Placeholder" }' + "".join(
        f'node {{ name: "n{i}" op: "Relu" input: "n{i - 1}" }}' for i in range(1, 5000)
    )
    graph, _ = read(text, "n4999")
    drop_unreached(graph, "n0")
    assert len(graph.nodes) == 5000


def test_names_are_the_short_ones_and_unique() -> None:
    text = TWO_LEVELS.replace('name: "relu"', 'name: "split"').replace("relu:act", "split:act")
    graph, library = read(text, "after")
    inline(graph, library)
    prune(graph, "x", stateful)
    rename(graph, {"x": "input", "after": "output"})
    assert sorted(graph.nodes) == [
        "before", "check", "input", "output", "split", "split_1", "unique",
    ]  # fmt: skip
    assert edges(graph)["split_1"] == ["unique:1"]
    names = list(graph.nodes)
    rename(graph, {"input": "input", "output": "output"})
    assert list(graph.nodes) == names


def attr_of(text: str) -> Any:
    return parse(text, messages.AttrValue())


def portable(op: str, **attrs: str) -> tuple[dict[str, Any], str, Changes]:
    graph, _ = read(f'node {{ name: "n" op: "{op}" }}', "n")
    node = graph.nodes["n"]
    node.attrs = {name: attr_of(text) for name, text in attrs.items()}
    changes = Changes()
    make_portable(graph, changes)
    return node.attrs, node.op, changes


def test_new_attributes_go_where_they_say_nothing() -> None:
    attrs, _, changes = portable(
        "MaxPool", T="type: DT_FLOAT", explicit_paddings="list { }", _output_shapes="list { }"
    )
    assert sorted(attrs) == ["T"]
    assert changes.attributes == {"MaxPool.explicit_paddings": 1}


def test_new_attributes_that_say_something_are_refused() -> None:
    with pytest.raises(InputError, match=r"explicit_paddings of operation MaxPool \(node n\)"):
        portable("MaxPool", T="type: DT_FLOAT", explicit_paddings="list { i: [1, 1] }")


def test_new_operations_with_an_older_equal_are_replaced() -> None:
    attrs, op, changes = portable(
        "BatchMatMulV3", Ta="type: DT_FLOAT", Tb="type: DT_FLOAT", Tout="type: DT_FLOAT"
    )
    assert (op, sorted(attrs)) == ("BatchMatMulV2", ["T"])
    assert changes.rewrites == {"BatchMatMulV3 -> BatchMatMulV2": 1}


@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("BatchMatMulV3", {"Ta": "type: DT_INT8", "Tb": "type: DT_INT8", "Tout": "type: DT_INT32"}),
        ("XlaConvV2", {}),
    ],
)
def test_new_operations_without_an_equal_are_named(op: str, attrs: dict[str, str]) -> None:
    with pytest.raises(InputError, match=rf"operation {op} \(node n\) does not exist"):
        portable(op, **attrs)


def test_nobody_is_told_to_build_what_a_build_has_made() -> None:
    remedy = "`czcheck build` and `czcheck repair` write it anew so that it is equal there"
    found = unwritten(f"Conv2D is refused (1 node, the first is conv); {remedy}.", remedy)
    assert found == (
        "Conv2D is refused (1 node, the first is conv); give the tensors that it reads a size "
        "that is known, or do without it."
    )
    by_hand = "clip to the range of the dtype before the cast"
    assert unwritten(f"It depends; {by_hand}.", by_hand) == f"It depends; {by_hand}."
