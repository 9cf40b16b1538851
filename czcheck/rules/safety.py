"""CZ33x: operations and data that could do harm, found without running the network.

Nothing that these rules refuse is run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import czcheck.network
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, InGraph, InMember, Severity
from czcheck.text import count

if TYPE_CHECKING:
    from czcheck.network.facts import Network
    from czcheck.network.safety import Place, Safety, When
    from czcheck.network.target import Target

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

_WHEN: dict[When, str] = {
    "load": "it runs as soon as the network is loaded",
    "serving": "it runs with every prediction",
    "saver": "it runs when variables are saved or restored",
    "other": "it is in a part that does not run by itself",
}
# Names come from the file, and may be as long as the file.
_SHOWN = 100


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else name[:_SHOWN] + "..."


def _at(place: Place) -> InGraph:
    return InGraph(_short(place.node), None if place.function is None else _short(place.function))


def _holder(place: Place) -> str:
    return f"The graph with the tag {_short(place.graph)}" if place.graph else "The network"


@rule("CZ330", severity=ERROR, level=Level.NETWORK, requires=["CZ301"])
def operations_are_harmless(safety: Safety, allow_op: Collection[str]) -> Iterator[Found]:
    """The network contains an operation that is not on the allowlist.

    Says: {holder} contains the operation {op}, which {danger}; {when} ({nodes}, the first is
        {node}).
    Why: A network is a program. Only operations that compute can be run without trusting the author
        of the file, wherever they are in it; a network on tiles needs no others.
    Fix: Remove the layer or function that uses the operation before you export the model. If you
        know what it is for, allow it by name with `--allow-op`.
    Format: 2, N2; 2, N12
    """
    for each in safety.not_admitted(allow_op):
        yield Found(
            _at(each.place),
            holder=_holder(each.place),
            op=_short(each.op),
            danger=each.danger,
            when=_WHEN[each.place.when],
            count=each.count,
            nodes=count(each.count, "node"),
            node=_short(each.place.node),
        )


@rule("CZ331", severity=ERROR, level=Level.NETWORK, requires=["CZ330"])
def data_hold_no_program(safety: Safety) -> Iterator[Found]:
    """A program is hidden in the network's data.

    Says: {holder} contains {what} in the node {node} ({op}).
    Why: A program in data is not visible in the graph, and waits for an operation that runs it.
    Fix: Export the network again without this node; a network needs strings for text only.
    Format: 2, N12
    """
    for each in safety.hidden:
        yield Found(
            _at(each.place),
            holder=_holder(each.place),
            what=each.text,
            node=_short(each.place.node),
            op=_short(each.op),
        )


@rule("CZ332", severity=ERROR, level=Level.NETWORK)
def graph_is_bounded(saved_model: Network) -> Iterator[Found]:
    """The graph is too large, or recursive.

    Says: The graph is refused: {fault}.
    Why: Loading it would take more time or memory than any legitimate network needs, or never end.
    Fix: Export the network again without recursion and without functions that call functions many
        levels deep.
    Format: 2, N8
    """
    if saved_model.beyond_limits:
        at = InMember(saved_model.fault_file) if saved_model.fault_file else None
        yield Found(at, fault=saved_model.fault)


@rule("CZ333", severity=ERROR, level=Level.NETWORK, requires=["CZ301"])
def assets_are_plain_files(safety: Safety) -> Iterator[Found]:
    """The network names an asset file that is unsafe or missing.

    Says: The network names the asset file {name}, which {problem}.
    Why: TensorFlow opens whatever file the name leads to, even outside the model; and an archive
        has to contain everything that its network needs.
    Fix: Export the network again and pack the complete folder, `assets` included; give asset files
        plain names of letters, digits, `_`, `-` and full stops.
    Format: 2, N20
    """
    for each in safety.assets:
        yield Found(name=_short(each.name) or "without a name", problem=each.text)


@rule("CZ334", severity=WARNING, level=Level.NETWORK, requires=["CZ301"])
def keras_holds_no_code(safety: Safety) -> Iterator[Found]:
    """The file contains Python code of a Keras Lambda layer.

    Says: Keras stored the Python code of a Lambda layer in {where}.
    Why: The code runs as soon as somebody opens the model with Keras. ZEN and this tool load only
        the graph and never run it.
    Fix: Write the layer as a class of its own, or export with `model.export(folder)`, which stores
        no code.
    Format: 2, N12
    """
    for where in safety.lambdas:
        yield Found(InMember(where) if where.endswith(".pb") else None, where=where)


@rule("CZ335", severity=ERROR, level=Level.NETWORK, requires=["CZ301"])
def saver_only_saves(safety: Safety) -> Iterator[Found]:
    """An operation that saves or restores is used for something else.

    Says: {holder} uses {op} for more than saving and restoring its variables: the node {node}
        {problem}.
    Why: These operations read, write and delete files. They are harmless only if nothing except
        saving and restoring reaches them, with a file name that comes from outside.
    Fix: Export the network again; TensorFlow writes the functions that save and restore by itself.
    Format: 2, N20
    """
    for each in safety.saver:
        yield Found(
            _at(each.place),
            holder=_holder(each.place),
            op=each.op,
            node=_short(each.place.node),
            problem=each.text,
        )


@rule("CZ336", severity=ERROR, level=Level.NETWORK, requires=["CZ330", "CZ331", "CZ335"])
def graph_is_the_only_one(safety: Safety) -> Iterator[Found]:
    """The file contains additional graphs.

    Says: Besides the graph that is run, the file contains one with the tag {tags}.
    Why: A program that opens the file has to say which graph it wants; `tf.saved_model.load` and
        Keras refuse the file otherwise. Other programs may run the other graph.
    Fix: Export the network with the one tag `serve`; `czcheck repair` does it.
    Format: 1.5, payload
    """
    for tags in safety.further:
        yield Found(InMember("saved_model.pb"), tags=_short(tags))


@rule("CZ337", severity=NOTE, level=Level.NETWORK, requires=["CZ331"])
def texts_are_short(safety: Safety) -> Iterator[Found]:
    """The network uses an unusually long text.

    Says: {holder} uses {size} in the node {node}; {when}.
    Why: Networks on tiles contain texts only to say what is wrong with an input; a long one has
        another purpose.
    Fix: Find out what the text is for, and remove it from the exported model.
    Format: 2, N12
    """
    for each in safety.large:
        yield Found(
            _at(each.place),
            holder=_holder(each.place),
            size=each.text,
            node=_short(each.place.node),
            when=_WHEN[each.place.when],
        )


@rule("CZ338", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def loaders_agree(network: Network, target: Target) -> Iterator[Found]:
    """One of TensorFlow's loaders refuses the file, or sees another network in it.

    Says: {loader} {problem}.
    Why: TensorFlow has three loaders, and how ZEN opens a network is not known. The session loader
        reads the graph; the others rebuild objects that the file describes in addition.
    Fix: Export the network again, or let `czcheck repair` rewrite the file: it takes only the graph
        and describes its objects itself.
    Format: 1.5, payload
    """
    for each in czcheck.network.disagreements(network, target):
        yield Found(InMember("saved_model.pb"), loader=each.loader, problem=each.problem)


@rule("CZ339", severity=WARNING, level=Level.NETWORK, requires=["CZ302"])
def file_is_as_tensorflow_writes_it(network: Network) -> Iterator[Found]:
    """The SavedModel has properties that no TensorFlow version writes.

    Says: The SavedModel {problem}.
    Why: TensorFlow 2.0.0 to 2.21 accept it; other programs may not.
    Fix: Export the network again; `czcheck repair` rewrites the file.
    Format: 1.5, payload
    """
    for problem in czcheck.network.oddities(network):
        yield Found(InMember("saved_model.pb"), problem=problem)
