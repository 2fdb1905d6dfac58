"""Changes the open scene, and writes it to a copy elsewhere as an add-on does that sends what was not saved: -- COPY"""

from __future__ import annotations

import sys

import bpy

for world in bpy.data.worlds:
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.9, 0.1, 0.1, 1)
for thing in bpy.data.objects:
    if thing.type == "LIGHT":
        thing.data.energy *= 0.5
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[sys.argv.index("--") + 1], copy=True, relative_remap=True)
