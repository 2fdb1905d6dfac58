"""Makes a local render write what the farm keeps: a multilayer EXR of every pass, 32-bit float.

Run as `blender -b FILE.blend --python multilayer.py -- FOLDER FRAME...`: each frame is rendered by itself and written
to FOLDER/NNNN.exr; the scene is not saved.
"""

import os
import sys

import bpy

folder, *frames = sys.argv[sys.argv.index("--") + 1 :]
render = bpy.context.scene.render
# Several threads do not always give the same last bit twice (docs/blender-facts.md).
render.threads_mode, render.threads = "FIXED", 1
image = render.image_settings
if hasattr(image, "media_type"):  # Blender 5
    image.media_type = "MULTI_LAYER_IMAGE"
image.file_format = "OPEN_EXR_MULTILAYER"
image.color_depth = "32"
image.views_format = "MULTIVIEW"
image.exr_codec = "ZIP"
if hasattr(image, "use_exr_interleave"):
    image.use_exr_interleave = True
render.use_overwrite = True
render.filepath = os.path.join(folder, "####")
for frame in map(int, frames):
    bpy.context.scene.frame_start = bpy.context.scene.frame_end = frame
    bpy.ops.render.render(animation=True)
