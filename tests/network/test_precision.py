"""In how many digits a network computes, as its graph tells."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from children import run_script

from czcheck.limits import DEFAULT_LIMITS
from czcheck.network import SavedModelFolder, read_network

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(120)]

EXPECTED = {
    "plain": "float32",
    "half": "float16",
    "brain": "bfloat16",
    "both": "bfloat16",
    "stored_weights": "float32",
    "in_a_function": "float16",
    "in_a_loop": "bfloat16",
    "in_one_branch": "float16",
    "beside": "float32",
    "constant_in_a_function": "float32",
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("precisions")
    script = Path(__file__).with_name("write_precisions.py")
    run_script(sys.executable, script, folder)
    return folder


@pytest.mark.parametrize("name", EXPECTED)
def test_the_coarsest_type_between_input_and_prediction_counts(networks: Path, name: str) -> None:
    network = read_network(SavedModelFolder(networks / name), DEFAULT_LIMITS)
    assert network.precision == EXPECTED[name]


def test_no_network_is_missing(networks: Path) -> None:
    assert {each.name for each in networks.iterdir()} == set(EXPECTED)
