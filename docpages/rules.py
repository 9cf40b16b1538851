"""Writes a page for each rule into `docs/rules`: `python -m docpages.rules`.

What a page says comes from the catalogue, its example from the report that is expected of the bad
file that shows the rule (`fixtures/bad`). `--check` writes nothing and fails where a page is stale.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from czcheck.rules import PACKAGE, RETIRED, Rule, every_rule

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "rules"
# Expected reports, on files and on pairs of files, by the ending of their names.
SHOWN_IN = {
    ".report.json": ROOT / "fixtures" / "bad",
    ".diff.json": ROOT / "fixtures" / "releases",
}
# Messages that a page shows at most, each of another file.
MOST = 3
FAMILIES = {
    "CZ1": "Container",
    "CZ2": "Metadata and specification",
    "CZ3": "Network, read without running it",
    "CZ4": "Network, run on test tiles",
    "CZ5": "Images and masks",
    "CZ6": "Two releases of a model",
    "CZ9": "The tool itself",
}
INTRODUCTION = """\
{number} rules, numbered by how deep the file is read. A code is never changed and never used for
another rule. `czcheck rules CODE` prints the same; rules of your own are added
[by a package](../how-to/own-rules.md).

An **error** means that the model should not be released, a **warning** that somebody should look, a
**note** that there is something to know. `--fail-on` says which of them fail the verdict.

Who hosts these pages names their address in the environment variable `CZCHECK_DOCS_URL`; findings
in reports then link to the page of their rule."""
MADE = "<!-- Made by `python -m docpages.rules` from the docstring of the rule; do not edit. -->"


def examples() -> dict[str, list[tuple[str, str]]]:
    """Messages by code, each with the name of the file that shows it; different ones only."""
    found: dict[str, list[tuple[str, str]]] = {}
    for ending, path in _expected():
        report = json.loads(path.read_text("utf-8"))
        name = path.relative_to(ROOT).as_posix().removesuffix(ending)
        finding = report["findings"][0]
        known = found.setdefault(finding["code"], [])
        message = _with_place(finding)
        if len(known) < MOST and message not in (other for _, other in known):
            known.append((name, message))
    return found


def _expected() -> Iterator[tuple[str, Path]]:
    for ending, folder in SHOWN_IN.items():
        for path in sorted(folder.glob(f"*{ending}")):
            yield ending, path


def _with_place(finding: Mapping[str, Any]) -> str:
    """A finding as the text report tells it."""
    at = finding["location"]
    if at["kind"] == "graph":
        place = "/".join(part for part in (at["function"], at["name"]) if part)
    elif at["kind"] == "pixel":
        place = _numbered(f"tile {at['tile']}", at, "row", "column", "channel")
    else:
        place = _numbered(at.get("member") or at.get("path") or "", at, "line", "column")
    return f"[{place.removeprefix(', ')}] {finding['message']}" if place else finding["message"]


def _numbered(start: str, at: Mapping[str, Any], *names: str) -> str:
    numbers = (f", {name} {at[name]}" for name in names if at.get(name) is not None)
    return start + "".join(numbers)


def format_links(source: str) -> Iterator[tuple[str, str]]:
    """The sections of the format that a rule rests on.

    Args:
        source: `Format` of a rule, such as `1.4, Model/@Version; 2, N1`.

    Yields:
        Text, and the anchor in `docs/format.md`; the anchor is empty where there is no section.
    """
    for part in source.split("; "):
        number = re.match(r"(?:2, )?(N\d+)|(\d(?:\.\d)?)", part)
        if number is None:
            yield part, ""
        elif number[1]:
            yield number[1], number[1].lower()
        else:
            yield part, f"s{number[2].replace('.', '-')}"


def _plain(text: str) -> str:
    """Text for Markdown: what stands between backticks is left alone."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if at % 2 else re.sub(r"([*_\[\]])", r"\\\1", html.escape(part, quote=False))
        for at, part in enumerate(parts)
    )


def page(rule: Rule, shown: list[tuple[str, str]]) -> str:
    """The page of one rule, in Markdown.

    Args:
        rule: The rule.
        shown: Files that break it and the messages about them, as from `examples`.

    Raises:
        ValueError: There is no example.
    """
    if not shown and not rule.example:
        raise ValueError(f"{rule.code}: no file in fixtures shows it, and it has no Example")
    lines = [
        f"# {rule.code}: {_plain(rule.title)}",
        MADE,
        " · ".join(
            [
                f"**{rule.severity.value}**",
                f"level `{rule.level.value}`",
                f"`{rule.name}`",
                f"since {rule.since}",
            ]
        ),
        "## Why it matters",
        _plain(rule.why),
        "## How to mend it",
        _plain(rule.fix),
        "## Example",
    ]
    for name, message in shown:
        words = name.rpartition("/")[2].removeprefix(f"{rule.code}_").replace("_", " ")
        lines += [f"*{words}* (`{name}`):", f"```text\n{message}\n```"]
    if not shown:
        lines.append(f"```text\n{rule.example}\n```")
    sections = [
        f"[{_plain(text)}](../format.md#{anchor})" if anchor else _plain(text)
        for text, anchor in format_links(rule.source)
    ]
    lines += ["## In the format", "; ".join(sections)]
    if rule.requires:
        before = ", ".join(f"[{code}]({code}.md)" for code in rule.requires)
        lines += ["## Checked only where these passed", before]
    return "\n\n".join(lines) + "\n"


def retired_page(code: str) -> str:
    """The page of a rule that there was once, in Markdown.

    Args:
        code: Its code.
    """
    text = RETIRED[code]
    return "\n\n".join([f"# {code}: retired", MADE, f"{text[0].upper()}{text[1:]}."]) + "\n"


def index(rules: Mapping[str, Rule]) -> str:
    """The page that lists all rules.

    Args:
        rules: The catalogue.
    """
    lines = ["# Rules", MADE, INTRODUCTION.format(number=len(rules))]
    for prefix, group in groupby(rules.values(), key=lambda rule: rule.code[:3]):
        lines += [f"## {prefix}xx: {FAMILIES[prefix]}"]
        table = ["| code | severity | level | what is wrong |", "|---|---|---|---|"]
        table += [
            f"| [{rule.code}]({rule.code}.md) | {rule.severity.value} | {rule.level.value} |"
            f" {_plain(rule.title)} |"
            for rule in group
        ]
        lines.append("\n".join(table))
    lines += ["## Retired codes", ", ".join(f"[{code}]({code}.md)" for code in RETIRED)]
    return "\n\n".join(lines) + "\n"


def ours() -> dict[str, Rule]:
    """The rules of this package, on one file and on several."""
    return {code: rule for code, rule in every_rule().items() if rule.package == PACKAGE}


def pages() -> dict[Path, str]:
    """All pages by their path."""
    rules, shown = ours(), examples()
    made = {PAGES / f"{code}.md": page(rule, shown.get(code, [])) for code, rule in rules.items()}
    retired = {PAGES / f"{code}.md": retired_page(code) for code in RETIRED}
    return {PAGES / "index.md": index(rules), **made, **retired}


def main() -> int:
    """Write the pages, or check them."""
    made = pages()
    there = {path: path.read_text("utf-8") for path in PAGES.glob("*.md")}
    if "--check" in sys.argv:
        stale = sorted(
            path.name for path in made.keys() | there if made.get(path) != there.get(path)
        )
        if stale:
            print(f"stale: {', '.join(stale)}; run python -m docpages.rules")
        return 1 if stale else 0
    PAGES.mkdir(exist_ok=True)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    for path in there.keys() - made.keys():
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
