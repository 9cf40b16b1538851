"""Makes the two models of the sample repository: one that passes, and one that fails.

python examples/ci/make_models.py [FOLDER [SOUND_MODEL]]
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOUND = HERE.parents[1] / "fixtures" / "models" / "nuclei.czmodel"


def main(folder: Path = HERE / "models", model: Path = SOUND) -> None:
    """Write `good.czmodel` and `bad.czmodel`.

    Args:
        folder: Target folder; created if missing.
        model: A model that passes, with the colours of the demo's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "good.czmodel").write_bytes(model.read_bytes())
    # Both classes in one colour: an overlay in ZEN shows nothing. It is a warning, and fails
    # because `--profile release` requires it.
    with (
        zipfile.ZipFile(model) as sound,
        zipfile.ZipFile(folder / "bad.czmodel", "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for member in sound.infolist():
            data = sound.read(member)
            if member.filename.endswith(".xml"):
                same = b'colB="160" colG="64" colR="32"'
                data = data.replace(b'colB="0" colG="200" colR="255"', same)
            bad.writestr(member, data)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
