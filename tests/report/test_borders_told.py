"""Reach, borders and cost as inspections and reports tell them."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import czcheck
from czcheck.network import NodeUse, StaticReach
from czcheck.report import border_text, inspection_lines, typed
from czcheck.report.inspection import inspection
from czcheck.runtime.measure import Distance, OffsetRecord, ReachRecord
from fixtures import bad_border
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import FLOAT, classifier

SCHEMA = json.loads(files("czcheck.schemas").joinpath("report.schema.json").read_text("utf-8"))


def record(kind: Any, fine: int | None, coarse: int | None) -> ReachRecord:
    cause = NodeUse("Mean", "mean", None)
    return ReachRecord(
        tile="nuclei",
        asked="nuclei, its origin moved by 8",
        asked_far="nuclei, its outer ring darkened",
        size=(128, 128),
        kind=kind,
        distances=(
            Distance(1e-5, fine, fine, fine, fine),
            Distance(1e-3, coarse, coarse, coarse, coarse),
            Distance(1e-2, coarse, 0, 0, 0),
        ),
        plateau=0.12345,
        change=None,
        declared=8,
        static=StaticReach((40,) * 4, 8, kind, cause),
    )


def test_the_reach_on_one_line() -> None:
    line = border_text(typed("border", record("local", 30, 12).to_json()))
    assert line == (
        "reaches 30 px at 1e-05, 12 px at 0.001, 12 px at 0.01; BorderSize 8,"
        " recommended 16 (44 % of each tile)"
    )
    line = border_text(typed("border", record("global-inside", None, None).to_json()))
    assert line.startswith("the network uses the whole tile; reaches to the middle at 1e-05,")
    assert line.endswith("BorderSize 8, and no border is large enough")
    assert "apart from whole-tile statistics, " in border_text(
        typed("border", record("global-input", 3, 2).to_json())
    )


@pytest.mark.parametrize("kind", ["local", "global-input", "global-inside"])
def test_the_schema_describes_it(kind: str) -> None:
    part = SCHEMA["$defs"]["looked_at"]["properties"]["run"]["properties"]
    schema = {"$defs": SCHEMA["$defs"], **part["border"]}
    jsonschema.validate(record(kind, None, 7).to_json(), schema)
    jsonschema.validate(record(kind, 9, 7).to_json(), schema)
    offsets = OffsetRecord("nuclei, its origin moved by 3", 8, 3, 0.1, 0.01, 0.0)
    jsonschema.validate(offsets.to_json(), part["offsets"] | {"$defs": SCHEMA["$defs"]})


def inspected(path: Path, payload: bytes) -> tuple[dict[str, Any], str]:
    path.write_bytes(czmodel(metadata_xml(), payload))
    with czcheck.open(path) as model:
        plain = inspection(model)
    return plain["network"], "\n".join(line.text for line in inspection_lines(plain))


def test_an_inspection_tells_reach_stride_and_cost(tmp_path: Path) -> None:
    network, text = inspected(tmp_path / "a.czmodel", classifier().payload())
    assert network["reach"] == {
        "kind": "local",
        "bound": [1, 1, 1, 1],
        "stride": 1,
        "because": None,
        "reason": None,
    }
    assert network["cost"]["multiply_adds"] == 32 * 32 * 9 * 2
    assert network["cost"]["memory_bytes"] == network["cost"]["activation_bytes"] + 4 * (18 + 2)
    assert "receptive field  3 x 3 pixels, at most 1 from an edge; local" in text
    assert "stride           1 pixel" in text
    assert "multiply-adds    18,432 for each tile" in text
    json.dumps(network)


def test_an_inspection_names_what_is_global_and_what_is_unknown(tmp_path: Path) -> None:
    net = bad_border.BorderNet(64)
    _, text = inspected(tmp_path / "a.czmodel", net.ended(net.without_mean("image")).payload())
    assert "1 x 1 pixels" in text
    assert "depends on whole-tile statistics (Mean, node mean)" in text
    graph = classifier()
    graph.node("odd", "Roll", "answer", "bias", "bias", T=FLOAT)
    graph.meta_graph.signature_def["serving_default"].outputs["answer"].name = "odd:0"
    network, text = inspected(tmp_path / "b.czmodel", graph.payload())
    assert network["reach"]["because"] == {"op": "Roll", "name": "odd", "function": None}
    assert "receptive field  not known: unknown operation: Roll, node odd" in text
    assert "for each tile, without Roll" in text


def test_a_network_without_a_signature_has_no_reach(tmp_path: Path) -> None:
    graph = classifier()
    del graph.meta_graph.signature_def["serving_default"]
    network, text = inspected(tmp_path / "a.czmodel", graph.payload())
    assert network["cost"] is None
    assert "receptive field  not known: the signature does not turn one tile into one" in text
