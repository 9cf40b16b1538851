#!/usr/bin/env bash
# An OME-TIFF of which a file is missing is read as an image with black planes, and a position of which the file is
# missing vanishes, so that the ones behind it move up.
#
# Microscopes write an image as several files (a plane, a point in time or a position each), and every file lists all.
# Where one was renamed, lost or is not written yet, tifffile fills its planes with zeros and returns the full shape;
# that is said in its log alone. Where all planes of one image of the list are missing, that image is left out of
# `series`: series[1] is then what the list calls image 2. A file cut off in its chain of pages loses its last pages
# in the same way: `imread` returns a shorter stack.
#
# Versions: tifffile 2026.3.3 (Python 3.11).
# Seen:     planes: shape (3, 40, 50), the second one all zeros; positions: 2 series, the second one named pos2;
#           cut: 4 of 6 pages, no exception
# Source:   run here; `_series_ome` and `TiffPages._seek` of tifffile.
# Exits with 0 while this is so, with 1 once it is not.
set -euo pipefail
python=${PYTHON311:-$(command -v python3.11 || ls ~/.pyenv/versions/3.11.*/bin/python | head -1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install tifffile==2026.3.3 "numpy<3"
cd "$folder"
venv/bin/python - 2> log <<'PY'
import numpy as np, tifffile

P = np.random.default_rng(0).integers(1, 65536, (6, 40, 50)).astype(np.uint16)
uuid = "urn:uuid:00000000-0000-0000-0000-{:012}".format
place = '<TiffData FirstZ="{}" IFD="0" PlaneCount="1"><UUID FileName="{}">{}</UUID></TiffData>'.format
image = ('<Image ID="Image:{0}" Name="pos{0}"><Pixels ID="Pixels:{0}" DimensionOrder="XYZCT" Type="uint16" SizeX="50" '
         'SizeY="40" SizeC="1" SizeZ="{1}" SizeT="1"><Channel ID="Channel:{0}:0" SamplesPerPixel="1"/>{2}</Pixels></Image>').format

def write(name, number, body):
    head = f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid(number)}">'
    tifffile.imwrite(name, P[number], description=f"{head}{body}</OME>", metadata=None)

for number in (0, 2):  # the file of plane or position 1 is missing
    write(f"z{number}.ome.tif", number, image(0, 3, "".join(place(z, f"z{z}.ome.tif", uuid(z)) for z in range(3))))
    write(f"p{number}.ome.tif", number, "".join(image(p, 1, place(0, f"p{p}.ome.tif", uuid(p))) for p in range(3)))
stack = tifffile.imread("z0.ome.tif")
print("planes:", stack.shape, "all zeros:", [z for z in range(3) if not stack[z].any()])
names = [each.name for each in tifffile.TiffFile("p0.ome.tif").series]
print("positions:", names)
tifffile.imwrite("stack.tif", P, metadata=None, compression="zlib")
data = open("stack.tif", "rb").read()
open("cut.tif", "wb").write(data[: len(data) * 2 // 3])
pages = len(tifffile.TiffFile("cut.tif").pages)
print("cut:", pages, "of 6 pages")
assert stack.shape == (3, 40, 50) and not stack[1].any() and stack[2].any()
assert names == ["pos0", "pos2"] and pages < 6
PY
