"""Compile saved_model.proto into saved_model.binpb: `python schemas/compile_proto.py [TARGET]`.

Needs grpcio-tools (the `dev` extra). The result is a serialized FileDescriptorProto, so that any
installed protobuf can build the classes from it; generated Python code would tie them together. A
FileDescriptorSet, as the compiler writes it, can only be read with protobuf's own messages, which
take longer to build than all of these.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def compile_proto(target: Path) -> None:
    """Write the compiled description.

    Args:
        target: The file to write.

    Raises:
        RuntimeError: The compiler refuses saved_model.proto; its words are on standard error.
    """
    from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: PLC0415
    from grpc_tools import protoc  # noqa: PLC0415

    status = protoc.main(
        ["protoc", f"--proto_path={HERE}", f"--descriptor_set_out={target}", "saved_model.proto"]
    )
    if status != 0:
        raise RuntimeError("saved_model.proto does not compile")
    (description,) = FileDescriptorSet.FromString(target.read_bytes()).file
    target.write_bytes(description.SerializeToString(deterministic=True))


if __name__ == "__main__":
    compile_proto(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "saved_model.binpb")
