"""Compile saved_model.proto into saved_model.binpb: `python schemas/compile_proto.py [TARGET]`.

Needs grpcio-tools (the `dev` extra). The result is a serialized FileDescriptorSet, so that any
installed protobuf can build the classes from it; generated Python code would tie them together.
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
    from grpc_tools import protoc  # noqa: PLC0415

    status = protoc.main(
        ["protoc", f"--proto_path={HERE}", f"--descriptor_set_out={target}", "saved_model.proto"]
    )
    if status != 0:
        raise RuntimeError("saved_model.proto does not compile")


if __name__ == "__main__":
    compile_proto(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "saved_model.binpb")
