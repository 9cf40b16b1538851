"""What a payload is, by its first bytes. Section 1.5 of the format."""

from __future__ import annotations

from enum import Enum


class PayloadKind(Enum):
    """What the payload is, by its first bytes. Section 1.5 of the format."""

    SAVED_MODEL = "SavedModel"
    ZIP = "ZIP archive without a SavedModel"
    PICKLE = "Python pickle"
    ONNX = "ONNX"
    EMPTY = "empty"
    UNKNOWN = "unknown"


def sniff(head: bytes) -> PayloadKind:
    """Tell what a payload is by its first bytes. Section 1.5 of the format.

    Args:
        head: The first bytes of the payload, at least 16 where there are as many.
    """
    if not head:
        return PayloadKind.EMPTY
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return PayloadKind.ZIP
    if head[0] == 0x80 and len(head) > 1 and head[1] in range(2, 6):
        return PayloadKind.PICKLE
    # ONNX's ModelProto begins with field 1, a small varint: the version of the format.
    if head[0] == 0x08 and len(head) > 1 and 3 <= head[1] <= 0x20:
        return PayloadKind.ONNX
    return PayloadKind.UNKNOWN
