#!/bin/sh
# Makes the test images of kinds that Blender does not write, with OpenImageIO and the tools of OpenEXR, from what
# make.py made.
set -eu
cd "$(dirname "$0")"
oiiotool half.exr --attrib openexr:lineOrder decreasingY -o decreasing.exr
oiiotool half.exr --tile 8 8 --compression zip -o tiled.exr
exrmaketiled -m -t 4 8 -z zip half.exr mip.exr
exrmaketiled -r -u -t 8 4 -z piz half.exr rip.exr
exrmultipart -combine -i half.exr::pixels mip.exr::levels -o mixed.exr
