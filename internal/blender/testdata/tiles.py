"""Renders one frame whole, in tiles and in parts of its samples, as multilayer EXR with every pass.

Arguments: the folder for the files.
"""
import itertools
import os
import sys

import bpy

OUT = sys.argv[sys.argv.index("--") + 1]
WIDTH, HEIGHT = 203, 131
# Where a plain x / WIDTH, as a float, is cut off to the pixel before.
COLUMNS, ROWS = (0, 27, 105, WIDTH), (0, 47, HEIGHT)
SAMPLES = 4


def material(name: str, index: int) -> bpy.types.Material:
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.pass_index = index
    tree = made.node_tree
    noise = tree.nodes.new("ShaderNodeTexNoise")
    tree.links.new(noise.outputs["Color"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    return made


def build() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    for index, add in enumerate((bpy.ops.mesh.primitive_plane_add, bpy.ops.mesh.primitive_monkey_add)):
        add(size=9 - 7 * index, location=(0, 0, index))
        thing = bpy.context.object
        thing.pass_index = index + 1
        thing.data.materials.append(material(thing.name, index + 3))
    bpy.ops.object.light_add(type="AREA", location=(3, -3, 5))
    bpy.context.object.data.energy = 500
    bpy.ops.object.camera_add(location=(6, -6, 4.5), rotation=(1.08, 0, 0.785))
    scene.camera = bpy.context.object
    scene.camera.data.dof.use_dof = True
    scene.camera.data.dof.focus_distance = 6
    return scene


def settings(scene: bpy.types.Scene) -> None:
    render, cycles, layer = scene.render, scene.cycles, scene.view_layers[0]
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    render.threads_mode, render.threads = "FIXED", 1
    render.use_file_extension = False
    cycles.samples, cycles.seed = SAMPLES, 3
    cycles.use_adaptive_sampling = cycles.use_denoising = False
    if "TABULATED_SOBOL" in cycles.bl_rna.properties["sampling_pattern"].enum_items:
        cycles.sampling_pattern = "TABULATED_SOBOL"
    for owner in (layer, layer.cycles):
        for prop in owner.bl_rna.properties:
            if prop.identifier.startswith("use_pass_") and not prop.is_readonly:
                setattr(owner, prop.identifier, True)
    layer.cycles.denoising_store_passes = True
    image = render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"


def write(scene: bpy.types.Scene, name: str) -> None:
    scene.render.filepath = os.path.join(OUT, name + ".exr")
    bpy.ops.render.render(write_still=True)


def edge(pixel: int, pixels: int) -> float:
    """Cycles and Blender multiply a border by the pixels of the side and cut off what is behind the point, in 32 bits."""
    return min((pixel + 0.5) / pixels, 1)


def tiles(scene: bpy.types.Scene, crop: bool) -> None:
    render = scene.render
    render.use_border, render.use_crop_to_border = True, crop
    for top, bottom in itertools.pairwise(ROWS):
        for left, right in itertools.pairwise(COLUMNS):
            render.border_min_x, render.border_max_x = edge(left, WIDTH), edge(right, WIDTH)
            render.border_min_y, render.border_max_y = edge(HEIGHT - bottom, HEIGHT), edge(HEIGHT - top, HEIGHT)
            write(scene, f"{'cropped' if crop else 'bordered'}-{left}-{top}-{right}-{bottom}")
    render.use_border = False


def samples(scene: bpy.types.Scene) -> None:
    cycles = scene.cycles
    for first, count in ((0, 1), (1, SAMPLES - 1)):
        cycles.sample_offset = first
        if hasattr(cycles, "use_sample_subset"):
            cycles.use_sample_subset, cycles.sample_subset_length = True, count
        else:
            cycles.samples = count
        write(scene, f"samples-{first}-{count}")


made = build()
settings(made)
write(made, "whole")
tiles(made, True)
tiles(made, False)
samples(made)
