"""What "blender -b FILE -f N" does, for installs that are only a module: cold.py -- FILE FRAME FOLDER own|exr.

Under an executable it only changes the settings; -f follows on the command line.
"""

from __future__ import annotations

import os
import sys

import bpy

path, frame, folder, what = sys.argv[sys.argv.index("--") + 1 :]
bpy.ops.wm.open_mainfile(filepath=path)
scene = bpy.context.scene
if what == "exr":
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format = "OPEN_EXR_MULTILAYER"
    image.color_depth, image.exr_codec = "32", "ZIP"
    image.views_format = "MULTIVIEW"
    if hasattr(image, "use_exr_interleave"):
        image.use_exr_interleave = True
    scene.render.filepath = os.path.join(folder, "exr_")
else:
    scene.render.filepath = os.path.join(folder, os.path.basename(scene.render.filepath))
scene.render.use_overwrite = True
tree = getattr(scene, "compositing_node_group", None) or getattr(scene, "node_tree", None)
if tree is not None:
    for node in tree.nodes:
        if node.bl_idname == "CompositorNodeOutputFile":
            for name in ("base_path", "directory"):
                if hasattr(node, name):
                    setattr(node, name, os.path.join(folder, "node") + os.sep)
if not bpy.app.binary_path:
    scene.frame_start = scene.frame_end = int(frame)
    bpy.ops.render.render(animation=True)
