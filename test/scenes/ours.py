"""Saves the open .blend as an artist has it whose engine is the farm: ours.py -- FILE"""

import sys

import bpy


class Ours(bpy.types.RenderEngine):
    """The engine of our add-on, by its name."""

    bl_idname = "NETRENDER"
    bl_label = "Network Render"


bpy.utils.register_class(Ours)
bpy.context.scene.render.engine = "NETRENDER"
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[sys.argv.index("--") + 1], copy=True)
