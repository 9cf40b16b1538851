"""A complete workflow in one script: load, train, describe, export, verify.

    python examples/nuclei/nuclei.py --images FOLDER --masks FOLDER
    python examples/nuclei/nuclei.py            # makes synthetic nuclei instead

Masks are label images: every pixel above 0 is nucleus. They are read with all their bits; read as
8-bit images, 16-bit instance labels lose most of their nuclei, and the network learns to miss them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import click
import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import czcheck
from czcheck.test_tiles import synthetic_nuclei

Images = NDArray[np.float32]
Masks = NDArray[np.int32]

CLASSES = ["Background", "Nucleus"]
ENDINGS = (".png", ".tif", ".tiff")
GRAY16 = 65535


def read_images(images: Path, masks: Path, limit: int | None = None) -> tuple[Images, Masks]:
    """Read images and masks of the same names from two folders.

    Args:
        images: Folder of grey images of one size.
        masks: Folder of label images; 0 is background.
        limit: Most images to read.

    Returns:
        Intensities, float32 `(n, height, width, 1)`, as they are in the files; and classes, int32
        `(n, height, width)`, 0 for background and 1 for nucleus.

    Raises:
        click.ClickException: A mask is missing or of another size.
    """
    names = sorted(path.name for path in images.iterdir() if path.suffix.lower() in ENDINGS)
    if not names:
        raise click.ClickException(f"{images}: holds no image ({', '.join(ENDINGS)})")
    tiles: list[Images] = []
    labels: list[NDArray[np.bool_]] = []
    for name in names[:limit]:
        if not (masks / name).exists():
            raise click.ClickException(f"{masks / name}: no mask for the image of that name")
        tile = np.asarray(Image.open(images / name), np.float32)
        label = np.asarray(Image.open(masks / name)) > 0
        if tile.shape != label.shape or (tiles and tile.shape != tiles[0].shape):
            raise click.ClickException(f"{name}: image and mask have to be grey and of one size")
        tiles.append(tile)
        labels.append(label)
    return np.stack(tiles)[..., None], np.stack(labels).astype(np.int32)


def make_images(count: int, size: int = 128, seed: int = 0) -> tuple[Images, Masks]:
    """Make synthetic nuclei in the raw range of Gray16, as `read_images` would read them."""
    pairs = [synthetic_nuclei(size, size, seed + number) for number in range(count)]
    tiles = np.stack([image for image, _ in pairs])[..., None] * np.float32(GRAY16)
    return tiles, np.stack([mask > 0 for _, mask in pairs]).astype(np.int32)


def network() -> Any:
    """Two convolutions after a standardisation that makes them independent of brightness."""
    image = keras.Input((None, None, 1), name="input")
    standard = czcheck.PerImageStandardization()(image)
    features = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(standard)
    probabilities = keras.layers.Conv2D(2, 1, padding="same", activation="softmax")(features)
    return keras.Model(image, probabilities, name="simple_nuclei")


def train(images: Images, masks: Masks, epochs: int = 10, seed: int = 0) -> tuple[Any, float]:
    """Train the network.

    Args:
        images: Intensities, `(n, height, width, 1)`.
        masks: Classes, `(n, height, width)`.
        epochs: Number of passes over all images.
        seed: Seed of all random numbers.

    Returns:
        The network, and its pixel accuracy on the images, 0 to 1.
    """
    keras.utils.set_random_seed(seed)
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, masks, batch_size=8, epochs=epochs, verbose=0)
    _, accuracy = model.evaluate(images, masks, verbose=0)
    return model, float(accuracy)


def picture(model: Any, images: Images, masks: Masks, path: Path, rows: int = 3) -> None:
    """Write a picture: image, mask and prediction side by side, one row for each image."""
    predicted = model.predict(images[:rows], verbose=0).argmax(-1)
    strips = []
    for image, mask, label in zip(images[:rows], masks, predicted, strict=False):
        grey = np.uint8(255 * image[..., 0] / max(1.0, float(image.max())))
        strips.append(np.hstack([grey, np.uint8(255 * mask), np.uint8(255 * label)]))
    Image.fromarray(np.vstack(strips)).save(path)


def export(model: Any, folder: Path, tile: int) -> Path:
    """Describe the network and write it as czmodel with a fixed tile."""
    metadata = czcheck.ModelMetadata.from_params(
        name="Simple_Nuclei_SegmentationModel",
        color_handling="ConvertToMonochrome",
        pixel_type="Gray16",
        classes=CLASSES,
        border_size=8,
    )
    spec = czcheck.ModelSpec(model=model, model_metadata=metadata)
    result = czcheck.convert_from_model_spec(
        model_spec=spec,
        output_path=str(folder),
        output_name="simple_nuclei",
        spatial_dims=(tile, tile),
    )
    return Path(result.path)


@click.command()
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--masks", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--limit", type=click.IntRange(1), help="Most images to use.  [default: all, or 100]")
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--tile", type=click.IntRange(32), default=1024, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--runtime", metavar="PYTHON", help="An interpreter to compare the outputs in.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("nuclei_output"))
def main(
    images: Path | None,
    masks: Path | None,
    limit: int | None,
    epochs: int,
    tile: int,
    seed: int,
    runtime: str | None,
    output: Path,
) -> None:
    """Train the small network of the tutorial on nuclei and export it for ZEN."""
    if (images is None) != (masks is None):
        raise click.UsageError("--images and --masks belong together")
    if images is not None and masks is not None:
        tiles, labels = read_images(images, masks, limit)
    else:
        tiles, labels = make_images(limit or 100)
    click.echo(f"{len(tiles)} images of {tiles.shape[1]} x {tiles.shape[2]} pixels")
    model, accuracy = train(tiles, labels, epochs, seed)
    click.echo(f"pixel accuracy after {epochs} epochs: {accuracy:.4f}")
    output.mkdir(parents=True, exist_ok=True)
    picture(model, tiles, labels, output / "prediction.png")
    archive = export(model, output, tile)
    click.echo(f"wrote {archive} and {output / 'prediction.png'}")
    report = czcheck.verify(archive, runtime=runtime)
    click.echo(str(report))
    raise SystemExit(report.exit_code)


if __name__ == "__main__":
    main()
