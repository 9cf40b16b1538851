"""OME-Zarr that goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from czcheck.errors import InputError, UsageError
from czcheck.images import Content, Plane, Writer, create, open_image
from czcheck.metadata import SegmentationClass

zarr = pytest.importorskip("zarr", reason="zarr is not installed")

PLANE = Plane(0, 0, 0, "", 90, 80)
CLASSES = (SegmentationClass(1, "a", (1, 2, 3)), SegmentationClass(2, "b", (3, 2, 1)))
WHOLE = np.random.default_rng(0).integers(0, 3, (90, 80)).astype(np.uint8)
PLACES = [(top, left) for top in range(0, 90, 30) for left in range(0, 80, 40)]


def content(**source: Any) -> Content:
    return Content("labels", (PLANE,), CLASSES, source={"model": "x", **source})


def run(writer: Writer, stop: int | None = None) -> int:
    """Write what is missing; as many blocks as said, and then be interrupted."""
    count = 0
    with writer:
        for top, left in PLACES:
            if writer.written(PLANE, top, left, 30, 40):
                continue
            if count == stop:
                raise KeyboardInterrupt
            writer.write(PLANE, top, left, WHOLE[top : top + 30, left : left + 40])
            count += 1
    return count


@pytest.fixture(params=["folder", "file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "labels.zarr")
    elif request.param == "file":
        yield (tmp_path / "labels.zarr").as_uri()
    else:
        fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
        yield "memory://czcheck-test/labels.zarr"
        fsspec.filesystem("memory").rm("/czcheck-test", recursive=True)


def stored(place: str) -> Any:
    return zarr.open_group(place, mode="r")


def test_it_goes_on_where_it_stopped(place: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(create(place, content()), stop=4)
    assert run(create(place, content(), resume=True)) == 2
    group = stored(place)
    np.testing.assert_array_equal(group["0"][0, 0, 0], WHOLE)
    assert "image-label" in group.attrs
    assert "unfinished" not in group.attrs["czcheck"]


def test_unfinished_is_no_image(place: str, tmp_path: Path) -> None:
    writer = create(place, content())
    with pytest.raises(KeyboardInterrupt):
        run(writer, stop=4)
    unfinished = writer.resumable
    assert unfinished is not None
    attributes = dict(stored(unfinished).attrs)
    assert attributes["czcheck"]["unfinished"] is True
    assert "multiscales" not in attributes
    if "://" not in unfinished:
        with pytest.raises(InputError, match="unfinished; go on writing it with --resume"):
            open_image(unfinished)
        assert [each.name for each in tmp_path.iterdir()] == ["labels.zarr.unfinished"]


def test_what_was_made_of_something_else_is_not_gone_on_with(place: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(create(place, content()), stop=4)
    with pytest.raises(UsageError, match=r"made of something else \(model\)"):
        create(place, content(model="y"), resume=True)
    with pytest.raises(UsageError, match=r"made of something else \(classes\)"):
        create(place, Content("labels", (PLANE,), CLASSES[:1], source={"model": "x"}), resume=True)
    assert run(create(place, content(model="y"))) == 6  # without it, all begins anew


def test_what_is_complete_has_nothing_to_resume(place: str) -> None:
    assert run(create(place, content(), resume=True)) == 6
    assert run(create(place, content(), resume=True)) == 0
    np.testing.assert_array_equal(stored(place)["0"][0, 0, 0], WHOLE)


def test_what_ended_before_it_was_put_in_place_is_put_there(tmp_path: Path) -> None:
    path = tmp_path / "labels.zarr"
    run(create(path, content()))
    path.rename(tmp_path / "labels.zarr.unfinished")
    assert run(create(path, content(), resume=True)) == 0
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_record_cut_off_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "labels.zarr"
    with pytest.raises(KeyboardInterrupt):
        run(create(path, content()), stop=4)
    record = tmp_path / "labels.zarr.unfinished" / "czcheck-progress"
    record.write_text(record.read_text()[:-1])
    assert run(create(path, content(), resume=True)) == 3


def test_at_a_url_nothing_is_replaced() -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    place = "memory://czcheck-test/taken.zarr"
    run(create(place, content()))
    with pytest.raises(UsageError, match="there is a store already"):
        create(place, content())
    fsspec.filesystem("memory").rm("/czcheck-test", recursive=True)
    with pytest.raises(UsageError, match="nosuch"):
        create("nosuch://a/b.zarr", content())
