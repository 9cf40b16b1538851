"""`czcheck rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from czcheck.cli.groups import text_or_json
from czcheck.cli.options import complete_codes
from czcheck.cli.printing import print_json, print_lines

if TYPE_CHECKING:
    from czcheck.rules.declaring import Rule
    from czcheck.text import Line


@click.command("rules")
@click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=complete_codes)
@text_or_json
def command(codes: tuple[str, ...], form: str) -> int:
    """List the rules, or explain some: why they matter, how to fix it, which section of the format.

    CODE is a rule's code or a prefix such as CZ2.
    """
    from czcheck.cli.printing import print_errors
    from czcheck.rules.catalogue import every_rule
    from czcheck.rules.declaring import UnknownRuleError, explain, matching
    from czcheck.rules.plugins import no_such_rule, unusable

    rules = every_rule()
    try:
        chosen = [rules[code] for code in matching(codes, rules)] if codes else list(rules.values())
    except UnknownRuleError as error:
        raise no_such_rule(str(error)) from None
    if form == "json":
        print_json([explain(rule) for rule in chosen])
    elif codes:
        print_lines(line for rule in chosen for line in _page(rule))
    else:
        print_lines(_list(chosen))
    print_errors(map(str, unusable()))
    return 3 if unusable() else 0


def _list(rules: list[Rule]) -> Iterator[Line]:
    from czcheck.rules.declaring import PACKAGE
    from czcheck.text import Line

    heading, package = "", PACKAGE
    headings = list(dict.fromkeys(map(_heading, rules)))
    # A code's first digit names the subject of a rule; what it has to read may lie deeper.
    for rule in sorted(
        rules,
        key=lambda rule: (rule.package != PACKAGE, rule.package, headings.index(_heading(rule))),
    ):
        if rule.package != package:
            heading, package = "", rule.package
            yield Line(f"from {package}", "heading")
        if _heading(rule) != heading:
            heading = _heading(rule)
            yield Line(heading, "heading")
        yield Line(f"  {rule.code}  {rule.severity.value:<7}  {rule.title}", rule.severity.value)
    yield Line(f"{len(rules)} rules; `czcheck rules CODE` explains one")


def _heading(rule: Rule) -> str:
    from czcheck.rules.declaring import is_on_releases

    if is_on_releases(rule.code):
        return "two releases of a model (`czcheck diff`)"
    return f"level {rule.level.value}"


def _page(rule: Rule) -> Iterator[Line]:
    import textwrap

    from czcheck.rules.declaring import PACKAGE
    from czcheck.text import WIDTH, Line

    yield Line(f"{rule.code} {rule.title}", "heading")
    since = f", since {rule.since}" if rule.since else ""
    origin = "" if rule.package == PACKAGE else f", from {rule.package}"
    yield Line(f"  {rule.severity.value}, level {rule.level.value}, {rule.name}{since}{origin}")
    parts = {
        "says": rule.says,
        "why": rule.why,
        "fix": rule.fix,
        "example": rule.example,
        "format": rule.source,
        "requires": ", ".join(rule.requires),
        "page": rule.url,
    }
    for name, body in parts.items():
        for line in textwrap.wrap(
            body or "", WIDTH, initial_indent=f"  {name + ':':<9} ", subsequent_indent=" " * 12
        ):
            yield Line(line)
    yield Line("")
