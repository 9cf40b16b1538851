"""Prepares other programs for the same work, and tells how they did it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import peak_bytes
from benchmarks.peers.environments import UnavailableError, checked, environment
from benchmarks.peers.models import write_czann, write_description

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Work:
    """What every program is given.

    Attributes:
        network: Folder of a SavedModel whose one signature is `serving_default`.
        image: A TIFF of 8 bits.
        tile: Pixels along a side of a tile.
        border: Pixels that are cut off each side of an answer.
        cache: Folder of environments.
        scratch: Folder of results.
    """

    network: Path
    image: Path
    tile: int
    border: int
    cache: Path
    scratch: Path


def tensorflow_version() -> str:
    """The TensorFlow that writes the network and runs the floor."""
    from importlib.metadata import version

    return version("tensorflow")


def napari_czann_segment(work: Work) -> list[str]:
    """The command of napari-czann-segment, which takes ONNX and runs it in ONNX Runtime."""
    # It imports xarray, which its package does not ask for.
    needed = ["napari-czann-segment[cpu]", "tifffile", "xarray"]
    own = environment(work.cache / "napari-czann-segment", needed)
    converting = ["tf2onnx", f"tensorflow=={tensorflow_version()}"]
    converter = environment(work.cache / "tf2onnx", converting)
    onnx = work.scratch / "network.onnx"
    convert = [str(converter), "-m", "tf2onnx.convert", "--saved-model", str(work.network)]
    convert += ["--tag", "serve", "--signature_def", "serving_default"]
    checked([*convert, "--opset", "18", "--output", str(onnx)])
    model = write_czann(work.network, onnx, work.tile, work.border)
    return [str(own), str(HERE / "with_napari.py"), str(model)]


def bioimageio_core(work: Work) -> list[str]:
    """The command of bioimageio.core, which runs the SavedModel in TensorFlow."""
    tensorflow = tensorflow_version()
    # Its descriptions cannot be read with pydantic 2.14, which refuses how it writes them back.
    needed = ["bioimageio.core", "pydantic<2.14", "tifffile", f"tensorflow=={tensorflow}"]
    own = environment(work.cache / "bioimageio.core", needed)
    model = write_description(work.network, work.tile, work.border, tensorflow)
    return [str(own), str(HERE / "with_bioimageio.py"), str(model)]


PEERS: Mapping[str, Callable[[Work], list[str]]] = {
    "napari-czann-segment": napari_czann_segment,
    "bioimageio.core": bioimageio_core,
}


@dataclass(frozen=True)
class Ready:
    """A program that has done the work once.

    Attributes:
        command: Does it again.
        peak: Memory that it took in bytes.
    """

    command: list[str]
    peak: int


def try_out(command: list[str]) -> Ready:
    """Run a command once, for its memory.

    Raises:
        UnavailableError: It fails.
    """
    try:
        peak = peak_bytes(command, interval=0.1)
    except SystemExit as ended:
        raise UnavailableError(str(ended)) from ended
    return Ready(command, peak)


def ready(work: Work) -> dict[str, Ready]:
    """Install, prepare and try the peers; what does not come so far is told and left out."""
    found = {}
    for name, prepare in PEERS.items():
        labels = work.scratch / f"{name}.tif"
        print(f"{name}: installing and trying", file=sys.stderr)
        try:
            command = [*prepare(work), str(work.image), str(labels)]
            found[name] = try_out(command)
        except (UnavailableError, OSError) as error:
            print(f"{name}: not measured: {error}", file=sys.stderr)
    return found


def tell(
    found: Mapping[str, Ready], seconds: Mapping[str, float], base: str, *, as_json: bool
) -> None:
    """Print what the programs took, as ratios to the floor.

    Args:
        found: The programs by name, this one among them.
        seconds: CPU time of each and of the floor.
        base: Name of the floor.
        as_json: Print one JSON object instead of lines.
    """
    rows = {
        name: {
            "seconds": seconds[name],
            "ratio": seconds[name] / seconds[base],
            "peak_bytes": each.peak,
        }
        for name, each in found.items()
    }
    if as_json:
        print(json.dumps({"side_by_side": rows}))
        return
    for name, row in rows.items():
        print(
            f"{name}: {row['seconds']:.3f} s, ratio {row['ratio']:.3f}, "
            f"at most {row['peak_bytes'] / (1 << 20):.0f} MiB"
        )
