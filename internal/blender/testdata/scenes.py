"""Makes the small scenes of the tests: scenes.py -- FOLDER. Works under 3.4 to 5.x."""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

OUT = sys.argv[sys.argv.index("--") + 1]


def fresh() -> Any:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.context.preferences.filepaths.use_relative_paths = False
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 4
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    scene.frame_end = 50
    scene.view_layers[0].use_pass_z = True
    scene.view_layers[0].use_pass_uv = True
    scene.view_layers[0].use_pass_normal = True
    world = bpy.data.worlds.new("World")
    scene.world = world
    world.color = (0.2, 0.3, 0.5)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0, -6, 1), (1.45, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "SUN"))
    lamp.rotation_euler = (0.6, 0.3, 0)
    scene.collection.objects.link(lamp)
    return scene


def image_material(path: str) -> Any:
    material = bpy.data.materials.new("Picture")
    material.use_nodes = True
    nodes = material.node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(path)
    shader = next(n for n in nodes if n.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    return material


def cube(scene: Any, name: str = "Cube", animated: bool = True) -> Any:
    bpy.ops.mesh.primitive_cube_add()
    thing = bpy.context.object
    thing.name = name
    if animated:
        thing.rotation_euler = (0, 0, 0)
        thing.keyframe_insert("rotation_euler", frame=1)
        thing.rotation_euler = (0.3, 0.2, 3.0)
        thing.keyframe_insert("rotation_euler", frame=50)
    return thing


def save(name: str) -> str:
    path = os.path.join(OUT, name + ".blend")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=path, relative_remap=False)
    return path


def png(name: str, colour: tuple) -> str:
    path = os.path.join(OUT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    image = bpy.data.images.new(name, 8, 8)
    image.pixels = list(colour) * 64
    image.filepath_raw, image.file_format = path, "PNG"
    image.save()
    return path


def compositor(scene: Any) -> tuple:
    """The tree that composites scene, with its Render Layers node and output socket; 5.0 moved it."""
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
    layers = tree.nodes.new("CompositorNodeRLayers")
    tree.links.new(layers.outputs["Image"], end.inputs[0])
    return tree, layers


def output_node(tree: Any, folder: str, slots: list) -> Any:
    node = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(node, "file_output_items"):
        node.directory, node.file_name = folder, ""
        node.file_output_items.clear()
        for slot in slots:
            node.file_output_items.new("RGBA", slot)
        node.format.media_type = "IMAGE"
    else:
        node.base_path = folder
        node.file_slots.clear()
        for slot in slots:
            node.file_slots.new(slot)
    node.format.file_format = "PNG"
    return node


def basic() -> None:
    scene = fresh()
    thing = cube(scene)
    thing.data.materials.append(image_material(png("tex/red.png", (1, 0.2, 0.1, 1))))
    bpy.data.images[0].filepath = "//tex/red.png"
    scene.render.filepath = "//render/shot_###"
    scene.view_layers.new("Second").use_pass_z = True
    tree, layers = compositor(scene)
    first = output_node(tree, "//passes/a/", ["image", "deep/z_##"])
    tree.links.new(layers.outputs["Image"], first.inputs[0])
    tree.links.new(layers.outputs["Image"], first.inputs[1])
    # a second node that writes the same names into the same folder, inside a group
    inner = bpy.data.node_groups.new("Inner", "CompositorNodeTree")
    hidden = output_node(inner, "//passes/a/", ["image"])
    enter = inner.nodes.new("NodeGroupInput")
    if hasattr(inner, "interface"):
        inner.interface.new_socket("Image", in_out="INPUT", socket_type="NodeSocketColor")
    else:
        inner.inputs.new("NodeSocketColor", "Image")
    inner.links.new(enter.outputs[0], hidden.inputs[0])
    group = tree.nodes.new("CompositorNodeGroup")
    group.node_tree = inner
    tree.links.new(layers.outputs["Image"], group.inputs[0])
    save("basic")
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    scene.cycles.samples = 1
    save("large")


def plain() -> None:
    scene = fresh()
    cube(scene)
    scene.render.filepath = "//plain_"
    scene.render.use_overwrite = False
    scene.render.use_placeholder = True
    scene.render.use_persistent_data = True
    save("plain")
    scene.cycles.samples = 100000
    scene.cycles.use_adaptive_sampling = False
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    save("slow")
    bpy.data.objects.remove(scene.camera)
    save("nocam")


def movie() -> None:
    scene = fresh()
    cube(scene)
    scene.render.filepath = "//film/movie.mp4"
    if hasattr(scene.render.image_settings, "media_type"):
        scene.render.image_settings.media_type = "VIDEO"
    else:
        scene.render.image_settings.file_format = "FFMPEG"
    save("movie")


def stereo() -> None:
    scene = fresh()
    cube(scene)
    scene.render.use_multiview = True
    scene.render.filepath = "//stereo_"
    scene.render.image_settings.views_format = "INDIVIDUAL"
    save("stereo")


def falling() -> None:
    scene = fresh()
    thing = cube(scene, animated=False)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.rigidbody.world_add()
    bpy.ops.rigidbody.object_add()
    thing.location = (0, 0, 1)
    save("falling")


def chasing() -> None:
    """A driver that adds to what it reads: each evaluation moves the cube."""
    scene = fresh()
    driver = cube(scene).driver_add("location", 2).driver
    variable = driver.variables.new()
    variable.name, variable.targets[0].id, variable.targets[0].data_path = "var", bpy.data.objects["Cube"], "location.z"
    driver.expression = "var + 0.1"
    save("chasing")


def floats() -> None:
    """Scenes whose own output is EXR."""
    scene = fresh()
    cube(scene)
    scene.render.resolution_x, scene.render.resolution_y = 800, 450
    image = scene.render.image_settings
    image.file_format = "OPEN_EXR"
    scene.render.filepath = "//float_"
    save("float")
    image.file_format = "PNG"
    save("byte")
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format = "OPEN_EXR_MULTILAYER"
    image.color_depth, image.exr_codec = "32", "ZIP"
    if hasattr(image, "use_exr_interleave"):
        image.use_exr_interleave = True
    save("layers")


def libraries() -> None:
    """main links Mid from mid.blend, which links a material from inner/deep.blend with its picture: all absolute."""
    scene = fresh()
    deep = cube(scene, "Deep")
    deep.data.materials.append(image_material(png("lib/tex/green.png", (0.1, 0.9, 0.2, 1))))
    deep_path = save("lib/inner/deep")
    scene = fresh()
    with bpy.data.libraries.load(deep_path, link=True, relative=False) as (_, want):
        want.materials = ["Picture"]
    mid = cube(scene, "Mid")
    mid.data.materials.append(bpy.data.materials["Picture"])
    mid_path = save("lib/mid")
    scene = fresh()
    with bpy.data.libraries.load(mid_path, link=True, relative=False) as (_, want):
        want.objects = ["Mid"]
    scene.collection.objects.link(bpy.data.objects["Mid"])
    scene.render.filepath = "//linked_"
    save("main/linked")


def workbench() -> None:
    scene = fresh()
    cube(scene)
    scene.render.engine = "BLENDER_WORKBENCH"
    save("workbench")


def scripted() -> None:
    scene = fresh()
    cube(scene)
    text = bpy.data.texts.new("start.py")
    text.write("import bpy\nprint('the scene ran its script')\nbpy.data.objects['Cube'].scale = (2, 2, 2)\n")
    text.use_module = True
    save("scripted")


RAISES = """import bpy
def early(scene, *rest):
    if scene.frame_current == 2:
        raise ValueError("two is too many")
bpy.app.handlers.frame_change_pre.append(early)
nosuchname
"""


def raising() -> None:
    """Scripts that raise when the scene is opened and in a handler, one that is no Python, and drivers that do not work."""
    scene = fresh()
    thing = cube(scene)
    for name, source in (("turn.py", RAISES), ("odd.py", "1 +\n")):
        text = bpy.data.texts.new(name)
        text.write(source)
        text.use_module = True
    for index, expression in enumerate(("nosuch(frame)", "int(6) // (frame - 3)", "frame + 1")):
        curve = thing.driver_add("location", index)
        curve.driver.expression = expression
    save("raising")


def lost() -> None:
    """One picture that is shown is not there; nor are the first of a sequence, a text, and a picture that nobody shows."""
    scene = fresh()
    thing = cube(scene)
    paths = {name: png(f"lost/{name}.png", (0.5, 0.5, 0.5, 1)) for name in ("shown", "unused", "wave_1", "wave_2")}
    for name in ("shown", "wave_1"):
        thing.data.materials.append(image_material(paths[name]))
    next(image for image in bpy.data.images if image.filepath == paths["wave_1"] and image.users).source = "SEQUENCE"
    bpy.data.images.load(paths["unused"]).use_fake_user = True
    bpy.data.texts.new("notes").filepath = os.path.join(OUT, "lost", "notes.txt")
    save("lost/lost")
    for name in ("shown", "unused", "wave_1"):
        os.unlink(paths[name])


for make in (basic, plain, movie, stereo, falling, chasing, floats, libraries, workbench, scripted, raising, lost):
    make()
