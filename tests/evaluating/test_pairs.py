"""Images and masks by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from czcheck.errors import UsageError
from czcheck.evaluating import Pair, pairs_of
from czcheck.images.png import png_texts


def folders(tmp_path: Path, images: Sequence[str], masks: Sequence[str]) -> tuple[Path, Path]:
    for folder, names in (("images", images), ("masks", masks)):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    return tmp_path / "images", tmp_path / "masks"


def test_pairs_by_name_whatever_the_ending(tmp_path: Path) -> None:
    images, masks = folders(tmp_path, ["2.png", "10.ome.tiff"], ["10.png", "2.tif", "3.png"])
    pairs, left_over = pairs_of(images, masks)
    assert pairs == (
        Pair(images / "10.ome.tiff", masks / "10.png"),
        Pair(images / "2.png", masks / "2.tif"),
    )
    assert left_over == (masks / "3.png",)


@pytest.mark.parametrize(
    "behind",
    ["_mask", "_masks", "_seg", "_labels", "-Label", "_GT", "_cp_masks", " segmentation", ".truth"],
)
def test_masks_named_with_something_behind(tmp_path: Path, behind: str) -> None:
    images, masks = folders(
        tmp_path, ["a.png", "a_1.png"], [f"a{behind}.tif", f"a_1{behind}.png", f"b{behind}.png"]
    )
    pairs, left_over = pairs_of(images, masks)
    assert pairs == (
        Pair(images / "a.png", masks / f"a{behind}.tif"),
        Pair(images / "a_1.png", masks / f"a_1{behind}.png"),
    )
    assert left_over == (masks / f"b{behind}.png",)


def test_a_mask_of_the_same_name_goes_before(tmp_path: Path) -> None:
    images, masks = folders(tmp_path, ["a.png"], ["a.png", "a_mask.png"])
    assert pairs_of(images, masks)[0] == (Pair(images / "a.png", masks / "a.png"),)


def test_images_and_masks_in_one_folder(tmp_path: Path) -> None:
    folder, _ = folders(tmp_path, ["1.tif", "1_mask.png", "2.tif", "2_mask.png"], [])
    assert pairs_of(folder, folder)[0] == (
        Pair(folder / "1.tif", folder / "1_mask.png"),
        Pair(folder / "2.tif", folder / "2_mask.png"),
    )


def test_results_of_ours_without_a_mask_are_left_aside(tmp_path: Path) -> None:
    images, masks = folders(tmp_path, ["a.png"], ["a.png"])
    info = png_texts({"czcheck/source": '{"Kind": "overlay"}'})
    Image.new("L", (5, 5)).save(images / "a_overlay.png", pnginfo=info)
    pairs, left_over = pairs_of(images, masks)
    assert pairs == (Pair(images / "a.png", masks / "a.png"),)
    assert left_over == (images / "a_overlay.png",)


def test_one_image_and_one_mask_of_any_names(tmp_path: Path) -> None:
    images, masks = folders(tmp_path, ["a.png"], ["truth.png"])
    pair = Pair(images / "a.png", masks / "truth.png")
    assert pairs_of(pair.image, pair.mask) == ((pair,), ())


def test_one_image_and_a_folder_of_masks(tmp_path: Path) -> None:
    images, masks = folders(tmp_path, ["a.png"], ["a.png", "b.png"])
    pairs, _ = pairs_of(images / "a.png", masks)
    assert pairs == (Pair(images / "a.png", masks / "a.png"),)


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        (["a.png", "b.png"], ["b.png"], "no mask for a.png; a mask is named as its image"),
        (list("abcde"), ["z.png"], "the folder holds no image"),
        ([f"{n}.png" for n in "abcde"], ["z.png"], "no mask for a.png, b.png, c.png and 2 more"),
        (["a.png"], ["a.png", "a.tif"], "a.png and a.tif are both named as a.png"),
        (["a.png"], ["a_mask.png", "a_seg.tif"], "a_mask.png and a_seg.tif are both named as a"),
        (["a.png", "a.tif"], ["a.png"], "two images are called a"),
        (["a.png"], [], "masks: the folder holds no image"),
    ],
)
def test_what_makes_no_pairs(
    tmp_path: Path, images: Sequence[str], masks: Sequence[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        pairs_of(*folders(tmp_path, images, masks))


def test_a_folder_of_images_and_one_mask(tmp_path: Path) -> None:
    images, masks = folders(tmp_path, ["a.png"], ["a.png"])
    with pytest.raises(UsageError, match=r"is a single mask, but .* a folder"):
        pairs_of(images, masks / "a.png")
    with pytest.raises(UsageError, match="no such file or folder"):
        pairs_of(images, tmp_path / "nowhere")
