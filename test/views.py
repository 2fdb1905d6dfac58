"""A file with two scenes, three cameras and two view layers, and what a local render makes of a view of it.

views.py -- build FILE.blend           writes the file, and a picture beside it that only the second scene reads
views.py -- render VIEW...             writes FOLDER/NNNN.exr, with every pass, for each "FOLDER|SCENE|CAMERA|LAYER|FRAMES" of the file
                                       that is open; CAMERA and LAYER may be "", and markers hold until a CAMERA was named
"""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy


def cameras(scene: Any, names: dict[str, float]) -> None:
    """Cameras around the middle, by their places."""
    for name, x in names.items():
        camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        scene.collection.objects.link(camera)
        camera.location, camera.rotation_euler = (x, -6, 0), (1.5708, 0, x / 8)
        scene.camera = scene.camera or camera


def ball(scene: Any, name: str, x: float) -> Any:
    """A thing to see, in a collection of its own."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=12, ring_count=8, location=(x, 0, 0))
    thing = bpy.context.object
    thing.name = name
    for old in list(thing.users_collection):
        old.objects.unlink(thing)
    home = bpy.data.collections.new(name)
    scene.collection.children.link(home)
    home.objects.link(thing)
    return thing


def settings(scene: Any, first: int, last: int) -> None:
    """Small and steady."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = 2, False, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 48, 32, 100
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.frame_start, scene.frame_end, scene.render.filepath = first, last, "//out/####"
    scene.view_layers[0].use_pass_z = True


def build(path: str) -> None:
    """Writes the file."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    main = bpy.context.scene
    main.name = "Main"
    world = bpy.data.worlds.new("World")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.3, 0.4, 0.6, 1)
    main.world = world
    settings(main, 1, 2)
    cameras(main, {"Left": -2, "Right": 2})
    red, blue = ball(main, "Red", -1), ball(main, "Blue", 1)
    red.keyframe_insert("location", frame=1)
    red.location.z = 1
    red.keyframe_insert("location", frame=2)
    main.view_layers[0].name = "Both"
    alone = main.view_layers.new("Alone")
    alone.layer_collection.children[blue.name].exclude = True
    for frame, name in ((1, "Right"), (2, "Left")):  # who renders by a camera must not heed them
        main.timeline_markers.new(name, frame=frame).camera = bpy.data.objects[name]
    close = bpy.data.scenes.new("Close/up")
    close.world = world
    settings(close, 5, 6)
    close.render.resolution_x = 40
    cameras(close, {"Near": 0.5})
    thing = ball(main, "Painted", 0)
    main.collection.children.unlink(bpy.data.collections["Painted"])
    close.collection.children.link(bpy.data.collections["Painted"])
    picture = bpy.data.images.new("paint", 8, 8)
    picture.pixels = [0.9, 0.2, 0.1, 1.0, 0.1, 0.8, 0.3, 1.0] * 32
    picture.filepath_raw, picture.file_format = os.path.join(os.path.dirname(path), "paint.png"), "PNG"
    picture.save()
    bpy.data.images.remove(picture)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    picture = bpy.data.images.load("//paint.png")
    material = bpy.data.materials.new("paint")
    material.use_nodes = True
    texture = material.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = picture
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    thing.data.materials.append(material)
    bpy.ops.wm.save_mainfile()


def render(*views: str) -> None:
    """Renders views."""
    for view in views:
        one(*view.split("|"))


def one(folder: str, name: str, camera: str, layer: str, frames: str) -> None:
    """Renders a view as somebody would who sets it up by hand."""
    scene = bpy.data.scenes[name]
    if bpy.context.window:
        bpy.context.window.scene = scene
    if camera:
        scene.timeline_markers.clear()
        scene.camera = bpy.data.objects[camera]
    for each in scene.view_layers:
        each.use = not layer or each.name == layer
    image = scene.render.image_settings
    if hasattr(image, "media_type"):  # Blender 5
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
    scene.render.filepath = os.path.join(folder, "####")
    for frame in map(int, frames.split()):
        scene.frame_start = scene.frame_end = frame
        bpy.ops.render.render(animation=True, scene=name)


if __name__ == "__main__":
    what, *words = sys.argv[sys.argv.index("--") + 1 :]
    if what == "build":
        build(*words)
    else:
        render(*words)
