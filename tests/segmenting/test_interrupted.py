"""Ctrl-C while a network runs: exit code 130, one line, nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(os.name != "posix", reason="no SIGINT to send here"),
]


def test_ctrl_c_leaves_nothing(networks: Path, tmp_path: Path) -> None:
    image, output = tmp_path / "image.tif", tmp_path / "labels.ome.tif"
    # More tiles than can run before the signal comes.
    tifffile.imwrite(image, np.zeros((16384, 16384), np.uint8), tile=(512, 512), compression="zlib")
    command = [sys.executable, "-m", "czcheck", "segment", str(networks / "strict.czmodel")]
    with subprocess.Popen(
        [*command, str(image), "-o", str(output), "--overlay", str(tmp_path / "overlay.png")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        # The output is begun when the network is loaded.
        begin = time.monotonic()
        while not list(tmp_path.glob(".labels*")) and process.poll() is None:
            assert time.monotonic() - begin < 240
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.strip() == "czcheck: interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["image.tif"]
