"""Makes the scenes of the tests of parts of a frame: parts.py -- FOLDER. Works under 3.4 to 5.x."""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

OUT = sys.argv[sys.argv.index("--") + 1]


def fresh(engine: str = "CYCLES") -> Any:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.filepaths.save_version = 0
    scene = bpy.context.scene
    render = scene.render
    render.engine = engine
    scene.cycles.samples = 6
    scene.cycles.use_denoising = False
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.adaptive_min_samples = 2
    if bpy.app.version >= (4, 0, 0) and not hasattr(scene.cycles, "use_sample_subset"):
        scene.cycles.sampling_pattern = "TABULATED_SOBOL"  # the default is another pattern for each number of samples
    render.resolution_x, render.resolution_y, render.resolution_percentage = 221, 100, 29  # 64 x 29
    scene.world = bpy.data.worlds.new("World")
    scene.world.color = (0.2, 0.3, 0.5)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0, -6, 1), (1.45, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "SUN"))
    lamp.rotation_euler = (0.6, 0.3, 0)
    scene.collection.objects.link(lamp)
    for number, place in enumerate(((-1.2, 0, 0), (1.2, 0.5, 0.3))):
        bpy.ops.mesh.primitive_cube_add(location=place)
        thing = bpy.context.object
        thing.name, thing.pass_index = f"Thing {number}", number + 3
        thing.rotation_euler = (0.3, 0.2, 0.5)
        thing.keyframe_insert("rotation_euler", frame=1)
        thing.rotation_euler = (1.3, 0.2, 2.5)
        thing.keyframe_insert("rotation_euler", frame=9)
        material = bpy.data.materials.new(f"Paint {number}")
        material.use_nodes = True
        shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
        shader.inputs["Base Color"].default_value = (0.8, 0.3 * number, 0.1, 1)
        shader.inputs["Roughness"].default_value = 0.2
        value = material.node_tree.nodes.new("ShaderNodeOutputAOV")
        if hasattr(value, "aov_name"):
            value.aov_name = "Mark"
        else:
            value.name = "Mark"
        value.inputs["Value"].default_value = number + 0.25
        thing.data.materials.append(material)
    bpy.ops.mesh.primitive_plane_add(size=20, location=(0, 0, -1))
    passes(scene.view_layers[0])
    second = scene.view_layers.new("Second")
    second.use_pass_z = second.use_pass_vector = True
    return scene


def passes(layer: Any) -> None:
    for name in ("z", "normal", "uv", "mist", "vector", "position", "object_index", "diffuse_direct", "diffuse_color", "glossy_indirect",
                 "environment", "ambient_occlusion", "cryptomatte_object", "cryptomatte_material"):  # fmt: skip
        if hasattr(layer, "use_pass_" + name):
            setattr(layer, "use_pass_" + name, True)
    layer.pass_cryptomatte_depth = 2
    aov = layer.aovs.add()
    aov.name, aov.type = "Mark", "VALUE"


def compositor(scene: Any) -> None:
    """The picture is brightened; a File Output node writes two passes."""
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        scene.compositing_node_group = tree
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        end = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        end = tree.nodes.new("CompositorNodeComposite")
    first, second = (tree.nodes.new("CompositorNodeRLayers") for _ in range(2))
    second.layer = "Second"
    blur = tree.nodes.new("CompositorNodeBlur")
    if "Size" in blur.inputs and blur.inputs["Size"].type == "VECTOR":
        blur.inputs["Size"].default_value = (5, 5)
    else:
        blur.size_x = blur.size_y = 5
    tree.links.new(first.outputs["Image"], blur.inputs["Image"])
    tree.links.new(blur.outputs["Image"], end.inputs[0])
    node = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(node, "file_output_items"):
        node.directory, node.file_name = "//passes/", ""
        node.file_output_items.clear()
        node.file_output_items.new("RGBA", "mark")
        node.file_output_items.new("RGBA", "second")
        node.format.media_type = "IMAGE"
    else:
        node.base_path = "//passes/"
        node.file_slots.clear()
        node.file_slots.new("mark")
        node.file_slots.new("second")
    node.format.file_format = "OPEN_EXR"
    node.format.color_depth = "32"
    tree.links.new(first.outputs["Mark"], node.inputs[0])
    tree.links.new(second.outputs["Image"], node.inputs[1])


def save(name: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(OUT, name + ".blend"), relative_remap=False)


scene = fresh()
compositor(scene)
scene.render.filepath = "//shot_###"
save("passes")
scene.cycles.use_adaptive_sampling, scene.cycles.adaptive_threshold = True, 0.5
save("adaptive")
scene.cycles.samples = 32  # below 16 none is left out
save("many adaptive")
scene.cycles.use_adaptive_sampling = False
save("many")
scene.cycles.samples = 6
scene.cycles.use_adaptive_sampling = False
scene.cycles.use_denoising = True
scene.view_layers["Second"].cycles.use_denoising = False
save("denoised")
scene.cycles.time_limit = 60
save("limited")
scene.cycles.time_limit = 0
scene.cycles.use_denoising = False
scene.render.use_border = True
scene.render.border_min_x, scene.render.border_max_x = 0.13, 0.87
scene.render.border_min_y, scene.render.border_max_y = 0.21, 0.9
save("border")
scene.render.use_crop_to_border = True
save("crop")
scene.render.use_border = scene.render.use_crop_to_border = False
scene.render.use_multiview = True
scene.render.image_settings.views_format = "INDIVIDUAL"
save("views")
scene.render.use_multiview = False
scene.render.engine = "BLENDER_WORKBENCH"
save("workbench")
scene.render.engine = "CYCLES"
beside = bpy.data.scenes.new("Beside")  # the compositor shows it, with a thing that is in both
beside.render.engine, beside.cycles.samples, beside.cycles.use_denoising = "CYCLES", 1, False
beside.render.resolution_x, beside.render.resolution_y, beside.render.resolution_percentage = 221, 100, 29
beside.camera, beside.render.film_transparent = scene.camera, True
for thing in (scene.camera, bpy.data.objects["Thing 0"]):
    beside.collection.objects.link(thing)
tree = getattr(scene, "compositing_node_group", None) or scene.node_tree
shown = tree.nodes.new("CompositorNodeRLayers")
shown.scene = beside
tree.links.new(shown.outputs["Alpha"], next(n for n in tree.nodes if n.bl_idname == "CompositorNodeOutputFile").inputs[1])
save("beside")
scene.render.use_freestyle = scene.view_layers[0].use_freestyle = True
save("freestyle")
scene.render.use_freestyle = False
editor = scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
fade = {"length": 9} if bpy.app.version >= (5, 0, 0) else {"frame_end": 10}
strips.new_effect("Grey", "COLOR", 1, 1, **fade)
save("strips")
