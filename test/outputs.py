"""Renders frames locally as `blender -b FILE.blend -f N` does, one by one, with every output below one folder.

Run as `blender -b FILE.blend --python outputs.py -- FOLDER FIRST-LAST`: the scene's own output and the files of its
File Output nodes keep their names and sub-folders; the scene is not saved.
"""

import os
import sys

import bpy

folder, frames = sys.argv[sys.argv.index("--") + 1 :]
first, last = map(int, frames.split("-"))
scene = bpy.context.scene
render = scene.render
render.filepath = os.path.join(folder, os.path.basename(render.filepath))
# Several threads do not always give the same last bit twice (docs/blender-facts.md).
render.threads_mode, render.threads = "FIXED", 1
tree = getattr(scene, "compositing_node_group", None) or getattr(scene, "node_tree", None)
for node in tree.nodes if tree else ():
    if node.bl_idname == "CompositorNodeOutputFile":
        attribute = "directory" if hasattr(node, "directory") else "base_path"
        name = os.path.basename(getattr(node, attribute).rstrip("/"))
        setattr(node, attribute, os.path.join(folder, name) + os.sep)
for frame in range(first, last + 1):
    scene.frame_start = scene.frame_end = frame
    bpy.ops.render.render(animation=True)
