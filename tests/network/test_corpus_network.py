"""The network that the reference exporter wrote under TensorFlow 2.0.0."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from czcheck.limits import DEFAULT_LIMITS
from czcheck.network import gaps, load_target, read_network
from czcheck.network.saved_model import Network
from fixtures.memory import MemoryFiles


@pytest.fixture(scope="module")
def files(corpus: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(corpus / "simple_nuclei_tf200.czmodel") as outer:
        (payload,) = (name for name in outer.namelist() if name.endswith(".model"))
        with zipfile.ZipFile(io.BytesIO(outer.read(payload))) as inner:
            return {name: inner.read(name) for name in inner.namelist()}


@pytest.fixture(scope="module")
def network(files: dict[str, bytes]) -> Network:
    return read_network(MemoryFiles(files), DEFAULT_LIMITS)


def test_signature_and_origin(network: Network) -> None:
    assert network.fault is None
    assert network.serving is not None
    (image,), (answer,) = network.serving.inputs, network.serving.outputs
    assert (image.key, image.dtype, image.shape) == ("input", "float32", (None, 1024, 1024, 1))
    assert (answer.key, answer.shape) == ("sequential", (None, 1024, 1024, 2))
    assert (network.tensorflow_version, network.producer) == ("2.0.0", 119)
    assert network.functions == 52


def test_optimizer_variables_are_told_from_weights(network: Network) -> None:
    # Two convolutions: 3x3 from 1 to 16 channels, 1x1 from 16 to 2.
    assert network.parameters == (9 * 16 + 16) + (16 * 2 + 2)
    captured = {each.name for each in network.variables if each.captured}
    assert captured == {"conv2d/kernel", "conv2d/bias", "conv2d_1/kernel", "conv2d_1/bias"}
    assert sum(each.name.startswith("Adam/") for each in network.variables) == 13
    assert network.problems == ()
    assert network.loader == "session"


def test_what_is_reached(network: Network) -> None:
    serving = {use.op: use.count for use in network.operations if use.where == "serving"}
    assert serving["Conv2D"] == 2
    assert serving["Assert"] == 2
    assert "SaveV2" not in serving
    assert network.random == network.training == ()
    assert network.tail == "decomposed-softmax"


def test_the_target_has_all_of_it(network: Network) -> None:
    assert network.graph is not None
    assert gaps(network.graph, load_target("tf-2.0.0")) == ()


def test_reading_is_quick(files: dict[str, bytes]) -> None:
    spent = []
    for _ in range(5):
        before = time.process_time()
        read_network(MemoryFiles(files), DEFAULT_LIMITS)
        spent.append(time.process_time() - before)
    assert min(spent) < 0.060


def test_neither_tensorflow_nor_numpy_is_imported() -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        "import czcheck.rules.network\n"
        "assert not any(name.startswith('google') for name in sys.modules)\n"
        "import czcheck.network.saved_model\n"
        "assert not any(name.startswith('google') for name in sys.modules)\n"
        "from fixtures.graphs import classifier; from fixtures.memory import MemoryFiles\n"
        "from czcheck.network.saved_model import read_network\n"
        "assert read_network(MemoryFiles(classifier().files())).fault is None\n"
        "slow = {'tensorflow', 'numpy', 'keras', 'lxml', 'rich', 'logging'}\n"
        "print(sorted(slow & (set(sys.modules) - before)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
