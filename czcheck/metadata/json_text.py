"""Strict JSON (RFC 8259) that remembers where each value stands.

The standard library's parser takes NaN and repeated keys, has no limit on depth and forgets
positions; a message about a value could then not say where it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

_DEEPEST = 32
_LONGEST_NUMBER = 40
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[-+]?[A-Za-z_][A-Za-z0-9_]*")
_CONSTANTS = {"true": True, "false": False, "null": None}


class JsonError(ValueError):
    """A text that is no JSON.

    Attributes:
        reason: What is wrong and how to fix it.
        offset: Where, as an index into the text.
    """

    def __init__(self, reason: str, offset: int) -> None:
        """Keep reason and place."""
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A value and its place.

    Attributes:
        value: str, int, float, bool or None; a list of `JsonValue`; a dict of `JsonMember`.
        offset: Where it begins, as an index into the text.
    """

    value: Any
    offset: int


@dataclass(frozen=True, slots=True)
class JsonMember:
    """A key of an object with its value.

    Attributes:
        offset: Where the key begins, as an index into the text.
        value: Its value.
    """

    offset: int
    value: JsonValue


def parse_json(text: str) -> JsonValue:
    """Parse a text that is one JSON value.

    Args:
        text: The text, without a byte order mark.

    Raises:
        JsonError: It is no JSON, repeats a key, or nests too deep.
    """
    parser = _Parser(text)
    value = parser.value(0)
    parser.skip()
    if parser.offset < len(text):
        raise JsonError(
            "there is something after the end of the JSON text; remove it", parser.offset
        )
    return value


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0

    def skip(self) -> str:
        """Go past white space; the character there, or nothing at the end."""
        match = _SPACE.match(self.text, self.offset)
        self.offset = match.end() if match else self.offset
        char = self.text[self.offset : self.offset + 1]
        if char == "/" and self.text[self.offset + 1 : self.offset + 2] in ("/", "*"):
            raise JsonError("there is a comment; JSON has none, remove it", self.offset)
        return char

    def value(self, depth: int) -> JsonValue:
        if depth > _DEEPEST:
            raise JsonError(f"values are nested deeper than {_DEEPEST} levels", self.offset)
        char = self.skip()
        start = self.offset
        if char == "{":
            return JsonValue(self.members(depth), start)
        if char == "[":
            return JsonValue(self.items(depth), start)
        if char == '"':
            return JsonValue(self.string(), start)
        return JsonValue(self.scalar(char), start)

    def string(self) -> str:
        start = self.offset
        try:
            text, self.offset = scanstring(self.text, start + 1, True)
        except json.JSONDecodeError as error:
            raise JsonError(_string_reason(error.msg), error.pos) from None
        return str(text)

    def scalar(self, char: str) -> int | float | bool | None:
        if not char:
            raise JsonError("the text ends where a value is expected", self.offset)
        word = _WORD.match(self.text, self.offset)
        if word:
            if word[0] in _CONSTANTS:
                self.offset = word.end()
                return _CONSTANTS[word[0]]
            raise JsonError(_word_reason(word[0]), self.offset)
        number = _NUMBER.match(self.text, self.offset)
        if number is None:
            if char == "'":
                raise JsonError("texts stand in double quotes, not in single ones", self.offset)
            if char in ",]}":
                raise JsonError(f"a value is missing before the '{char}'", self.offset)
            raise JsonError(f"{char!r} cannot begin a value", self.offset)
        if number.end() - number.start() > _LONGEST_NUMBER:
            raise JsonError(f"a number has more than {_LONGEST_NUMBER} characters", self.offset)
        if self.text[number.end() : number.end() + 1].isalnum():
            raise JsonError("a number is not written as JSON has it", self.offset)
        self.offset = number.end()
        return float(number[0]) if number[1] or number[2] else int(number[0])

    def members(self, depth: int) -> dict[str, JsonMember]:
        found: dict[str, JsonMember] = {}
        start = self.offset
        self.offset += 1
        if self.skip() == "}":
            self.offset += 1
            return found
        while True:
            char = self.skip()
            at = self.offset
            if char != '"':
                raise JsonError(_key_reason(char), at)
            key = self.string()
            if key in found:
                raise JsonError(f"the key {key!r} stands here a second time; remove one", at)
            if self.skip() != ":":
                raise JsonError(f"a ':' is missing after the key {key!r}", self.offset)
            self.offset += 1
            found[key] = JsonMember(at, self.value(depth + 1))
            if self.at_end("}", start):
                return found

    def items(self, depth: int) -> list[JsonValue]:
        found: list[JsonValue] = []
        start = self.offset
        self.offset += 1
        if self.skip() == "]":
            self.offset += 1
            return found
        while True:
            found.append(self.value(depth + 1))
            if self.at_end("]", start):
                return found

    def at_end(self, closing: str, start: int) -> bool:
        """Go past the comma or the closing bracket after a value; whether it was the bracket."""
        char = self.skip()
        if char == closing:
            self.offset += 1
            return True
        if not char:
            raise JsonError(f"the text ends before the '{self.text[start]}' here is closed", start)
        if char != ",":
            raise JsonError(f"a ',' or '{closing}' is missing before {char!r}", self.offset)
        comma = self.offset
        self.offset += 1
        if self.skip() == closing:
            # The example in the published specification has one.
            raise JsonError(
                f"there is a comma before the closing '{closing}' (as in the published example of "
                "this format); JSON has no trailing comma, remove it",
                comma,
            )
        return False


def _key_reason(char: str) -> str:
    if not char:
        return "the text ends where a key is expected"
    if char == "'":
        return "keys stand in double quotes, not in single ones"
    if char.isalpha():
        return "keys stand in double quotes"
    return f"{char!r} stands where a key is expected"


def _word_reason(word: str) -> str:
    if word.lstrip("+-").lower() in ("nan", "infinity", "inf"):
        return f"{word} is no number in JSON"
    if word.lower() in _CONSTANTS:
        return f"{word} is written {word.lower()} in JSON"
    if word == "None":
        return "None is written null in JSON"
    return f"{word!r} is no value; texts stand in double quotes"


def _string_reason(message: str) -> str:
    if "escape" in message:
        return (
            "a backslash in a text begins an escape that JSON does not have; "
            "in paths write / or \\\\ instead"
        )
    if "control" in message:
        return "a text holds a line break or another control character; write it as an escape"
    return "a text is not closed by a double quote"
