"""What TensorFlow 2.0.0's kernels refuse or compute otherwise is right there once it is built.

The networks of `kernel_networks.py` hold every such operation that is rewritten, in the main graph,
in branches and in loops, with sides that are known and with open ones.
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

from czcheck.network import SavedModelFolder, read_network, static_reach, trace_of

WHOLE = 2e-6
HALF = 2e-3
BRAIN = 2e-2
TOLERANCES = {
    "dilated_depthwise": WHOLE, "dilated_depthwise_in_steps": WHOLE,
    "dilated_depthwise_of_half": HALF, "channels_first": WHOLE, "pixels_and_channels": WHOLE,
    "channels_first_in_bodies": WHOLE, "channels_first_in_frames": WHOLE, "volumes_first": WHOLE,
    "training_norms": HALF, "layer_norm_of_keras_2": WHOLE, "norm_of_volumes": WHOLE,
    "grouped": HALF, "channels_behind_a_reshape": WHOLE, "grouped_in_bodies": WHOLE,
    "grouped_backwards": WHOLE,
    "dilated_backwards": HALF, "dilated_volumes": WHOLE, "grouped_volumes": WHOLE,
    "quotients": WHOLE, "eight_bits": WHOLE,
    "many_dimensions": WHOLE, "odd_sizes": WHOLE,
    "long_borders": WHOLE, "places_of_equal_values": WHOLE, "steps": WHOLE,
    "brain_floats": BRAIN, "narrow_types": WHOLE, "halves": HALF,
}  # fmt: skip
"""How far values may differ, relative to the largest, by the dtype that a network computes in."""

pytestmark = [pytest.mark.tensorflow, pytest.mark.tf200, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Kernels:
    """What the builds made, and what TensorFlow 2.0.0 made of them."""

    folder: Path
    lowered: dict[str, Any]
    built: dict[str, Outcome]


@pytest.fixture(scope="module")
def kernels(tf200_python: str, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    folder = tmp_path_factory.mktemp("kernels")
    run_script(sys.executable, HERE / "kernel_networks.py", folder)
    run_script(sys.executable, HERE / "lower_all.py", folder)
    jobs = [
        job(folder, name, folder / "unpacked" / name, folder / f"{name}.npz") for name in TOLERANCES
    ]
    _, built = in_target(tf200_python, folder, jobs)
    return Kernels(folder, json.loads((folder / "lowered.json").read_text()), built)


@pytest.mark.parametrize("name", TOLERANCES)
def test_the_target_computes_what_the_source_does(kernels: Kernels, name: str) -> None:
    outcome = kernels.built[name]
    assert set(outcome.errors.values()) == {None}
    expected = np.load(kernels.folder / f"{name}.npz")["answer"]
    assert expected.std() > 0.01
    for answer in outcome.answers.values():
        assert answer.shape == expected.shape
        assert np.abs(answer - expected).max() <= TOLERANCES[name] * np.abs(expected).max()


@pytest.mark.parametrize("name", TOLERANCES)
def test_lowering_twice_changes_nothing(kernels: Kernels, name: str) -> None:
    assert kernels.lowered[name]["twice"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rounded_integers", "Round (node Round) rounds integers"),
        ("pooled_channels", "AvgPool (node AvgPool), a window over channels, is refused"),
        ("statistics_read", "normalises by the statistics of the batch and hands them on"),
    ],
)
def test_what_has_no_equal_is_refused_before_it_is_run(
    kernels: Kernels, name: str, reason: str
) -> None:
    assert reason in kernels.lowered[name]["refused"]


@pytest.mark.parametrize("name", ["dilated_depthwise", "channels_first", "grouped"])
def test_how_far_a_network_looks_can_be_read_as_before(kernels: Kernels, name: str) -> None:
    folders = (kernels.folder / name, kernels.folder / "unpacked" / name)
    source, built = (
        static_reach(trace_of(read_network(SavedModelFolder(folder)))) for folder in folders
    )
    assert source.bound is not None
    assert (built.bound, built.kind) == (source.bound, source.kind)


def test_transpositions_of_channels_cancel_each_other(kernels: Kernels) -> None:
    lowered = kernels.lowered
    assert "Transpose" not in lowered["pixels_and_channels"]["operations"]
    # In front of a slice, behind it, and one that the source has for itself.
    assert lowered["channels_first"]["operations"]["Transpose"] == 3


def test_dilations_do_not_make_depthwise_convolutions_slower(kernels: Kernels) -> None:
    rewrites = kernels.lowered["dilated_depthwise"]["rewrites"]
    name = "DepthwiseConv2dNative"
    assert rewrites == {f"dilated {name} -> SpaceToBatchND, {name}, BatchToSpaceND": 3}
