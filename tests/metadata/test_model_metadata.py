"""The meaning of the metadata, and the reference library's form of it."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from czcheck.errors import InputError
from czcheck.metadata import (
    PIXEL_TYPES,
    ModelMetadata,
    SegmentationClass,
    metadata_of,
    read_document,
    to_xml,
)
from fixtures.archives import GUID, metadata_xml
from fixtures.bad_metadata import documents as bad_documents
from fixtures.good_metadata import documents as good_documents

GOOD = dict(good_documents())
BAD = dict(bad_documents())


def read(data: bytes) -> ModelMetadata:
    return metadata_of(read_document(data))


def test_values_are_read() -> None:
    assert read(GOOD["ZEN"]) == ModelMetadata(
        model_id=GUID,
        name="Zellkerne, große",
        classes=(
            SegmentationClass(1, "Hintergrund", (255, 0, 0)),
            SegmentationClass(2, "Kern", (0, 0, 255)),
        ),
        pixel_types=("Gray8",),
        color_handling="SplitRgb",
        border_size=8,
        postprocessing="None",
    )


def test_the_form_does_not_matter() -> None:
    expected = read(GOOD["reference library"])
    for name in ("pretty printed", "pretty printed on Windows", "shuffled", "white space"):
        assert read(GOOD[name]) == expected


def test_newer_elements_are_read() -> None:
    metadata = read(GOOD["newer elements"])
    assert metadata.total_tile == (64, 32)
    assert metadata.scale_inputs_by_bitdepth is False
    assert read(GOOD["newer elements first"]).scale_inputs_by_bitdepth is True
    without = read(GOOD["reference library"])
    assert (without.total_tile, without.scale_inputs_by_bitdepth) == ((None, None), None)


@pytest.mark.parametrize("name", ["CZ201_doctype", "CZ202_random_forest", "CZ203_colour_300"])
def test_faulty_documents_have_no_metadata(name: str) -> None:
    with pytest.raises(InputError, match="the metadata XML"):
        read(BAD[name])


@pytest.mark.parametrize("name", GOOD)
def test_written_metadata_reads_the_same(name: str) -> None:
    metadata = read(GOOD[name])
    again = read(to_xml(metadata))
    # Lines are those of the new document.
    assert [dataclasses.replace(part, line=None) for part in again.unknown] == [
        dataclasses.replace(part, line=None) for part in metadata.unknown
    ]
    assert dataclasses.replace(again, unknown=()) == dataclasses.replace(metadata, unknown=())


def test_the_form_is_the_reference_librarys(corpus: Path) -> None:
    with zipfile.ZipFile(corpus / "simple_nuclei_tf200.czmodel") as archive:
        (member,) = [name for name in archive.namelist() if name.endswith(".xml")]
        data = archive.read(member)
    assert to_xml(read(data)) == data


def test_the_form_to_the_letter() -> None:
    metadata = read(GOOD["newer elements"])
    assert (
        to_xml(metadata)
        == (
            f"<?xml version='1.0' encoding='utf-8'?>\n"
            f'<Model Version="3.0.0"><Id>{GUID}</Id><ModelName>Nuclei</ModelName>'
            "<Status>Trained</Status><FeatureExtractor>DeepNeuralNetwork</FeatureExtractor>"
            "<Postprocessing /><ColorHandling>ConvertToMonochrome</ColorHandling>"
            '<Channels><Item PixelType="Gray16" /></Channels><TrainingClasses>'
            '<Item LabelValue="1" Name="Background" colB="0" colG="0" colR="255" />'
            '<Item LabelValue="2" Name="Nucleus" colB="0" colG="255" colR="0" /></TrainingClasses>'
            "<BorderSize>4</BorderSize><TotalTileHeight>64</TotalTileHeight>"
            "<TotalTileWidth>32</TotalTileWidth><ScaleInputsByBitdepth>false</ScaleInputsByBitdepth>"
            "</Model>"
        ).encode()
    )


def test_unknown_elements_are_written_unchanged_at_the_end() -> None:
    text = to_xml(read(GOOD["unknown elements"])).decode()
    assert text.endswith(
        '</BorderSize><Thumbnail width="2">&lt;none&gt;<Row/></Thumbnail>'
        '<x:Note xmlns:x="urn:x">a</x:Note></Model>'
    )


def test_unknown_elements_go_back_to_where_they_were() -> None:
    inside = 'LabelValue="2" Name="Nucleus"><Tip a="1"/></Item><Legend>x</Legend>'
    metadata = read(metadata_xml(('LabelValue="2" Name="Nucleus" />', inside)))
    text = to_xml(metadata).decode()
    assert 'colR="0"><Tip a="1"/></Item><Legend>x</Legend></TrainingClasses>' in text


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1
).filter(lambda name: bool(name.strip()))


@given(NAMES, st.lists(NAMES, min_size=1, max_size=4))
def test_any_names_survive(name: str, classes: list[str]) -> None:
    metadata = ModelMetadata(
        model_id=GUID,
        name=name.strip(),
        classes=tuple(
            SegmentationClass(label, each.strip(), (label, 0, 255))
            for label, each in enumerate(classes, start=1)
        ),
        pixel_types=("Bgr24",),
        color_handling="SplitRgb",
        border_size=0,
    )
    assert read(to_xml(metadata)) == metadata


def test_characters_that_xml_cannot_hold_are_refused() -> None:
    metadata = read(GOOD["reference library"])
    with pytest.raises(InputError, match=r"U\+0007"):
        to_xml(dataclasses.replace(metadata, name="bell\x07"))


@pytest.mark.parametrize(
    ("pixel_type", "color_handling", "channels"),
    [
        ("Gray8", "ConvertToMonochrome", 1),
        ("Gray16", "SplitRgb", 1),
        ("Bgr24", "SplitRgb", 3),
        ("Bgr96Float", "ConvertToMonochrome", 1),
        ("Bgra32", "SplitRgb", 4),
    ],
)
def test_channels_follow_pixel_type_and_colour_handling(
    pixel_type: str, color_handling: str, channels: int
) -> None:
    metadata = dataclasses.replace(
        read(GOOD["reference library"]), pixel_types=(pixel_type,), color_handling=color_handling
    )
    assert metadata.channel_count == channels


def test_pixel_types_describe_arrays() -> None:
    import numpy as np

    for kind in PIXEL_TYPES.values():
        dtype = np.dtype(kind.dtype)
        top = np.iinfo(dtype).max if dtype.kind == "u" else 1.0
        assert kind.maximum == top
