"""Networks that TensorFlow has just written: the facts against what really happens."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from children import run_script

from czcheck.network import SavedModelFolder, gaps, load_target, read_network
from czcheck.network.saved_model import Network

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]

NAMES = (
    "keras_export", "keras_save", "module", "branching", "pair", "noisy", "training",
    "session_graph",
)  # fmt: skip


@dataclass(frozen=True)
class Exported:
    networks: Mapping[str, Network]
    loaders: Mapping[str, list[str]]
    parameters: int


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("exported")
    script = Path(__file__).with_name("real_models.py")
    report = json.loads(run_script(sys.executable, script, folder).splitlines()[-1])
    networks = {name: read_network(SavedModelFolder(folder / name)) for name in NAMES}
    return Exported(networks, report["loaders"], report["parameters"])


@pytest.mark.parametrize("name", NAMES)
def test_the_chosen_loader_works(exported: Exported, name: str) -> None:
    network = exported.networks[name]
    assert network.fault is None
    assert network.problems == ()
    assert network.loader in exported.loaders[name]


def test_one_loader_does_not_open_all(exported: Exported) -> None:
    assert exported.loaders["keras_save"] == ["object"]
    assert exported.networks["keras_save"].loader == "object"


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_read(exported: Exported, name: str) -> None:
    serving = exported.networks[name].serving
    assert serving is not None
    (image,), (answer,) = serving.inputs, serving.outputs
    assert (image.dtype, image.shape) == ("float32", (None, 32, 32, 1))
    assert (answer.dtype, answer.shape) == ("float32", (None, 32, 32, 2))


def test_parameters_are_those_that_keras_counts(exported: Exported) -> None:
    for name in ("keras_export", "keras_save"):
        assert exported.networks[name].parameters == exported.parameters
    for name in ("module", "session_graph"):
        assert exported.networks[name].parameters == 3 * 3 * 2 + 2
        unused = [each for each in exported.networks[name].variables if not each.captured]
        assert [each.name for each in unused] == (["unused"] if name == "module" else [])


def test_captured_variables_are_found_in_the_checkpoint(exported: Exported) -> None:
    for name in NAMES:
        network = exported.networks[name]
        assert network.index is not None
        keys = {entry.key for entry in network.index.entries}
        captured = [each for each in network.variables if each.captured]
        assert captured
        assert {each.key for each in captured} <= keys


def test_endings(exported: Exported) -> None:
    tails = {name: exported.networks[name].tail for name in NAMES}
    assert tails == dict.fromkeys(NAMES, "softmax") | {"pair": "sigmoid-pair", "noisy": "linear"}


def test_training_and_randomness(exported: Exported) -> None:
    random = {name for name in NAMES if exported.networks[name].random}
    assert random == {"noisy", "training"}
    # The draw with a fixed seed is none.
    assert [use.op for use in exported.networks["noisy"].random] == ["RandomStandardNormal"]
    assert {name for name in NAMES if exported.networks[name].training} == {"training"}


def test_what_the_target_lacks(exported: Exported) -> None:
    target = load_target("tf-2.0.0")
    for name in ("keras_export", "keras_save", "module", "branching", "pair"):
        graph = exported.networks[name].graph
        assert graph is not None
        found = gaps(graph, target)
        assert all(gap.mends for gap in found)
        assert {(gap.op, gap.attribute) for gap in found} == {
            ("DisableCopyOnRead", None),
            ("VarHandleOp", "debug_name"),
        }
    graph = exported.networks["noisy"].graph
    assert graph is not None
    needed = {gap.op for gap in gaps(graph, target) if not gap.mends}
    assert needed == {"StatelessRandomGetKeyCounter", "StatelessRandomUniformV2"}
