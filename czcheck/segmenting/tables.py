"""Writes measured objects as a table: CSV or Parquet."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import UsageError
from czcheck.text import cell, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.metadata.classes import SegmentationClass
    from czcheck.segmenting.objects import Objects

ENDINGS = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Measured:
    """The objects of one plane of an image.

    Attributes:
        image: The image.
        channels: Names of its channels, one for each number per pixel.
        pixel_size: (height, width) of a pixel in micrometres; None where that is not known.
        objects: The objects.
    """

    image: str
    channels: tuple[str, ...]
    pixel_size: tuple[float, float] | None
    objects: Objects


def check_table(path: Path) -> None:
    """Refuse a table that could not be written, before anything is run.

    Raises:
        UsageError: The name has no known ending, or a package is missing.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(
            f"{path}: cannot be written as a table; name a {' or '.join(ENDINGS)} file"
        )
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401, PLC0415
        except ImportError:
            raise UsageError(
                f"{path}: Parquet is written by the package pyarrow, which is not installed; "
                "pip install pyarrow, or name a .csv file"
            ) from None


def write_table(
    path: Path,
    planes: Sequence[Measured],
    classes: Sequence[SegmentationClass],
    *,
    parquet: bool = False,
) -> int:
    """Write a table with one row for each object.

    Columns in pixels are always there, those in micrometres where an image knows its scaling.

    Args:
        path: The file.
        planes: The objects of each plane.
        classes: The model's classes.
        parquet: Whether to write Parquet, not CSV.

    Returns:
        The number of rows.

    Raises:
        OSError: The disk is full, or the file cannot be written.
    """
    names = {each.label_value: printable(each.name) for each in classes}
    tables = [_columns(each, names) for each in planes]
    titles = list(dict.fromkeys(title for table in tables for title in table))
    if parquet:
        _write_parquet(path, tables, titles)
    else:
        _write_csv(path, tables, titles)
    return sum(len(each.objects) for each in planes)


def _columns(measured: Measured, names: dict[int, str]) -> dict[str, Sequence[Any]]:
    """The columns of one plane, by title."""
    objects, plane = measured.objects, measured.objects.plane
    count, box = len(objects), objects.box
    size = np.array([plane.height, plane.width])
    at_edge = (box[:, :2] == 0).any(axis=1) | (box[:, 2:] == size).any(axis=1)
    table: dict[str, Sequence[Any]] = {
        "image": [printable(measured.image)] * count,
        "scene": [plane.scene] * count,
        "scene_name": [printable(plane.scene_name)] * count,
        "time": [plane.time] * count,
        "z": [plane.z] * count,
        "class": [names[value] for value in objects.label_value.tolist()],
        "label_value": objects.label_value.tolist(),
        "object": list(range(1, count + 1)),
        "area_px": objects.area.tolist(),
        "equivalent_diameter_px": np.sqrt(objects.area * 4 / math.pi).tolist(),
        "centroid_row_px": objects.centroid[:, 0].tolist(),
        "centroid_column_px": objects.centroid[:, 1].tolist(),
        "bbox_top_px": box[:, 0].tolist(),
        "bbox_left_px": box[:, 1].tolist(),
        "bbox_bottom_px": box[:, 2].tolist(),
        "bbox_right_px": box[:, 3].tolist(),
        "touches_edge": at_edge.tolist(),
    }
    for number, channel in enumerate(measured.channels):
        behind = f"_{printable(channel)}" if len(measured.channels) > 1 else ""
        table[f"intensity_mean{behind}"] = objects.mean[:, number].tolist()
        table[f"intensity_min{behind}"] = objects.least[:, number].tolist()
        table[f"intensity_max{behind}"] = objects.most[:, number].tolist()
    if measured.pixel_size is not None:
        table.update(_in_micrometres(objects, measured.pixel_size))
    return table


def _in_micrometres(objects: Objects, pixel_size: tuple[float, float]) -> dict[str, Sequence[Any]]:
    height, width = pixel_size
    area: NDArray[Any] = objects.area * (height * width)
    # Of the first pixel the middle is half a pixel from the edge of the image, where 0 is.
    places = (objects.centroid + 0.5) * np.array(pixel_size)
    box = objects.box * np.array([height, width, height, width])
    return {
        "area_um2": area.tolist(),
        "equivalent_diameter_um": np.sqrt(area * 4 / math.pi).tolist(),
        "centroid_y_um": places[:, 0].tolist(),
        "centroid_x_um": places[:, 1].tolist(),
        "bbox_top_um": box[:, 0].tolist(),
        "bbox_left_um": box[:, 1].tolist(),
        "bbox_bottom_um": box[:, 2].tolist(),
        "bbox_right_um": box[:, 3].tolist(),
    }


def _write_csv(path: Path, tables: Iterable[dict[str, Sequence[Any]]], titles: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(titles)
        for table in tables:
            writer.writerows(_rows(table, titles))


def _rows(table: dict[str, Sequence[Any]], titles: list[str]) -> Iterator[tuple[str, ...]]:
    empty = [""] * len(table["object"])
    columns = [map(_cell, table.get(title, empty)) for title in titles]
    return zip(*columns, strict=True)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str):
        return cell(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _write_parquet(
    path: Path, tables: Iterable[dict[str, Sequence[Any]]], titles: list[str]
) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns: dict[str, list[Any]] = {title: [] for title in titles}
    for table in tables:
        for title in titles:
            columns[title].extend(table.get(title, [None] * len(table["object"])))
    pq.write_table(pa.table(columns), path)
