#!/usr/bin/env bash
# What czmodel 6.2.0, the newest reference library, does with the name of a model of the older format
# (Model XML, version 3.1.0), writing and reading:
#
# * It names a model after the last part of `ModelPath` and does not look at `Name`: a path that ends
#   in a slash, as tab completion writes it, gives an empty ModelName. Macros address models by it.
# * Its reader never reads ModelName. It looks for a `ModelPath` in the XML, where there is none, so
#   that every model that it reads is called "DNN model"; the id is not read either but made anew,
#   and the border comes back as a text. What it has read and writes again is another model.
#
# Versions: czmodel 6.2.0, xmltodict 1.0.2, defusedxml 0.7.1, Python 3.11.
# Output seen:
#   slash:     name '' in XML ''
#   no slash:  name 'nuclei' in XML 'nuclei'
#   read back: name 'DNN model' id kept False border '8'
# Source: czmodel/core/legacy_model_metadata.py, `_ModelMetadata.from_json` and `from_xml`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-deps \
  czmodel==6.2.0 xmltodict==1.0.2 defusedxml==0.7.1
cd "$folder"
cat > try.py <<'PY'
import contextlib
import io
from xml.etree import ElementTree

from czmodel.core.legacy_model_metadata import ModelMetadata

spec = {
    "Name": "My nuclei",
    "BorderSize": 8,
    "ColorHandling": "ConvertToMonochrome",
    "PixelType": ["Gray16"],
    "Classes": ["Background", "Nucleus"],
}


def described(path):
    made = ModelMetadata.from_json({**spec, "ModelPath": path})
    made.to_xml().write("model.xml")
    stored = ElementTree.parse("model.xml").findtext("ModelName")
    return made, stored


made, stored = described("models/nuclei/")
print(f"slash:     name {made.name!r} in XML {stored!r}")
assert (made.name, stored) == ("", "")
made, stored = described("models/nuclei")
print(f"no slash:  name {made.name!r} in XML {stored!r}")
assert (made.name, stored) == ("nuclei", "nuclei")
with contextlib.redirect_stdout(io.StringIO()):  # the reader prints an empty line
    read = ModelMetadata.from_xml("model.xml")
kept = read.model_id == made.model_id
print(f"read back: name {read.name!r} id kept {kept} border {read.border_size!r}")
assert (read.name, kept, read.border_size) == ("DNN model", False, "8")
PY
"$folder/venv/bin/python" try.py
