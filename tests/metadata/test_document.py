"""Reading the metadata XML: what real files look like, and what hostile ones try."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
from pathlib import Path

import pytest

from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata import EXPECTED, XmlDocument, read_document
from fixtures.archives import metadata_xml
from fixtures.bad_metadata import documents as bad_documents
from fixtures.good_metadata import documents as good_documents

GOOD = dict(good_documents())
BAD = dict(bad_documents())
BODY = metadata_xml().split(b"\n", 1)[1]


@pytest.mark.parametrize("name", GOOD)
def test_every_form_of_real_files_is_sound(name: str) -> None:
    document = read_document(GOOD[name])
    assert document.fault is None
    assert document.schema_faults == ()
    assert document.version == "3.0.0"
    assert document.root is not None


@pytest.mark.parametrize("name", GOOD)
def test_only_the_unknown_is_unknown(name: str) -> None:
    assert bool(read_document(GOOD[name]).unknown) == name.startswith("unknown")


def test_unknown_parts_are_kept_with_their_place() -> None:
    element, namespaced = read_document(GOOD["unknown elements"]).unknown
    assert (element.path, element.kind, element.name) == (
        "/Model/Thumbnail",
        "element",
        "Thumbnail",
    )
    assert element.text == '<Thumbnail width="2">&lt;none&gt;<Row/></Thumbnail>'
    assert element.line == 2
    assert namespaced.name == "{urn:x}Note"
    attributes = read_document(GOOD["unknown attributes"]).unknown
    assert [(part.path, part.text) for part in attributes] == [
        ("/Model/@{urn:x}tool", "a"),
        ("/Model/@Writer", "b & c"),
        ("/Model/Status/@{http://www.w3.org/XML/1998/namespace}lang", "en"),
        ("/Model/TrainingClasses/Item[2]/@Visible", "true"),
    ]


def test_text_after_an_unknown_element_is_not_lost() -> None:
    document = read_document(metadata_xml(("<Channels>", "<New/>stray<Channels>")))
    (fault,) = document.schema_faults
    assert fault.reason == "Model holds text where the format allows none"


def test_the_real_files(corpus: Path) -> None:
    import zipfile

    def xml(name: str) -> bytes:
        with zipfile.ZipFile(corpus / name) as archive:
            (member,) = [name for name in archive.namelist() if name.endswith(".xml")]
            return archive.read(member)

    document = read_document(xml("simple_nuclei_tf200.czmodel"))
    assert (document.fault, document.schema_faults, document.unknown) == (None, (), ())
    random_forest = read_document(xml("xrm_sandstone_v1.czmodel"))
    assert (random_forest.fault, random_forest.version) == (None, "1")
    assert random_forest.root is None


def faults(name: str) -> list[tuple[str, str]]:
    return [(fault.path, fault.reason) for fault in read_document(BAD[name]).schema_faults]


def test_faults_name_place_and_expectation() -> None:
    assert faults("CZ203_elements_missing") == [
        ("/Model", "the element Status is missing"),
        ("/Model", "the element BorderSize is missing"),
    ]
    assert faults("CZ203_element_twice") == [
        ("/Model", "the element BorderSize occurs 2 times; only one is allowed")
    ]
    assert faults("CZ203_attribute_missing") == [
        ("/Model/TrainingClasses/Item[2]", "the attribute colG is missing")
    ]
    assert faults("CZ203_border_is_text") == [
        (
            "/Model/BorderSize",
            "BorderSize is 'four'; it must be " + EXPECTED["BorderSize"],
        )
    ]
    assert faults("CZ203_colour_300") == [
        (
            "/Model/TrainingClasses/Item[2]/@colG",
            "colG is '300'; it must be a whole number from 0 to 255",
        )
    ]
    assert faults("CZ203_label_value_twice") == [
        (
            "/Model/TrainingClasses/Item[2]/@LabelValue",
            "the label value 01 belongs to another class, too",
        )
    ]
    assert faults("CZ203_two_channels") == [
        ("/Model/Channels", "the element Item occurs 2 times; only one is allowed")
    ]
    assert faults("CZ203_no_classes") == [("/Model/TrainingClasses", "the element Item is missing")]
    assert faults("CZ203_name_is_an_element") == [
        ("/Model/ModelName", "ModelName holds elements; it must be text")
    ]
    # The reference exporter writes it.
    assert faults("CZ216_name_empty") == []
    assert faults("CZ203_other_root") == [("/Net", "the root element is Net; it must be Model")]
    assert faults("CZ203_namespace") == [
        (
            "/{urn:model}Model",
            "the element Model has the namespace 'urn:model'; the format has none",
        )
    ]


@pytest.mark.parametrize("name", [name for name in BAD if name.startswith("CZ203")])
def test_every_explanation_is_in_clear_words(name: str) -> None:
    document = read_document(BAD[name])
    assert document.fault is None
    assert document.root is None
    assert document.schema_faults
    for fault in document.schema_faults:
        assert fault.line == 2
        assert len(fault.reason) < 250
        for word in ("facet", "pattern", "tag '", "literal", "XSD", "particle", "validator"):
            assert word not in fault.reason.lower()


def test_spaces_that_xml_does_not_know_are_made_visible() -> None:
    ((_, reason),) = faults("CZ203_border_after_no_break_space")
    assert reason.startswith("BorderSize is '\u24234'; it must be a whole number")


def test_faults_of_a_hopeless_document_are_bounded() -> None:
    item = '<Item colB="x" colG="x" colR="x" LabelValue="x" Name="" />'
    data = metadata_xml(("</TrainingClasses>", item * 1000 + "</TrainingClasses>"))
    assert len(read_document(data).schema_faults) == 50


HOSTILE: dict[str, tuple[bytes, str]] = {
    "XXE": (
        b'<!DOCTYPE Model [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
        + BODY.replace(b"Nuclei", b"&x;"),
        "has a DOCTYPE (line 1); the format has none",
    ),
    "DOCTYPE behind a comment": (
        b"<?xml version='1.0'?>\n<!-- <Model> --><?pi <a?>\n<!DOCTYPE Model>" + BODY,
        "has a DOCTYPE (line 3); the format has none",
    ),
    "billion laughs": (
        b'<!DOCTYPE Model [<!ENTITY a "lol">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
        + b"]>"
        + BODY.replace(b"Nuclei", b"&j;"),
        "has a DOCTYPE (line 1); the format has none",
    ),
    "external DTD": (
        b'<!DOCTYPE Model SYSTEM "http://127.0.0.1:9/model.dtd">' + BODY,
        "has a DOCTYPE (line 1); the format has none",
    ),
    "undefined entity": (
        BODY.replace(b"Nuclei", b"&x;"),
        "is not well-formed XML: Entity 'x' not defined (line 1)",
    ),
    "deep nesting": (b"<Model>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</Model>", "(line 1)"),
    "deep enough": (
        b"<Model>" + b"<a>" * 100 + b"</a>" * 100 + b"</Model>",
        "nests elements deeper than 32 levels (line 1)",
    ),
    "gzip": (gzip.compress(BODY), "is compressed with gzip; it must be plain XML"),
    "UTF-16 with BOM": (BODY.decode().encode("utf-16"), "is encoded in UTF-16; it must be UTF-8"),
    "UTF-16 hiding a DOCTYPE": (
        b"<!DOCTYPE Model>".decode().encode("utf-16-be"),
        "is encoded in UTF-16; it must be UTF-8",
    ),
    "UTF-32": (BODY.decode().encode("utf-32"), "is encoded in UTF-32; it must be UTF-8"),
    "UTF-7 declared": (
        b"<?xml version='1.0' encoding='utf-7'?>" + BODY,
        "declares the encoding utf-7; it must be UTF-8",
    ),
    "no UTF-8": (BODY.replace(b"Nuclei", b"\xff"), "is not UTF-8 (line 1)"),
    "a million attributes": (
        b"<Model " + b" ".join(b"a%d='0'" % i for i in range(1_000_000)) + b"/>",
        "is larger than the limit of 1048576 bytes",
    ),
    "as many attributes as fit": (
        b"<Model " + b" ".join(b"a%d=''" % i for i in range(100_000)) + b"/>",
        "has more than 20000 tags or attributes",
    ),
    "as many elements as fit": (
        b"<Model>" + b"<a/>" * 260_000 + b"</Model>",
        "has more than 20000 tags or attributes",
    ),
    "NUL": (BODY + b"\0", "is not well-formed XML: Extra content at the end"),
    "two documents": (BODY + BODY, "is not well-formed XML: Extra content at the end"),
    "comment without end": (b"<!-- " + BODY, "is not well-formed XML"),
    "no XML": (b"\x89PNG\r\n\x1a\n", "is not UTF-8 (line 1)"),
    "empty": (b"\n ", "is empty"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_answered(name: str) -> None:
    data, reason = HOSTILE[name]
    started = time.process_time()
    document = read_document(data)
    assert time.process_time() - started < 2
    assert document.fault is not None
    assert reason in document.fault
    assert document == XmlDocument(fault=document.fault)


def test_many_unknown_attributes_are_information() -> None:
    many = b" ".join(b"a%d=''" % i for i in range(15_000))
    document = read_document(metadata_xml().replace(b"<Model ", b"<Model " + many + b" "))
    assert len(document.unknown) == 15_000
    assert document.root is not None


def test_many_classes_stay_cheap() -> None:
    items = "".join(
        f'<Item colB="0" colG="0" colR="0" LabelValue="{label}" Name="n" />'
        for label in range(3, 3000)
    )
    data = metadata_xml(("</TrainingClasses>", items + "</TrainingClasses>"))
    started = time.process_time()
    assert read_document(data).root is not None
    assert time.process_time() - started < 2


def test_nothing_is_fetched_for_a_schema_location() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        xsi = (
            f'<Model xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Other" '
            f'xsi:schemaLocation="urn:x http://127.0.0.1:{port}/a.xsd" '
            f'xsi:noNamespaceSchemaLocation="http://127.0.0.1:{port}/b.xsd" '
        )
        sound = read_document(metadata_xml(("<Model ", xsi)))
        # A broken document goes through the second engine, too.
        broken = read_document(metadata_xml(("<Model ", xsi), ("Gray16", "Gray12")))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert sound.root is not None
    assert len(sound.unknown) == 3
    (fault,) = broken.schema_faults
    assert fault.path == "/Model/Channels/Item/@PixelType"


def test_the_size_limit_counts_before_parsing() -> None:
    data = BODY + b" " * 100
    assert read_document(data, Limits(xml_bytes=len(data))).fault is None
    fault = read_document(data, Limits(xml_bytes=len(data) - 1)).fault
    assert fault == f"is larger than the limit of {len(data) - 1} bytes"


def test_a_document_at_the_limit_stays_small_in_memory() -> None:
    filler = b"<x/>" * 9_000 + b"y" * 900_000
    data = BODY.replace(b"<BorderSize>", b"<Filler>" + filler + b"</Filler><BorderSize>")
    assert len(data) <= DEFAULT_LIMITS.xml_bytes
    tracemalloc.start()
    try:
        assert read_document(data).root is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20


def test_a_comment_does_not_split_a_number() -> None:
    # What every XML reader that goes by the specification makes of it.
    document = read_document(metadata_xml((">4<", ">1<!-- -->6<")))
    assert document.root is not None
    border = document.root.child("BorderSize")
    assert border is not None
    assert border.text == "16"
