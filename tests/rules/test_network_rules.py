"""CZ3xx on networks at the edge of what the format allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from czcheck import verify
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import FLOAT, Graph, classifier, spec


def findings(tmp_path: Path, graph: Graph, *changes: tuple[str, str], **options: Any) -> list[str]:
    """Codes of what is found in an archive with this network, in order."""
    path = tmp_path / "model.czmodel"
    path.write_bytes(czmodel(metadata_xml(*changes), graph.payload()))
    report = verify(path, level="network", **options).to_json()["files"][0]
    assert not [rule for rule in report["rules"] if rule["status"] == "crashed"]
    return [finding["code"] for finding in report["findings"]]


def outcome(tmp_path: Path, graph: Graph, code: str) -> str:
    path = tmp_path / "model.czmodel"
    path.write_bytes(czmodel(metadata_xml(), graph.payload()))
    report = verify(path, level="network").to_json()["files"][0]
    return next(str(rule["status"]) for rule in report["rules"] if rule["code"] == code)


def declare(graph: Graph, shape: tuple[int | None, ...] | None) -> Graph:
    """The graph with another shape declared for its answer."""
    outputs = graph.meta_graph.signature_def["serving_default"].outputs
    outputs["answer"].CopyFrom(spec("answer", shape))
    return graph


def test_a_sound_network_has_no_finding(tmp_path: Path) -> None:
    assert findings(tmp_path, classifier()) == []


@pytest.mark.parametrize("batch", [None, 1])
def test_the_batch_may_be_open_or_one(tmp_path: Path, batch: int | None) -> None:
    assert findings(tmp_path, classifier(batch=batch)) == []


@pytest.mark.parametrize("shape", [None, (None, None, None, None), (1, 32, None, 2)])
def test_what_the_answer_leaves_open_is_no_fault(
    tmp_path: Path, shape: tuple[int | None, ...] | None
) -> None:
    assert findings(tmp_path, declare(classifier(), shape)) == []


@pytest.mark.parametrize("shape", [(None, 32, 32), (None, 16, 32, 2), (None, 32, 32, 2, 1)])
def test_an_answer_of_another_shape_is_one_fault(
    tmp_path: Path, shape: tuple[int | None, ...]
) -> None:
    assert findings(tmp_path, declare(classifier(), shape)) == ["CZ311"]


@pytest.mark.parametrize(("border", "fits"), [("0", True), ("15", True), ("16", False)])
def test_the_border_must_leave_something(tmp_path: Path, border: str, *, fits: bool) -> None:
    change = ("<BorderSize>4<", f"<BorderSize>{border}<")
    assert findings(tmp_path, classifier(), change) == ([] if fits else ["CZ313"])


def test_channels_of_colour_models(tmp_path: Path) -> None:
    bgr = ("Gray16", "Bgr48")
    split = ("ConvertToMonochrome", "SplitRgb")
    assert findings(tmp_path, classifier(channels=3), bgr, split) == []
    assert findings(tmp_path, classifier(channels=4), ("Gray16", "Bgra32"), split) == []
    assert findings(tmp_path, classifier(), split) == []
    assert findings(tmp_path, classifier(channels=4), bgr, split) == ["CZ308"]
    # Both readings of ConvertToMonochrome occur; that they contradict each other is CZ212's.
    assert "CZ308" not in findings(tmp_path, classifier(channels=3), bgr)
    assert "CZ308" not in findings(tmp_path, classifier(), bgr)
    assert "CZ308" in findings(tmp_path, classifier(channels=2), bgr)


def test_a_tile_in_the_metadata_that_fits_is_no_fault(tmp_path: Path) -> None:
    tile = "<TotalTileHeight>32</TotalTileHeight></Model>"
    assert findings(tmp_path, classifier(), ("</Model>", tile)) == []


def test_repeats_are_one_finding_and_the_target_decides(tmp_path: Path) -> None:
    graph = classifier()
    (answer,) = (node for node in graph.meta_graph.graph_def.node if node.name == "answer")
    for number in range(3):
        node = graph.node(f"inverse{number}", "Ndtri", answer.input[0], T=FLOAT)
        answer.input[0] = node
    graph.node("unreached", "Ndtri", "image", T=FLOAT)
    graph.node("loose", "DisableCopyOnRead", "image")
    assert findings(tmp_path, graph) == ["CZ315", "CZ316"]
    assert findings(tmp_path, graph, target="any") == []


def test_what_rests_on_a_fault_is_skipped(tmp_path: Path) -> None:
    open_tile = classifier(height=None, width=None)
    assert findings(tmp_path, open_tile) == ["CZ307"]
    for code in ("CZ313", "CZ314", "CZ321"):
        assert outcome(tmp_path, open_tile, code) == "skipped"
    assert outcome(tmp_path, open_tile, "CZ312") == "passed"
