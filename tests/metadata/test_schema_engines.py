"""The schema says the same in both engines, and the vocabulary is the schema's."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from czcheck.limits import DEFAULT_LIMITS
from czcheck.metadata import (
    COLOR_HANDLINGS,
    EXPECTED,
    MODEL,
    PIXEL_TYPES,
    SCHEMA,
    Kind,
    Unreadable,
    parse,
    read_document,
    take_out_unknown,
    validates,
    validates_with_xmlschema,
)
from fixtures.bad_metadata import documents as bad_documents
from fixtures.good_metadata import documents as good_documents

XS = "{http://www.w3.org/2001/XMLSchema}"
GOOD = dict(good_documents())
BAD = {
    name: data
    for name, data in bad_documents()
    if not isinstance(parse(data, DEFAULT_LIMITS.xml_bytes), Unreadable)
}


def verdicts(data: bytes) -> tuple[bool, bool]:
    root = parse(data, DEFAULT_LIMITS.xml_bytes)
    assert not isinstance(root, Unreadable)
    if root.tag == "Model":
        take_out_unknown(root)
    return validates(root), validates_with_xmlschema(root)


@pytest.mark.parametrize("name", GOOD)
def test_both_engines_accept_good_documents(name: str) -> None:
    assert verdicts(GOOD[name]) == (True, True)


@pytest.mark.parametrize("name", BAD)
def test_both_engines_agree_on_bad_documents(name: str) -> None:
    refused = name.startswith(("CZ202", "CZ203"))
    assert verdicts(BAD[name]) == (not refused, not refused)


PIECES = st.sampled_from(
    [
        *('"', "<", ">", "/>", "</Model>", "<Item ", "=", "0", "-1", " ", "\n", "&amp;", "&#65;"),
        *("<!-- x -->", "<?p?>", "<![CDATA[1]]>", " xmlns='u' ", " xml:lang='e'", "+1", "1e3"),
        *("\u00a0", "\u0664", "<BorderSize>4</BorderSize>", "<Item />", "<New>1</New>", "true"),
    ]
)


@settings(max_examples=300)
@given(
    st.sampled_from([*GOOD.values(), *BAD.values()]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), PIECES), min_size=1, max_size=3),
)
def test_both_engines_agree_on_damaged_documents(
    data: bytes, damages: list[tuple[float, int, str]]
) -> None:
    text = data.decode()
    for place, cut, piece in damages:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + cut :]
    damaged = text.encode()
    document = read_document(damaged)
    if document.fault is None:
        by_lxml, by_xmlschema = verdicts(damaged)
        assert by_lxml == by_xmlschema == (not document.schema_faults)


def schema() -> etree._Element:
    return etree.fromstring(files("czcheck.schemas").joinpath(SCHEMA).read_bytes())


def test_the_vocabulary_is_the_schemas() -> None:
    tree = schema()
    types = {str(kind.get("name")): kind for kind in tree.findall(f"{XS}complexType")}

    def kind_of(element: etree._Element) -> Kind:
        content = element.find(f"{XS}complexType")
        if content is None:
            content = types.get(str(element.get("type")))
        if content is None:
            return Kind()
        children = [
            child for group in ("all", "sequence") for child in content.iterfind(f"{XS}{group}/*")
        ]
        return Kind(
            attributes=tuple(
                sorted(str(each.get("name")) for each in content.iterfind(f"{XS}attribute"))
            ),
            children={str(child.get("name")): kind_of(child) for child in children},
            optional=frozenset(
                str(child.get("name")) for child in children if child.get("minOccurs") == "0"
            ),
        )

    root = tree.find(f"{XS}element")
    assert root is not None
    assert kind_of(root) == MODEL


def enumeration(name: str) -> list[str | None]:
    values = schema().iterfind(f"{XS}simpleType[@name='{name}']//{XS}enumeration")
    return [value.get("value") for value in values]


def test_value_sets_are_the_schemas() -> None:
    assert enumeration("PixelType") == list(PIXEL_TYPES)
    assert enumeration("ColorHandling") == list(COLOR_HANDLINGS)


def test_everything_is_documented() -> None:
    tree = schema()
    parts = [
        part
        for part in tree.iter(f"{XS}element", f"{XS}attribute", f"{XS}simpleType")
        # An item says nothing that its list does not say.
        if part.get("name") != "Item"
    ]
    documented = {
        str(kind.get("name")) for kind in tree if kind.find(f".//{XS}documentation") is not None
    }
    bare = [
        part.get("name")
        for part in parts
        if part.find(f".//{XS}documentation") is None and part.get("type") not in documented
    ]
    assert len(parts) > 25
    assert bare == []


def test_every_value_has_words_for_what_it_must_be() -> None:
    def names(kind: Kind) -> set[str]:
        found = set(kind.attributes)
        for name, child in (kind.children or {}).items():
            found |= {name} if child.children is None else names(child)
        return found

    assert names(MODEL) == set(EXPECTED)
