"""Reports with pictures, made without running anything: as many and as large as there can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from czcheck.report import Collector, FileReport, Gallery
from czcheck.runtime import Output

COLOURS = ((32, 64, 160), (255, 200, 0), (200, 30, 90))
SCRIPT = "<script>document.title='owned'</script>"
HOSTILE = f"evil\x1b[31m\n\u202e{SCRIPT}<img src=x onerror=\"document.title='owned'\">'{{{{7*7}}}}"


def noisy(names: list[str], side: int) -> Gallery:
    """Tiles and answers of noise, which take more room than anything else."""
    generator = np.random.Generator(np.random.PCG64(5))
    collector = Collector(dict.fromkeys(names, True), COLOURS, bgr=True)
    for name in names:
        tile = generator.integers(0, 256, (1, side, side, 3)).astype(np.float32)
        answer = generator.random((1, side, side, 3), np.float32)
        answer /= answer.sum(-1, keepdims=True)
        collector.add(name, tile, Output(answer, "float32", answer.shape, 0.1))
    return collector.gallery(())


def with_pictures(file: FileReport, names: list[str], side: int = 320) -> FileReport:
    """A report with pictures, and with names of the worst kind wherever a file can hold one."""
    metadata = {
        "version": "3.0.0",
        "read_by": "ZEN",
        "id": HOSTILE,
        "name": HOSTILE,
        "status": "Trained",
        "feature_extractor": "DeepNeuralNetwork",
        "postprocessing": HOSTILE,
        "color_handling": "SplitRgb",
        "pixel_types": ["Bgr24"],
        "border_size": 8,
        "classes": [
            {
                "label_value": number,
                "name": f"Class {number} {HOSTILE}",
                "color": "#{:02x}{:02x}{:02x}".format(*colour),
            }
            for number, colour in enumerate(COLOURS, start=1)
        ],
        "unknown": [{"path": "/Model", "kind": "element", "name": HOSTILE, "text": HOSTILE}],
    }
    member = {"name": HOSTILE, "size": 12, "packed_size": 9, "sha256": "0" * 64}
    inspection = {"members": [member], "metadata": metadata, "network": network()}
    return replace(file, gallery=noisy(names, side), inspection=inspection)


def network() -> dict[str, object]:
    """An inspected network with hostile names."""
    tensor = {"key": HOSTILE, "tensor": HOSTILE, "dtype": "float32", "shape": [None, 320, 320, 3]}
    layer = {
        "name": f"unet/{HOSTILE}/conv",
        "operations": ["Conv2D", HOSTILE],
        "nodes": 2,
        "multiply_adds": 78_643_200,
        "tensor_bytes": 12_582_912,
    }
    return {
        "tensorflow": HOSTILE,
        "tags": ["serve"],
        "signature": {"name": HOSTILE, "inputs": [tensor], "outputs": [tensor]},
        "other_signatures": [],
        "parameters": 1218,
        "weight_bytes": 4872,
        "variables": 4,
        "nodes": 76,
        "functions": 2,
        "ends_in": HOSTILE,
        "binary": {"p": HOSTILE, "rest": HOSTILE},
        "reach": {
            "kind": "unknown",
            "bound": None,
            "stride": 8,
            "because": {"op": HOSTILE, "name": HOSTILE, "function": None},
            "reason": None,
        },
        "cost": {
            "multiply_adds": 78_643_200,
            "weight_bytes": 4872,
            "activation_bytes": 12_582_912,
            "memory_bytes": 12_587_784,
            "unknown": [HOSTILE],
            "layers": [layer, {**layer, "name": f"unet/{HOSTILE}/softmax"}],
            "operations": [{**layer, "name": "Conv2D"}],
        },
        "operations": {"serving": {"Conv2D": 2, HOSTILE: 1}, "saver": {}, "other": {}},
        "assets": [],
    }
