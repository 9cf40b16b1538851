"""Compile saved_model.proto into saved_model.binpb: `python schemas/compile_proto.py [--check]`.

With `--check` nothing is written, and it fails where saved_model.binpb is not what it would be.

Needs grpcio-tools (the `dev` extra). The result is a serialized FileDescriptorProto, so that any
installed protobuf can build the classes from it; generated Python code would tie them together. A
FileDescriptorSet, as the compiler writes it, can only be read with protobuf's own messages, which
take longer to build than all of these.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
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

    # In a process of its own: the compiler is a C++ library, which others in this one can break.
    compiler = [sys.executable, "-m", "grpc_tools.protoc"]
    paths = [f"--proto_path={HERE}", f"--descriptor_set_out={target}"]
    done = subprocess.run([*compiler, *paths, "saved_model.proto"], check=False)  # noqa: S603
    if done.returncode != 0:
        raise RuntimeError("saved_model.proto does not compile")
    (description,) = FileDescriptorSet.FromString(target.read_bytes()).file
    target.write_bytes(description.SerializeToString(deterministic=True))


def main() -> int:
    """Write the description, or see that it is up to date."""
    kept = HERE / "saved_model.binpb"
    if sys.argv[1:] != ["--check"]:
        compile_proto(kept)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / kept.name
        compile_proto(target)
        if target.read_bytes() == kept.read_bytes():
            return 0
    sys.stderr.write(f"{kept.name} is not up to date; run: python schemas/compile_proto.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
