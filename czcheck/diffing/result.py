"""A comparison of two releases as users hold it: its data, and every form it can be written in."""

from __future__ import annotations

from typing import Any

from czcheck.diffing.record import DiffRecord


class Diff(DiffRecord):
    """What changed between two releases of a model.

    Attributes:
        tool_version: Version of czcheck.
        options: The options of the comparison.
        before: The first file.
        after: The second file.
        members: Members other than marker, metadata and payload that changed, with their digests;
            of an archive that cannot be read, the reason.
        metadata: What changed in the metadata, or why that is not known.
        network: What changed in the network, or why that is not known.
        weights: What changed in the weights, or why that is not known.
        outputs: What changed in the outputs, or why that is not known.
        outcomes: How each rule on two releases ended, in the order of their codes; where there is
            a configuration, the rules about that one as well.
        configuration: What they were compared by, as plain data; None for the defaults and what
            was requested.
    """

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `schemas/diff.schema.json` describes it."""
        from czcheck.diffing.json_form import diff_to_json  # noqa: PLC0415

        return diff_to_json(self)

    def to_html(self) -> str:
        """The comparison as one self-contained HTML page."""
        from czcheck.diffing.html import diff_page  # noqa: PLC0415

        return diff_page(self)

    def __str__(self) -> str:
        from czcheck.diffing.text import diff_lines  # noqa: PLC0415

        return "\n".join(line.text for line in diff_lines(self))

    def _repr_html_(self) -> str:
        from czcheck.diffing.notebook import diff_html  # noqa: PLC0415

        return diff_html(self)
