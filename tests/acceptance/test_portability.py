"""What today's Keras exports runs in TensorFlow 2.0.0 once it is built, and not before.

Three processes do the work for all networks: one exports them, one builds and unpacks them, one
loads them in TensorFlow 2.0.0.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import run_script
from target_runs import HERE, Outcome, in_target, job

LOADERS = ("object", "session", "keras")
NETWORKS = (
    "unet_transposed", "unet_bilinear", "group_and_layer_norm", "separable_and_dilated",
    "swish_and_gelu", "attention", "conditional", "loop", "standardized", "efficientnet",
    "mobilenet", "squeeze_excite", "grouped", "instance_norm_and_ops",
    "activations", "normalisations", "resizes", "explicit_borders", "dilated_transposed",
    "switch_case",
)  # fmt: skip
TOLERANCE = 1e-5

pytestmark = [pytest.mark.tensorflow, pytest.mark.tf200, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Portability:
    """All that the three processes found."""

    folder: Path
    lowered: dict[str, Any]
    target: str
    raw: dict[str, Outcome]
    built: dict[str, Outcome]

    def expected(self, name: str) -> Any:
        return np.load(self.folder / f"{name}.npz")["answer"]


@pytest.fixture(scope="module")
def portability(tf200_python: str, tmp_path_factory: pytest.TempPathFactory) -> Portability:
    folder = tmp_path_factory.mktemp("portability")
    run_script(sys.executable, HERE / "keras_networks.py", folder)
    run_script(sys.executable, HERE / "lower_all.py", folder)
    jobs = [
        job(folder, f"{kind}-{name}", source, folder / f"{name}.npz")
        for name in NETWORKS
        for kind, source in (("raw", folder / name), ("built", folder / "unpacked" / name))
    ]
    target, found = in_target(tf200_python, folder, jobs)
    outcomes: dict[str, dict[str, Outcome]] = {"raw": {}, "built": {}}
    for each, outcome in found.items():
        kind, _, name = each.partition("-")
        outcomes[kind][name] = outcome
    lowered = json.loads((folder / "lowered.json").read_text())
    return Portability(folder, lowered, target, outcomes["raw"], outcomes["built"])


def test_the_target_is_tensorflow_2_0_0(portability: Portability) -> None:
    assert portability.target == "2.0.0"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_export_does_not_load_in_the_target(portability: Portability, name: str) -> None:
    errors = portability.raw[name].errors
    # 2.0.0 follows no functions in a list, and comes to those of a Case first.
    reason = "function not found" if name == "switch_case" else "DisableCopyOnRead"
    assert reason in (errors["object"] or "")
    assert errors["session"] is not None


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_archive_answers_alike_in_the_target(
    portability: Portability, name: str, loader: str
) -> None:
    outcome = portability.built[name]
    assert outcome.errors[loader] is None
    expected, answer = portability.expected(name), outcome.answers[loader]
    assert answer.shape == expected.shape
    assert answer.dtype == np.float32
    assert np.abs(answer - expected).max() <= TOLERANCE
    best = np.sort(expected, axis=-1)
    clear = best[..., -1] - best[..., -2] > 1e-6
    assert (answer.argmax(-1) == expected.argmax(-1))[clear].all()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_answers_tell_networks_apart(portability: Portability, name: str) -> None:
    """Every class wins somewhere: an answer that is the same everywhere would prove nothing."""
    expected = portability.expected(name)
    assert (np.bincount(expected.argmax(-1).ravel(), minlength=3) > 0).all()
    assert expected.std() > 0.005


@pytest.mark.parametrize("name", NETWORKS)
def test_lowering_twice_changes_nothing(portability: Portability, name: str) -> None:
    assert portability.lowered[name]["twice"]


def test_branches_and_loops_keep_their_functions_and_nothing_else_does(
    portability: Portability,
) -> None:
    kept = {name: found["functions"] for name, found in portability.lowered.items()}
    assert {name for name, count in kept.items() if count} == {"conditional", "loop", "switch_case"}


def test_operations_are_replaced_by_older_equals(portability: Portability) -> None:
    rewrites = {name: found["rewrites"] for name, found in portability.lowered.items()}
    assert rewrites["explicit_borders"] == {
        "DepthwiseConv2dNative with explicit padding -> PadV2, DepthwiseConv2dNative": 1,
        "MatrixDiagV3 -> MatrixDiagV2": 2,
        "MaxPool with explicit padding -> PadV2, MaxPool": 1,
    }
    name = "dilated Conv2DBackpropInput -> Conv2DBackpropInput with zeros between its weights"
    assert rewrites["dilated_transposed"] == {name: 2}
    assert rewrites["switch_case"] == {
        "Case -> If": 1,
        "Mul -> PlaceholderWithDefault, Mul": 1,  # a constant in front of a cast to int32
    }


def test_grouped_convolutions_are_written_out(portability: Portability) -> None:
    assert portability.lowered["grouped"]["rewrites"] == {
        "grouped Conv2D -> Split, Conv2D, ConcatV2": 1
    }
