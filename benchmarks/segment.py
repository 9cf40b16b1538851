"""What it costs to segment a large image: CPU time against a floor, and memory against its size.

    python benchmarks/segment.py [-n REPETITIONS] [--no-memory] [--peers] [--json]

The floor is a fresh Python that imports TensorFlow, loads the network and runs as many tiles of the
same shape through it, and does nothing else. Memory is what all processes use together; a network
of one layer goes over images of 8192 and of 32768 pixels along a side, stored in tiles, and over
PNGs of 16 bits, which have to be held, of 2048 and of 8192.

With --peers other programs segment the same image with the same network, each in an environment of
its own, which pip fills: minutes, and gigabytes. One that cannot be installed or run is told with
the reason and fails nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # called as a file, it finds its neighbours

from benchmarks.cpu import medians, report
from benchmarks.memory import peak_bytes
from benchmarks.peers import side_by_side as peers
from benchmarks.verify import floor

BASE = "floor: import, load, run"
TARGETS = {"segment": 1.10}
SIZE, TILE, BORDER = 4096, 512, 8
SMALL, LARGE = 8192, 32768
MEMORY_TARGET = 1.10
# Bytes for each pixel of an image that has to be held: two of the image, one of slack.
HELD, HELD_TARGET = (2048, 8192), 3.0


def archive(kind: str, folder: Path) -> Path:
    """Build an archive of a network.

    Args:
        kind: `unet` or `layer`.
        folder: Where to put it.

    Returns:
        The archive.
    """
    network = folder / kind
    script = Path(__file__).with_name("segment_networks.py")
    subprocess.run(
        [sys.executable, str(script), kind, str(network), str(TILE)],
        check=True,
        capture_output=True,
    )
    spec = {
        "Name": kind,
        "BorderSize": BORDER,
        "ColorHandling": "ConvertToMonochrome",
        "PixelType": "Gray8",
        "Classes": ["Background", "Nucleus"],
        "ModelPath": kind,
    }
    (folder / f"{kind}.json").write_text(json.dumps(spec), "utf-8")
    built = folder / f"{kind}.czmodel"
    build = [sys.executable, "-m", "czcheck", "build", str(folder / f"{kind}.json")]
    subprocess.run([*build, "-o", str(built), "--no-verify"], check=True, capture_output=True)
    return built


def image(path: Path, size: int) -> Path:
    """Write a square image in tiles of 512 pixels, of which all are the same but for a shift.

    Args:
        path: A TIFF.
        size: Pixels along a side, a multiple of 512.
    """
    import numpy as np
    import tifffile

    from czcheck.test_tiles import synthetic_nuclei

    nuclei, _ = synthetic_nuclei(TILE, TILE, 0)
    tile = (nuclei * 255).astype(np.uint8)

    def tiles() -> Iterator[Any]:
        for number in range((size // TILE) ** 2):
            yield np.roll(tile, number % 97, axis=number % 2)

    tifffile.imwrite(
        path,
        tiles(),
        shape=(size, size),
        dtype=np.uint8,
        tile=(TILE, TILE),
        photometric="minisblack",
    )
    return path


def segment(model: Path, source: Path, output: Path, *more: str) -> list[str]:
    """The command that segments an image."""
    command = [sys.executable, "-m", "czcheck", "segment", str(model), str(source)]
    return [*command, "-o", str(output), *more]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--repetitions", type=int, default=3)
    parser.add_argument("--size", type=int, default=SIZE, help="pixels along a side")
    parser.add_argument("--large", type=int, default=LARGE, help="likewise, for memory")
    parser.add_argument("--no-cpu", action="store_true", help="leave CPU time out")
    parser.add_argument("--no-memory", action="store_true", help="leave memory out")
    parser.add_argument("--peers", action="store_true", help="measure other programs, too")
    parser.add_argument("--peers-cache", type=Path, help="keep their environments in this folder")
    parser.add_argument("--json", action="store_true", help="print JSON objects")
    options = parser.parse_args()
    kept = True
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if not options.no_cpu:
            kept &= cpu(scratch, options)
        if not options.no_memory:
            kept &= memory(scratch, options)
            kept &= held(scratch, options)
    return 0 if kept else 1


def cpu(scratch: Path, options: argparse.Namespace) -> bool:
    """CPU time against the floor, and of other programs."""
    import czcheck

    model = archive("unet", scratch)
    source = image(scratch / "image.tif", options.size)
    runs = len(czcheck.tiles((options.size, options.size), TILE, BORDER))
    network = scratch / "unpacked"
    commands = {
        BASE: floor(model, network, runs),
        "segment": segment(model, source, scratch / "labels.ome.tif"),
    }
    found = {}
    if options.peers:
        cache = (options.peers_cache or scratch / "environments").resolve()
        work = peers.Work(network, source, TILE, BORDER, cache, scratch)
        found = {"segment": peers.try_out(commands["segment"]), **peers.ready(work)}
        commands |= {name: each.command for name, each in found.items()}
    seconds = medians(commands, options.repetitions)
    kept = report(seconds, BASE, TARGETS, as_json=options.json) == 0
    if found:
        peers.tell(found, seconds, BASE, as_json=options.json)
    return kept


def memory(scratch: Path, options: argparse.Namespace) -> bool:
    """Memory for a large image against a small one; both stored, read and written in tiles."""
    model = archive("layer", scratch)
    kept = True
    for ending in (".ome.tif", ".ome.zarr"):
        peaks = {}
        for size in (SMALL, options.large):
            source = scratch / f"{size}.tif"
            if not source.exists():
                image(source, size)
            command = segment(model, source, scratch / f"{size}{ending}")
            peaks[size] = peak_bytes(command, interval=0.1)
        ratio = peaks[options.large] / peaks[SMALL]
        good = ratio <= MEMORY_TARGET
        kept &= good
        told = {f"{size} pixels": peak for size, peak in peaks.items()}
        if options.json:
            print(json.dumps({"memory": told, "ratio": ratio, "target": MEMORY_TARGET}))
        else:
            row = ", ".join(f"{size}: {peak / (1 << 20):.0f} MiB" for size, peak in told.items())
            verdict = "kept" if good else "MISSED"
            print(f"memory, {ending}: {row}; ratio {ratio:.3f}, target {MEMORY_TARGET}: {verdict}")
    return kept


def held(scratch: Path, options: argparse.Namespace) -> bool:
    """Memory that an image takes which cannot be read in tiles, for each of its pixels."""
    import numpy as np
    from PIL import Image

    from czcheck.test_tiles import synthetic_nuclei

    model = archive("layer", scratch)
    nuclei = (synthetic_nuclei(TILE, TILE, 0)[0] * 65535).astype(np.uint16)
    peaks = []
    for size in HELD:
        source = scratch / f"{size}.png"
        Image.fromarray(np.tile(nuclei, (size // TILE, size // TILE))).save(source)
        command = segment(model, source, scratch / f"{size}.held.ome.tif", "--intensities", "keep")
        peaks.append(peak_bytes(command, interval=0.05))
    each = (peaks[1] - peaks[0]) / (HELD[1] ** 2 - HELD[0] ** 2)
    if options.json:
        print(json.dumps({"held": dict(zip(HELD, peaks, strict=True)), "bytes_per_pixel": each}))
    else:
        verdict = "kept" if each <= HELD_TARGET else "MISSED"
        print(f"held: {each:.2f} bytes a pixel of 16 bits, target {HELD_TARGET:g}: {verdict}")
    return each <= HELD_TARGET


if __name__ == "__main__":
    sys.exit(main())
