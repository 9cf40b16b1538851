"""Files that old Kerases wrote compute what those computed, but for rounding.

The files and what their Keras made of an input stand in `fixtures/keras2`; its script says which
versions wrote them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import ROOT, run_script

FILES = ROOT / "fixtures" / "keras2"
NAMES = sorted(
    path.relative_to(FILES).as_posix()
    for ending in ("h5", "keras")
    for path in FILES.rglob(f"*.{ending}")
)

TOLERANCES = {"keras-2.3.1/nested.h5": 3e-5}
"""Files of which kernels of another time round otherwise, behind seven layers that multiply it."""

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    into = tmp_path_factory.mktemp("keras2") / "outputs.npz"
    script = Path(__file__).with_name("compute_old_keras.py")
    run_script(sys.executable, script, FILES, into)
    with np.load(into) as found:
        return dict(found)


def test_every_kind_of_file_is_there() -> None:
    folders = {name.partition("/")[0] for name in NAMES}
    assert folders == {"keras-2.2.4", "keras-2.3.1", "tf-1.15", "tf-2.4", "tf-2.12", "tf-2.15"}
    assert sum(path.stat().st_size for path in FILES.rglob("*")) < 1 << 20


@pytest.mark.parametrize("name", NAMES)
def test_a_file_computes_what_its_keras_computed(name: str, outputs: dict[str, Any]) -> None:
    with np.load((FILES / name).with_suffix(".npz")) as kept:
        found, right = outputs[name], kept["y"]
    assert np.abs(found - right).max() <= TOLERANCES.get(name, 5e-6)
    assert (found.argmax(-1) == right.argmax(-1)).mean() == 1
