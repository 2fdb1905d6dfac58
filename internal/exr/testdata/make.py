"""Makes the test images with Blender, so that the tests have files by another hand than their own.

Run as `blender -b --factory-startup --python make.py -- FOLDER`, or `python make.py FOLDER` with the module bpy.
Every image is tiny. Blender 5 also writes multipart.exr, a part for each pass, and interleaved.exr with the same
pixels in one part; the latter two are of another render than the rest.
"""

import array
import os
import sys

import bpy

folder = os.path.abspath(sys.argv[-1])
scene = bpy.context.scene
render = scene.render
render.engine = "CYCLES"
render.resolution_x, render.resolution_y, render.resolution_percentage = 20, 18, 100
scene.cycles.samples = 2
scene.cycles.use_denoising = False
scene.cycles.use_adaptive_sampling = False
image = render.image_settings
new = bpy.app.version >= (5, 0, 0)

layer = scene.view_layers[0]
for name in ("z", "normal", "object_index", "emit"):
    setattr(layer, "use_pass_" + name, True)


def write(name, kind, codec, depth, interleave=None):
    if new:
        image.media_type = "MULTI_LAYER_IMAGE" if kind.endswith("MULTILAYER") else "IMAGE"
    image.file_format = kind
    image.color_mode = "RGBA"
    image.color_depth = depth
    image.exr_codec = codec
    if interleave is not None:
        image.use_exr_interleave = interleave
    bpy.data.images["Render Result"].save_render(os.path.join(folder, name + ".exr"))
    if kind == "OPEN_EXR" and codec == "ZIP":  # what Blender reads again: RGBA floats, from the bottom
        again = bpy.data.images.load(os.path.join(folder, name + ".exr"))
        pixels = array.array("f", again.pixels[:])
        with open(os.path.join(folder, name + ".raw"), "wb") as f:
            pixels.tofile(f)


def crop():
    render.use_border = render.use_crop_to_border = True
    render.border_min_x, render.border_max_x = 0.25, 0.75
    render.border_min_y, render.border_max_y = 0.5, 1


bpy.ops.render.render()
if new:
    write("multipart", "OPEN_EXR_MULTILAYER", "ZIP", "32", False)
    write("interleaved", "OPEN_EXR_MULTILAYER", "ZIP", "32", True)
else:
    write("multilayer", "OPEN_EXR_MULTILAYER", "ZIP", "32")
    write("none", "OPEN_EXR_MULTILAYER", "NONE", "32")
    write("rle", "OPEN_EXR_MULTILAYER", "RLE", "32")
    write("zips", "OPEN_EXR_MULTILAYER", "ZIPS", "32")
    write("piz", "OPEN_EXR_MULTILAYER", "PIZ", "32")
    write("half", "OPEN_EXR", "ZIP", "16")
    write("dwaa", "OPEN_EXR", "DWAA", "16")
    crop()
    bpy.ops.render.render()
    write("cropped", "OPEN_EXR", "ZIP", "32")
