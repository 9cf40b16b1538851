"""What a repair changes in an archive, in words."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.metadata.model_metadata import to_xml

if TYPE_CHECKING:
    from czcheck.archive.container import Container
    from czcheck.building.process import Lowering
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.model import CzModel

SAVED_MODEL = "saved_model.pb"
CHECKPOINT = ("variables/variables.data-00000-of-00001", "variables/variables.index")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SIGNATURE = "serving_default"
SHOWN = 5


def other_members(container: Container) -> Iterator[tuple[str, str]]:
    r"""Members that are no part of the model, such as a licence.

    Args:
        container: The roles of the members.

    Yields:
        The name as stored, and the one to give it: `/` as separator, no folder around everything.
    """
    prefix = "" if container.wrapper is None else container.wrapper + "/"
    for name in container.others:
        yield name, name.replace("\\", "/").removeprefix(prefix)


def changes(model: CzModel, metadata: ModelMetadata, lowering: Lowering) -> Iterator[str]:
    """What a repaired archive has otherwise than its source.

    Args:
        model: The source.
        metadata: The metadata of the repaired archive.
        lowering: What was made of the network.

    Yields:
        One line for each change, at least one.
    """
    listed = [
        *_of_names(model, metadata.model_id),
        *_of_metadata(model, metadata),
        *_of_network(model, lowering),
    ]
    yield from listed or ["members packed anew, in the order and with the dates of every build"]


def _of_names(model: CzModel, model_id: str) -> Iterator[str]:
    container = model.container
    if container.wrapper is not None:
        yield f"members taken out of the folder {container.wrapper}, which held all of them"
    if container.backslashes:
        yield f"backslashes in {_names(len(container.backslashes))} made into slashes"
    if container.literal_payload:
        yield f"payload {container.payload_member} renamed {model_id}.model"
    ids = {
        "marker": container.marker_id if len(container.markers) == 1 else model_id,
        "metadata": container.metadata_id,
        "payload": container.payload_id,
    }
    other = [f"{role} {found}" for role, found in ids.items() if found != model_id]
    if other:
        yield f"names that carried another id ({', '.join(other)}) given the metadata's, {model_id}"
    # Where there is no marker, a payload named `modelid=<guid>.model` stands in for it.
    stands_in = container.literal_payload and container.markers == container.payloads
    if not container.markers or stands_in:
        yield f"missing marker modelid={model_id} added"
    elif len(container.markers) > 1:
        count = len(container.markers)
        yield f"one marker, modelid={model_id}, in the place of {count}"
    elif size := model.archive.member(container.markers[0]).size:
        yield f"content of the marker ({size} bytes) taken out: it is an empty member"


def _of_metadata(model: CzModel, metadata: ModelMetadata) -> Iterator[str]:
    name = model.container.metadata_member
    assert name is not None
    stored = model.archive.read(name, model.limits.xml_bytes)
    if stored.startswith(BYTE_ORDER_MARK):
        yield "byte order mark taken out of the metadata XML"
    old, new = model.metadata, metadata
    if stored.removeprefix(BYTE_ORDER_MARK) != to_xml(dataclasses.replace(new, name=old.name)):
        yield "metadata XML written anew in canonical form, with the same content"
    if old.name != new.name:
        before = f"'{old.name}'" if old.name else "an empty name"
        yield f"name changed from {before} to '{new.name}'"
    if old.model_id != new.model_id:
        yield f"id {old.model_id} written in small letters"
    if old.total_tile != new.total_tile:
        tile = " x ".join(str(size) for size in new.total_tile if size is not None)
        yield f"tile size in the metadata corrected to {tile}, the network's own"


def _of_network(model: CzModel, lowering: Lowering) -> Iterator[str]:
    files = model.files
    payload = model.payload.files
    assert payload is not None
    if payload.wrapper is not None:
        yield f"SavedModel taken out of the folder {payload.wrapper} in the payload"
    if payload.backslashes:
        yield f"backslashes in {_names(len(payload.backslashes))} of the payload made into slashes"
    digest = hashlib.sha256()
    for piece in files.chunks(SAVED_MODEL):
        digest.update(piece)
    same = digest.hexdigest() == lowering.sha256
    if not same:
        yield (
            f"network lowered to TensorFlow 2.0.0: {lowering.nodes_before} nodes to "
            f"{lowering.nodes_after}"
        )
    serving = model.network.serving
    if serving is not None and serving.name != SIGNATURE:
        yield f"signature {serving.name} renamed {SIGNATURE}"
    frozen = sum(variable.captured for variable in model.network.variables)
    if frozen:
        yield f"{frozen} variable{'s' if frozen > 1 else ''} made into constants"
    if lowering.tile != lowering.source_tile:
        height, width = lowering.tile
        yield f"tile set to {height} x {width} pixels"
    # A lowered network has a checkpoint, too, without a variable in it.
    kept = {SAVED_MODEL, *CHECKPOINT} if same else {SAVED_MODEL}
    left_out = [name for name in files.names if name not in kept]
    if left_out:
        more = ", ..." if len(left_out) > SHOWN else ""
        yield f"no longer needed in the payload: {', '.join(left_out[:SHOWN])}{more}"


def _names(count: int) -> str:
    return "1 name" if count == 1 else f"{count} names"
