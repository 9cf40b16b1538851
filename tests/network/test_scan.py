"""What the scan finds in a network, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from czcheck import CzModel
from czcheck.errors import UnavailableError
from czcheck.network import Safety, SavedModelFolder, load_allowlist, read_network
from czcheck.network.scan import scan
from fixtures.bad_network import with_variable
from fixtures.described import described
from fixtures.graphs import CONV, FLOAT, Func, Function, Graph, Type, classifier
from fixtures.stand_ins import (
    MADE_UP,
    STAND_INS,
    UNLISTED,
    StandIn,
    at_load,
    before_answer,
    doubling,
    text,
)

STRING = Type("string")


def scanned(graph: Graph, folder: Path, **files: bytes) -> Safety:
    for name, data in {**graph.files(), **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    saved_model = SavedModelFolder(folder)
    network = read_network(saved_model)
    assert network.fault is None
    return scan(network, saved_model)


@pytest.mark.parametrize("stand_in", STAND_INS, ids=lambda each: each.__name__)
def test_what_is_not_listed_meets_an_objection_wherever_it_stands(
    stand_in: StandIn, tmp_path: Path
) -> None:
    safety = scanned(stand_in(), tmp_path)
    assert safety.objection() is not None


@pytest.mark.parametrize("graph", [classifier(), with_variable(), described(), Graph()])
def test_sound_networks_meet_none(graph: Graph, tmp_path: Path) -> None:
    assert scanned(graph, tmp_path) == Safety()


def test_real_models_meet_none(corpus: Path) -> None:
    with CzModel(corpus / "simple_nuclei_tf200.czmodel") as model:
        assert model.network.functions > 10
        assert model.safety == Safety()


def test_a_loop_of_tensorflow_1_is_no_circle(tmp_path: Path) -> None:
    graph = classifier()
    graph.const("limit", [3.0], ())
    graph.const("one", [1.0], ())
    loop: dict[str, Any] = {"T": FLOAT, "frame_name": "loop"}
    graph.node("enter", "Enter", "one", **loop)
    graph.node("merge", "Merge", "enter", "next", T=FLOAT, N=2)
    graph.node("less", "Less", "merge", "limit", T=FLOAT)
    graph.node("test", "LoopCond", "less")
    graph.node("switch", "Switch", "merge", "test", T=FLOAT)
    graph.node("more", "AddV2", "switch:1", "one", T=FLOAT)
    graph.node("next", "NextIteration", "more", T=FLOAT)
    graph.node("exit", "Exit", "switch", T=FLOAT)
    assert scanned(graph, tmp_path) == Safety()


def test_every_operation_that_is_not_allowed_is_refused_and_told_by_what_it_does() -> None:
    known = load_allowlist()
    fine = known.allowed | known.saver
    assert len(known.refused) > 1_000
    told: dict[str, set[str]] = {}
    for op, kind in known.refused.items():
        assert op not in fine
        told.setdefault(kind, set()).add(known.danger(op))
    words = {
        "python_callback": "Python",
        "process_control": "process",
        "file_write": "files",
        "file_read": "files",
        "network_rpc": "connections",
        "debug_dump": "other machines",
        "nested_program": "program",
        "xla": "program",
        "dataset_iterator": "pipelines",
        "queue_stage_barrier": "wait",
        "lookup_table": "table",
        "image_codec": "decodes",
        "print_log": "log",
        "internal": "internal",
    }
    for kind, word in words.items():
        assert any(word in each for each in told[kind]), kind
    assert "none that czcheck knows" in known.danger(MADE_UP)
    assert "internal" in known.danger(f"_{MADE_UP}")


def test_an_operation_is_told_once_where_it_runs_first(tmp_path: Path) -> None:
    graph = classifier()
    for name in ("idle", "asked", "early"):
        graph.node(name, MADE_UP)
    before_answer(graph, "asked")
    at_load(graph, graph.node("init", "NoOp", "^early"))
    (refused,) = scanned(graph, tmp_path).refused
    assert (refused.op, refused.count) == (MADE_UP, 3)
    assert (refused.place.node, refused.place.when) == ("early", "load")


def test_admitted_operations_are_admitted_by_name_and_internal_ones_never(tmp_path: Path) -> None:
    graph = classifier()
    graph.node("plain", MADE_UP)
    graph.node("internal", f"_{MADE_UP}")
    safety = scanned(graph, tmp_path)
    admitted = [MADE_UP, f"_{MADE_UP}"]
    assert [each.op for each in safety.not_admitted(admitted)] == [f"_{MADE_UP}"]


def test_a_function_cannot_take_the_name_of_an_operation(tmp_path: Path) -> None:
    graph = classifier()
    body = graph.function(UNLISTED, {"words": "string"}, {"text": "string"})
    body.returns(text="words")
    graph.node("call", UNLISTED, text(graph, "words", "0"))
    (refused,) = scanned(graph, tmp_path).refused
    assert refused.op == UNLISTED


def test_random_numbers_assertions_and_optimizers_are_allowed() -> None:
    allowed = load_allowlist().allowed
    named = (
        "RandomUniform StatelessRandomUniformV2 Assert ResourceApplyAdam TensorListReserve While"
    )
    assert allowed >= set(named.split())


def test_no_allowed_operation_reads_writes_or_calls() -> None:
    known = load_allowlist()
    words = ("File", "Save", "Restore", "Dataset", "Iterator", "Rpc", "Queue", "PyFunc", "Summary")
    odd = {op for op in known.allowed if any(word in op for word in words) or op.startswith("_")}
    assert odd == set()
    assert known.allowed.isdisjoint(known.refused)
    assert known.allowed.isdisjoint(known.saver)


def test_a_network_that_cannot_be_read_cannot_be_judged(tmp_path: Path) -> None:
    files = SavedModelFolder(tmp_path)
    with pytest.raises(UnavailableError):
        scan(read_network(files), files)


# --- Savers ---------------------------------------------------------------------------------------


def _saver_in_function(path: str, *, part: bytes = b"part", separator: str = "") -> Graph:
    """A saver as TensorFlow 2 writes it; `path` is what it restores from."""
    graph = with_variable()
    del graph.meta_graph.graph_def.node[:]
    made = classifier()
    graph.meta_graph.graph_def.node.extend(made.meta_graph.graph_def.node)
    name = graph.placeholder("saver_filename", (), "string")
    graph.node("elsewhere", "Placeholder", dtype=STRING)
    save = graph.function("save", {"file": "string"}, {"file_out": "string"})
    text(save, "plain", part)
    save.node("joined", "StringJoin", "file", "plain:output:0", N=2, separator=separator)
    keys, slices = text(save, "keys", "a"), text(save, "slices", "")
    value = save.const("value", [0.0], ())
    inputs = [f"{each}:output:0" for each in (keys, slices, value)]
    save.node("write", "SaveV2", "joined:output:0", *inputs, dtypes=[FLOAT])
    save.node("parts", "Pack", "joined:output:0", N=1, T=STRING, axis=0)
    save.node("merge", "MergeV2Checkpoints", "parts:output:0", "file", "^write")
    save.returns(file_out="file", control=["merge"])
    restore = graph.function("restore", {"file": "string"}, {})
    keys, slices = text(restore, "keys", "a", "b"), text(restore, "slices", "", "")
    inputs = [f"{each}:output:0" for each in (keys, slices)]
    restore.node("read", "RestoreV2", "file", *inputs, dtypes=[FLOAT, FLOAT])
    restore.returns(control=["read"])
    call = "StatefulPartitionedCall"
    graph.node("saved", call, name, Tin=[STRING], Tout=[STRING], f=Func("save"))
    graph.node("restored", call, path, Tin=[STRING], Tout=[], f=Func("restore"))
    saver = graph.meta_graph.saver_def
    saver.filename_tensor_name, saver.save_tensor_name = f"{name}:0", "saved:0"
    saver.restore_op_name = "restored"
    return graph


def test_the_saver_may_save_and_restore(tmp_path: Path) -> None:
    assert scanned(_saver_in_function("saver_filename"), tmp_path).saver == ()


@pytest.mark.parametrize("part", [b"/../x", b"..", b"://x", b"\xff", b"x" * 300])
def test_no_part_of_a_file_name_leads_away(part: bytes, tmp_path: Path) -> None:
    if part == b"..":
        graph = _saver_in_function("saver_filename", part=part, separator="/")
    else:
        graph = _saver_in_function("saver_filename", part=part)
    found = scanned(graph, tmp_path).saver
    assert {each.op for each in found} == {"SaveV2", "MergeV2Checkpoints"}
    assert all("built-in path" in each.text for each in found)


def test_a_file_name_comes_from_the_saver_s_own_tensor(tmp_path: Path) -> None:
    (found,) = scanned(_saver_in_function("elsewhere"), tmp_path).saver
    assert (found.op, found.place.function) == ("RestoreV2", "restore")
    assert "elsewhere" in found.text


def test_a_path_handed_to_the_restore_function_is_found(tmp_path: Path) -> None:
    graph = _saver_in_function("path")
    text(graph, "path", "elsewhere/model")
    (found,) = scanned(graph, tmp_path).saver
    assert "elsewhere/model" in found.text


def test_a_saver_that_a_function_of_the_network_reaches_is_found(tmp_path: Path) -> None:
    graph = _saver_in_function("saver_filename")
    objects = graph.meta_graph.object_graph_def
    objects.nodes.add().user_object.identifier = "_generic_user_object"
    objects.concrete_functions["save"].SetInParent()
    assert {each.op for each in scanned(graph, tmp_path).saver} == {"SaveV2", "MergeV2Checkpoints"}


def test_a_saver_that_cannot_be_followed_is_no_honest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("czcheck.network.graph.STEPS", 1_000)
    graph = doubling(9)
    body = Function(graph.meta_graph.graph_def.library.function[-1])
    keys, slices = text(body, "keys", "a"), text(body, "slices", "")
    body.node("read", "RestoreV2", "x", f"{keys}:output:0", f"{slices}:output:0", dtypes=[FLOAT])
    begin = graph.meta_graph.graph_def.node[-1]
    begin.input[0] = graph.placeholder("path", (), "string")
    graph.meta_graph.saver_def.filename_tensor_name = "path:0"
    graph.meta_graph.saver_def.restore_op_name = "begin"
    (found,) = scanned(graph, tmp_path).saver
    assert (found.op, found.place.node) == ("RestoreV2", "read")
    assert "more ways" in found.text


def test_savers_left_over_from_training_are_let_be(tmp_path: Path) -> None:
    graph = with_variable()
    path = graph.node("old/path", "PlaceholderWithDefault", text(graph, "old/model", "model"))
    keys, slices = text(graph, "old/keys", "a", "b"), text(graph, "old/slices", "", "")
    graph.node("old/read", "RestoreV2", path, keys, slices, dtypes=[FLOAT, FLOAT])
    assert scanned(graph, tmp_path).saver == ()


# --- Beside the graph -----------------------------------------------------------------------------


def test_an_asset_that_is_there_is_fine(tmp_path: Path) -> None:
    graph = classifier()
    asset = graph.meta_graph.asset_file_def.add(filename="words.txt")
    asset.tensor_info.name = text(graph, "asset", "words.txt") + ":0"
    assert scanned(graph, tmp_path, **{"assets/words.txt": b"words"}).assets == ()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "C:x", "a\0", "a\n", "-" * 300])
def test_no_other_asset_name_is_fine(name: str, tmp_path: Path) -> None:
    graph = classifier()
    graph.meta_graph.asset_file_def.add(filename=name)
    (asset,) = scanned(graph, tmp_path).assets
    assert asset.name == name


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (b'"class_name": "Lambda"', True),
        (b'"class_name":"Lambda"', True),
        (b'"class_name": "\\u004cambda"', True),
        (b'"class_name": "Conv2D", "name": "Lambda"', False),
    ],
)
def test_lambda_layers_are_found_in_text(words: bytes, found: bool, tmp_path: Path) -> None:
    here = scanned(classifier(), tmp_path, **{"keras_metadata.pb": b"\n\x09{" + words + b"}"})
    assert here.lambdas == (("keras_metadata.pb",) if found else ())


def test_lambda_layers_are_found_among_the_objects_of_keras(tmp_path: Path) -> None:
    graph = classifier()
    layer = graph.meta_graph.object_graph_def.nodes.add().user_object
    layer.metadata = '{"class_name": "Lambda", "config": {}}'
    assert scanned(graph, tmp_path).lambdas == ("the object graph",)


def test_only_texts_that_the_network_reaches_are_noted(tmp_path: Path) -> None:
    graph = classifier()
    text(graph, "idle", b"x" * 100_000)
    before_answer(graph, text(graph, "reached", b"x" * 100_000))
    assert [each.place.node for each in scanned(graph, tmp_path).large] == ["reached"]


def test_a_convolution_is_none_of_all_this(tmp_path: Path) -> None:
    graph = classifier()
    graph.node("more", "Conv2D", "image", "kernel", **CONV)
    assert scanned(graph, tmp_path) == Safety()
