"""Writes and runs `nuclei.ipynb`: `python examples/nuclei/make_notebook.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
NOTEBOOK = HERE / "nuclei.ipynb"

CELLS = [
    """# Nuclei: from images to a model for ZEN

Load images and masks, train a small network, describe it, export it as czmodel, and verify it.
Set `IMAGES` and `MASKS` to your own folders; without them, synthetic nuclei are made.""",
    """import os
from pathlib import Path

import czcheck
import nuclei  # the functions of nuclei.py beside this notebook

IMAGES = os.environ.get("NUCLEI_IMAGES")
MASKS = os.environ.get("NUCLEI_MASKS")
COUNT = int(os.environ.get("NUCLEI_COUNT", "60"))
OUTPUT = Path(os.environ.get("NUCLEI_OUTPUT", "nuclei_output"))
OUTPUT.mkdir(parents=True, exist_ok=True)""",
    """## Load

Every pixel of a mask above 0 is nucleus. Masks are read with all their bits: 16-bit instance labels
read as 8-bit images would lose most of their nuclei.""",
    """if IMAGES and MASKS:
    images, masks = nuclei.read_images(Path(IMAGES), Path(MASKS), COUNT)
else:
    images, masks = nuclei.make_images(COUNT)
images.shape, float(masks.mean())""",
    """## Train

Two convolutions after a layer that standardises each tile, so that the network does not depend on
brightness.""",
    """model, accuracy = nuclei.train(images, masks, epochs=10)
print(f"pixel accuracy: {accuracy:.4f}")""",
    "Image, mask and prediction, side by side:",
    """nuclei.picture(model, images, masks, OUTPUT / "prediction.png")
from IPython.display import Image
Image(filename=str(OUTPUT / "prediction.png"))""",
    """## Describe and export

ZEN needs a fixed tile, and the names, colours and order of the classes.""",
    """metadata = czcheck.ModelMetadata.from_params(
    name="Simple_Nuclei_SegmentationModel",
    color_handling="ConvertToMonochrome",
    pixel_type="Gray16",
    classes=["Background", "Nucleus"],
    border_size=8,
)
result = czcheck.convert_from_model_spec(
    model_spec=czcheck.ModelSpec(model=model, model_metadata=metadata),
    output_path=str(OUTPUT),
    output_name="simple_nuclei",
    spatial_dims=(1024, 1024),
)
result.path.name, result.tile""",
    """The same from a SavedModel and a JSON file, as you would pass it to a colleague:""",
    """import json

model.export(str(OUTPUT / "saved_model"), verbose=False)
spec = {
    "Name": "Simple_Nuclei_SegmentationModel",
    "ModelPath": "saved_model",
    "Classes": ["Background", "Nucleus"],
    "PixelType": "Gray16",
    "ColorHandling": "ConvertToMonochrome",
    "BorderSize": 8,
    "SpatialDims": [1024, 1024],
}
(OUTPUT / "spec.json").write_text(json.dumps(spec, indent=2))
again = czcheck.build(OUTPUT / "spec.json", OUTPUT / "from_spec.czmodel")
again.path.name""",
    """## Inspect and verify

Inspecting an archive runs nothing. `verify` runs the network on test tiles in its own process.""",
    """czcheck.open(result.path)""",
    """report = czcheck.verify(result.path)
report""",
    """assert report.passed""",
]


def notebook() -> nbformat.NotebookNode:
    """The notebook without outputs; cells that begin like prose are Markdown."""
    made = nbformat.v4.new_notebook()
    for number, text in enumerate(CELLS):
        prose = text.startswith(("#", "Image, ", "The same "))
        cell = (nbformat.v4.new_markdown_cell if prose else nbformat.v4.new_code_cell)(text)
        cell["id"] = f"cell-{number}"
        made.cells.append(cell)
    made.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return made


def run(made: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook.

    Args:
        made: The notebook; its outputs are filled in.
        folder: Working folder; `nuclei.py` is imported from it.

    Returns:
        The notebook.
    """
    NotebookClient(
        made, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return made


def main() -> int:
    """Write the notebook with its outputs."""
    made = run(notebook(), HERE)
    for cell in made.cells:
        cell.get("metadata", {}).pop("execution", None)
        # What was printed to standard error is about this machine, not about nuclei.
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    nbformat.validate(made)
    NOTEBOOK.write_text(nbformat.writes(made) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
