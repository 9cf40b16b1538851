"""Networks and images that the tests of segmenting share."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from children import made_once, run_script

from czcheck.test_tiles import synthetic_nuclei
from fixtures.archives import czmodel, metadata_xml, saved_model_zip

NUCLEUS = '<Item colB="0" colG="255" colR="0" LabelValue="2" Name="Nucleus" />'
EDGE = '<Item colB="255" colG="0" colR="0" LabelValue="3" Name="Edge" />'


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of archives.

    `unet.czmodel` has tiles of 128, `open.czmodel` is the same for tiles of any size, and
    `strict.czmodel`, with tiles of 32, fails on bright ones.
    """
    folder: Path = made_once(tmp_path_factory, "networks", write_networks)
    return folder


def write_networks(folder: Path) -> None:
    run_script(sys.executable, Path(__file__).with_name("write_networks.py"), folder)
    three = (("Gray16", "Gray8"), (NUCLEUS, NUCLEUS + EDGE))
    changes = {"unet": three, "open": three, "strict": (("Gray16", "Gray8"),)}
    for name, changed in changes.items():
        root = folder / name
        files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }
        archive = czmodel(metadata_xml(*changed), saved_model_zip(files))
        (folder / f"{name}.czmodel").write_bytes(archive)


@pytest.fixture(scope="session")
def nuclei() -> np.ndarray:
    """An image of bright nuclei, uint8, `(400, 360)`."""
    image, _ = synthetic_nuclei(400, 360, 3)
    return (image * 255).astype(np.uint8)
