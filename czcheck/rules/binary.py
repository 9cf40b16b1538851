"""CZ2xx, third part: a network of one channel that was made two, and the names of its classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.planned.ending import binary_of, ending_of
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity, XmlPath

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.network.facts import Network


@rule("CZ215", severity=Severity.WARNING, level=Level.NETWORK, requires=["CZ203"])
def probability_belongs_to_the_foreground(
    network: Network, metadata: ModelMetadata
) -> Iterator[Found]:
    """The probability of a one-channel network is assigned to a class named like a background.

    Says: The network's one channel p became the two channels p and 1 - p. p is assigned to '{p}',
        which is named like a background, and 1 - p to '{rest}'.
    Why: Most one-channel networks are trained to give the probability of the foreground. If this
        one is, the two classes are exchanged in every image, and no other check can detect it: the
        probabilities are valid.
    Fix: If the channel is the probability of the foreground, name that class first (spec key
        `Classes`) and build the archive again. If it is the background's, nothing is wrong.
    Format: 2, N10
    """
    names = [item.name for item in metadata.classes]
    binary = binary_of(ending_of(network), (), names)
    if binary is not None and binary.looks_exchanged:
        place = 1 + names.index(binary.p)
        yield Found(XmlPath(f"/Model/TrainingClasses/Item[{place}]"), p=binary.p, rest=binary.rest)
