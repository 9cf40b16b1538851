"""A plane scored block by block is the plane scored at once; masks that do not fit are refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from czcheck.errors import InputError
from czcheck.evaluating import RIGHT, UNKNOWN, WRONG, PlaneScore, mask_reading, worst_picture
from czcheck.figures import ObjectFigures, PixelCounts, match
from czcheck.images import Image, open_image, wrap_array
from czcheck.metadata import SegmentationClass
from czcheck.segmenting import Block, Labeller, tiles

CLASSES = [
    SegmentationClass(1, "Background", (255, 0, 0)),
    SegmentationClass(2, "Nucleus", (0, 0, 255)),
]
SHAPE = (70, 90)


@pytest.fixture(scope="module")
def answer() -> Any:
    nucleus = np.random.default_rng(2).random(SHAPE, np.float32)
    return np.stack([1 - nucleus, nucleus], axis=-1)


@pytest.fixture(scope="module")
def instances() -> Any:
    """Squares of 5 pixels, numbered."""
    mask = np.zeros(SHAPE, np.uint16)
    for number in range(30):
        row, column = divmod(number, 6)
        mask[row * 12 + 3 : row * 12 + 8, column * 13 + 4 : column * 13 + 9] = number + 1
    return mask


def scored(mask: Any, answer: Any, kind: str, min_confidence: float = 0) -> PlaneScore:
    return scored_image(wrap_array(mask), answer, kind, min_confidence)


def scored_image(opened: Image, answer: Any, kind: str, min_confidence: float = 0) -> PlaneScore:
    image = wrap_array(np.zeros(answer.shape[:2], np.uint16))
    (plane,), (mask_plane,) = image.planes, opened.planes
    score = PlaneScore(
        plane, opened, mask_plane, mask_reading(kind, CLASSES, None), (1, 2), min_confidence
    )
    labeller = Labeller((1, 2))
    for place in tiles(answer.shape[:2], (32, 32), 4):
        used = answer[place.used]
        pixels = image.read(plane, place.rows.keep_from, place.columns.keep_from, *used.shape[:2])
        score.take(Block(plane, place, pixels, used, labeller(used)))
    return score


def test_more_objects_than_16_bits_can_number(tmp_path: Path) -> None:
    count = 260 * 260
    mask = np.zeros((520, 520), np.uint32)
    mask[::2, ::2] = np.arange(1, count + 1).reshape(260, 260)
    tifffile.imwrite(tmp_path / "mask.tif", mask, compression="zlib", photometric="minisblack")
    nucleus = (mask > 0).astype(np.float32)
    answer = np.stack([1 - nucleus, nucleus], axis=-1)
    with open_image(tmp_path / "mask.tif", numbers=True) as opened:
        result = scored_image(opened, answer, "instances").result("a.tif")
    assert result.objects == ObjectFigures(count, count, count)


def test_blocks_add_up_to_the_plane(answer: Any, instances: Any) -> None:
    from skimage.measure import label

    result = scored(instances, answer, "instances", min_confidence=60).result("a.png")
    whole = PixelCounts(2)
    whole.add((instances > 0).astype(int), answer.argmax(-1), answer.max(-1))
    assert np.array_equal(result.counts.joint, whole.joint)
    found = label((answer[..., 1] >= answer[..., 0]) & (answer[..., 1] >= np.float32(0.6)))
    assert result.objects == match(instances, found)


def test_perfect_answers_find_every_object(instances: Any) -> None:
    nucleus = (instances > 0).astype(np.float32)
    result = scored(instances, np.stack([1 - nucleus, nucleus], -1), "instances").result("a.png")
    assert result.mean_iou == 1
    assert result.objects is not None
    assert (result.objects.true, result.objects.f1) == (30, 1)


def test_a_picture_shows_where_truth_and_answer_differ(instances: Any) -> None:
    mask = np.where(instances > 0, 2, 1).astype(np.uint8)
    mask[:10] = 0  # not labelled
    nucleus = (instances > 0).astype(np.float32)
    nucleus[60:, 80:] = 1  # wrong
    preview = scored(mask, np.stack([1 - nucleus, nucleus], -1), "labels").preview
    colours = [each.color for each in CLASSES]
    with PillowImage.open(io.BytesIO(worst_picture(preview, colours, bgr=False))) as picture:
        panels = np.asarray(picture)
    assert panels.shape == (SHAPE[0], 4 * SHAPE[1] + 3 * 4, 3)
    truth, said, differs = (panels[:, first : first + SHAPE[1]] for first in (94, 188, 282))
    assert tuple(truth[5, 5]) == UNKNOWN == tuple(differs[5, 5])
    assert tuple(truth[65, 85]) == (255, 0, 0)
    assert tuple(said[65, 85]) == (0, 0, 255)
    assert tuple(differs[65, 85]) == WRONG
    assert tuple(differs[30, 0]) == RIGHT


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((70, 91), np.uint8), "the mask has 91x70 pixels, the image 90x70"),
        (np.zeros((*SHAPE, 3), np.uint8), r"the mask has 3 numbers per pixel .*gray image"),
        (np.full(SHAPE, 7, np.uint8), "value 7 at row 0, column 0 is not the label of a class"),
        (np.zeros(SHAPE, np.float32), "float32 numbers; save whole numbers"),
    ],
)
def test_masks_that_do_not_fit(mask: Any, message: str, answer: Any) -> None:
    with pytest.raises(InputError, match=message):
        scored(mask, answer, "labels")


@pytest.mark.parametrize("samples", [3, 4])
def test_a_gray_mask_that_was_saved_in_colours_is_a_gray_mask(
    answer: Any, samples: int, tmp_path: Any
) -> None:
    gray = np.random.default_rng(5).integers(0, 3, SHAPE, np.uint8)
    coloured = np.repeat(gray[..., None], samples, axis=-1)
    if samples == 4:
        coloured[..., 3] = 255
    assert scored_file(coloured, answer, tmp_path) == scored(gray, answer, "labels").counts.pixels
    coloured[20, 31, 1] = 9
    with pytest.raises(InputError, match=r"colour image \(.* at row 20, column 31\)"):
        scored_file(coloured, answer, tmp_path)


def scored_file(mask: Any, answer: Any, folder: Any) -> int:
    path = folder / "mask.png"
    PillowImage.fromarray(mask).save(path)
    with open_image(path, numbers=True) as opened:
        return scored_image(opened, answer, "labels").counts.pixels
