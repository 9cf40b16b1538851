#!/usr/bin/env bash
# 48-bit colours in a CZI come back as other numbers, without an error.
#
# pylibCZIrw can split low and high bytes of 16-bit pixels before it compresses them with zstd ("hi-lo byte packing",
# a part of CZI's zstd1). Gray16 written so is read back as it was. Bgr48 written so is read back with other values in
# nearly every number; the file itself is right, whichever release wrote it, since an older one reads it correctly.
# Uncompressed Bgr48, and Bgr48 with zstd without splitting, is read correctly.
#
# Versions: pylibCZIrw 5.0.0 reads right; 5.1.1 and 6.1.0 read wrong (Python 3.11, Linux).
# Seen:     5.0.0: Gray16 equal, Bgr48 equal
#           6.1.0: Gray16 equal, Bgr48 differs in 99 % of the numbers
# Source:   run here, with files that each of the three releases wrote; the script runs two of them.
# Exits with 0 while this is so, with 1 once it is not.
set -euo pipefail
python=${PYTHON311:-$(command -v python3.11 || ls ~/.pyenv/versions/3.11.*/bin/python | head -1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/write.py" <<'PY'
import sys
import numpy as np
from pylibCZIrw import czi

for name, samples in (("gray", 1), ("colour", 3)):
    pixels = np.random.default_rng(0).integers(0, 4000, (40, 50, samples)).astype(np.uint16)
    np.save(f"{sys.argv[1]}/{name}.npy", pixels)
    options = "zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack"
    with czi.create_czi(f"{sys.argv[1]}/{name}.czi", compression_options=options) as writer:
        writer.write(pixels)
PY
cat > "$folder/read.py" <<'PY'
import sys
import numpy as np
from pylibCZIrw import czi

for name in ("gray", "colour"):
    with czi.open_czi(f"{sys.argv[1]}/{name}.czi") as reader:
        different = np.mean(reader.read() != np.load(f"{sys.argv[1]}/{name}.npy"))
    print(name, "equal" if different == 0 else f"differs in {different:.0%}")
PY
for version in 6.1.0 5.0.0; do
    "$python" -m venv "$folder/$version"
    "$folder/$version/bin/pip" -q install "pylibCZIrw==$version" "numpy<3"
done
"$folder/6.1.0/bin/python" "$folder/write.py" "$folder"
new=$("$folder/6.1.0/bin/python" "$folder/read.py" "$folder" | tee /dev/stderr)
old=$("$folder/5.0.0/bin/python" "$folder/read.py" "$folder" | tee /dev/stderr)
[[ $old == $'gray equal\ncolour equal' && $new == $'gray equal\ncolour differs in '* ]]
