"""Whatever a network's signature is called, an archive calls it `serving_default`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import czcheck
from czcheck.errors import InputError
from fixtures.graphs import Graph, classifier, spec

if TYPE_CHECKING:
    from conftest import WriteSpec

BAD = Path(__file__).parents[2] / "fixtures" / "bad"
TILE = (None, 32, 32, 1)
IMAGE = {"image": spec("image", TILE)}
ANSWER = {"answer": spec("answer", (None, 32, 32, 2))}

pytestmark = pytest.mark.timeout(300)


def network(**signatures: tuple[dict[str, object], dict[str, object]]) -> Graph:
    graph = classifier()
    del graph.meta_graph.signature_def["serving_default"]
    for name, (inputs, outputs) in signatures.items():
        graph.signature(inputs, outputs, key=name)
    return graph


def saved(graph: Graph, folder: Path) -> Path:
    for name, data in graph.files().items():
        path = folder / "network" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "network"


def warned(path: Path) -> list[str]:
    report = czcheck.verify(path, level="network").files[0]
    return [each.message for each in report.findings if each.code == "CZ328"]


def name_in(archive: Path) -> str:
    with czcheck.open(archive) as model:
        serving = model.network.serving
        assert serving is not None
        return serving.name


@pytest.mark.tensorflow
def test_a_build_writes_the_signature_as_serving_default(
    write_spec: WriteSpec, tmp_path: Path
) -> None:
    described = write_spec(saved(network(predict=(IMAGE, ANSWER)), tmp_path))
    assert warned(described) == []  # a specification is judged as it will be built
    built = czcheck.build(described, tmp_path / "built.czmodel", verify=False)
    assert name_in(built.path) == "serving_default"
    assert warned(built.path) == []


@pytest.mark.tensorflow
def test_a_repair_writes_it_so_and_says_so(tmp_path: Path) -> None:
    repaired = czcheck.repair(
        BAD / "CZ328_other_name.czmodel", tmp_path / "repaired.czmodel", verify=False
    )
    assert "signature predict renamed serving_default" in repaired.changes
    assert name_in(repaired.path) == "serving_default"


@pytest.mark.tensorflow
def test_the_one_that_takes_one_tile_is_taken(write_spec: WriteSpec, tmp_path: Path) -> None:
    both = {**ANSWER, "logits": spec("logits", (None, 32, 32, 2))}
    graph = network(explain=(IMAGE, both), segment=(IMAGE, ANSWER))
    built = czcheck.build(
        write_spec(saved(graph, tmp_path)), tmp_path / "built.czmodel", verify=False
    )
    assert name_in(built.path) == "serving_default"


def test_of_several_nobody_can_tell_which(write_spec: WriteSpec, tmp_path: Path) -> None:
    graph = network(predict=(IMAGE, ANSWER), segment=(IMAGE, ANSWER))
    described = write_spec(saved(graph, tmp_path))
    message = r"no signature `serving_default`, and which of `predict`, `segment` is the network"
    with pytest.raises(InputError, match=message):
        czcheck.build(described, tmp_path / "built.czmodel")
    assert not (tmp_path / "built.czmodel").exists()
