"""Message classes for SavedModels, built at import from the compiled description in `schemas`.

The classes stand in a pool of their own, so that they meet neither TensorFlow's nor anybody else's,
and work with every protobuf from 4.25. Importing this module imports protobuf; do it inside
functions.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from czcheck.errors import InputError
from czcheck.shipped import shipped

PACKAGE = "czcheck.tensorflow"


def _pool() -> Any:
    """A descriptor pool that holds the compiled description."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(shipped("czcheck.schemas", "saved_model.binpb"))
    return pool


_POOL = _pool()


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


SavedModel = _class("SavedModel")
MetaGraphDef = _class("MetaGraphDef")
GraphDef = _class("GraphDef")
NodeDef = _class("NodeDef")
AttrValue = _class("AttrValue")
NameAttrList = _class("NameAttrList")
TensorProto = _class("TensorProto")
TensorShapeProto = _class("TensorShapeProto")
FunctionDef = _class("FunctionDef")
OpDef = _class("OpDef")
SignatureDef = _class("SignatureDef")
TensorInfo = _class("TensorInfo")
AssetFileDef = _class("AssetFileDef")
SaverDef = _class("SaverDef")
SavedObjectGraph = _class("SavedObjectGraph")
TrackableObjectGraph = _class("TrackableObjectGraph")
BundleHeaderProto = _class("BundleHeaderProto")
BundleEntryProto = _class("BundleEntryProto")


def parse(message_class: Any, data: bytes) -> Any:
    """Read one message.

    Args:
        message_class: One of this module's classes.
        data: Its bytes.

    Raises:
        InputError: The bytes are no such message, or it nests too deeply.
    """
    try:
        return message_class.FromString(data)
    except (DecodeError, RecursionError, ValueError) as error:
        name = message_class.DESCRIPTOR.name
        raise InputError(f"not a {name} message, or a damaged one") from error
