"""A scene that reads a file of every kind that is easily forgotten: project/traps.blend.

Most of the files only have the right names: the scene is there to be collected and opened, not to be looked at.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
import wave
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage

want = stage.settings(__doc__ or "", frames=10, samples=1, size="64x36")


def file(path: str, data: bytes = b"nothing\n") -> str:
    """Writes project/path."""
    whole = os.path.join(want.out, "project", *path.split("/"))
    os.makedirs(os.path.dirname(whole), exist_ok=True)
    with open(whole, "wb") as out:
        out.write(data)
    return whole


def png(path: str) -> str:
    """Writes a small picture to project/path."""
    return stage.png(os.path.join(want.out, "project", *path.split("/")), 4, 4, lambda x, y: (x, y, 0.5))


def image(path: str, source: str = "FILE") -> Any:
    """An image datablock of a picture that is made now."""
    block = bpy.data.images.load(png(path))
    block.filepath, block.source = "//" + path, source
    return block


def pictures(box: Any) -> None:
    """A sequence that repeats, tiles of which one is lost, a packed picture, one that nothing uses."""
    made, shader = stage.material("Pictures", (1, 1, 1))
    box.data.materials.append(made)
    for number in (11, 12, 14, 99):
        png(f"loop/loop_{number:03}.png")
    user = stage.picture(made, shader, image("loop/loop_011.png", "SEQUENCE")).image_user
    user.frame_start, user.frame_duration, user.frame_offset = 1, 4, 10  # the 13th is lost
    user.use_cyclic = user.use_auto_refresh = True
    tiles = image("tiles/skin.1001.png")
    png("tiles/skin.1002.png")
    tiles.source, tiles.filepath = "TILED", "//tiles/skin.<UDIM>.png"
    for number in (1002, 1011):
        tiles.tiles.new(number)
    stage.picture(made, shader, tiles)
    inside = image("packed.png")
    inside.pack()
    stage.picture(made, shader, inside)
    lost = image("unused.png")
    lost.use_fake_user = True
    for path in ("packed.png", "unused.png"):
        os.remove(os.path.join(want.out, "project", path))


def shading(scene: Any, box: Any) -> None:
    """A lamp with an IES profile, a shader script."""
    light = stage.lamp(scene, "Lamp", "POINT", (2, -2, 3), (0, 0, 0), 100)
    light.data.use_nodes = True
    profile = light.data.node_tree.nodes.new("ShaderNodeTexIES")
    file("lamp.ies")
    profile.mode, profile.filepath = "EXTERNAL", "//lamp.ies"
    script = box.data.materials[0].node_tree.nodes.new("ShaderNodeScript")
    file("stripes.osl", b"shader stripes(output color c = 0) {}\n")
    script.mode, script.filepath = "EXTERNAL", "//stripes.osl"


def sounds_and_strips(scene: Any) -> None:
    """A font, a sound, a movie clip made of pictures, and strips in the sequencer."""
    fonts = bpy.utils.system_resource("DATAFILES", path="fonts")
    found = next(
        path for path in sorted(glob.glob(os.path.join(fonts, "*"))) if os.path.splitext(path)[1] in {".ttf", ".woff2"}
    )
    target = file("letters" + os.path.splitext(found)[1])
    shutil.copyfile(found, target)
    words = bpy.data.curves.new("Words", "FONT")
    words.font = bpy.data.fonts.load(target)
    stage.add(scene, "Words", words)
    with wave.open(file("bell.wav"), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(1600))
    speaker = bpy.data.speakers.new("Speaker")
    speaker.sound = bpy.data.sounds.load(os.path.join(want.out, "project", "bell.wav"))
    speaker.sound.filepath = "//bell.wav"
    stage.add(scene, "Speaker", speaker)
    for number in range(1, 13):
        png(f"clip/shot{number:04}.png")
    clip = bpy.data.movieclips.load(os.path.join(want.out, "project", "clip", "shot0001.png"))
    clip.filepath, clip.frame_start = "//clip/shot0001.png", 3
    eye = scene.camera.data
    eye.show_background_images = True
    background = eye.background_images.new()
    background.source, background.clip = "MOVIE_CLIP", clip
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_image("Titles", png("strips/title_1.png"), 1, 3)
    png("strips/title_2.png")
    strip.directory = "//strips/"
    strip.elements.append("title_2.png")


def caches(scene: Any, box: Any) -> None:
    """Volumes, a mesh cache, simulations kept on disk."""
    volume = bpy.data.volumes.new("Smoke")
    for number in range(1, 9):
        file(f"smoke/smoke_{number:02}.vdb")
    volume.filepath, volume.is_sequence = "//smoke/smoke_01.vdb", True
    volume.frame_start, volume.frame_duration, volume.sequence_mode = 5, 8, "CLIP"
    stage.add(scene, "Smoke", volume)
    still = bpy.data.volumes.new("Cloud")
    file("cloud.vdb")
    still.filepath = "//cloud.vdb"
    stage.add(scene, "Cloud", still)
    mesh_cache = box.modifiers.new("Mesh cache", "MESH_CACHE")
    file("box.mdd")
    mesh_cache.cache_format, mesh_cache.filepath = "MDD", "//box.mdd"
    cloth = box.modifiers.new("Cloth", "CLOTH")
    cloth.point_cache.use_disk_cache = True
    for frame in (1, 4, 7):
        file(f"blendcache_traps/426F78_{frame:06}_00.bphys")
    tank = stage.add(scene, "Tank", stage.cube("Tank", 3))
    fluid = tank.modifiers.new("Fluid", "FLUID")
    fluid.show_viewport = False  # or Blender would read the cache, which has no real one's contents
    fluid.fluid_type = "DOMAIN"
    fluid.domain_settings.cache_directory = "//cache_fluid"
    for frame in (1, 2):
        file(f"cache_fluid/data/fluid_data_{frame:04}.vdb")
        file(f"cache_fluid/config/config_{frame:04}.uni")


def geometry_nodes(box: Any) -> None:
    """A bake of geometry nodes, and a node that imports a file (4.5)."""
    modifier = box.modifiers.new("Nodes", "NODES")
    if hasattr(modifier, "bake_directory"):
        modifier.bake_directory = "//bakes"
        file("bakes/1/meta/00001_00000.json")
        file("bakes/1/blobs/00001_00000.blob")
    if hasattr(bpy.types, "GeometryNodeImportSTL"):
        tree = bpy.data.node_groups.new("Import", "GeometryNodeTree")
        modifier.node_group = tree
        file("part.stl")
        tree.nodes.new("GeometryNodeImportSTL").inputs["Path"].default_value = "//part.stl"


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/traps")
    stage.world(scene, (0.4, 0.5, 0.6))
    stage.camera(scene, (0, -5, 1.6), (0, 0, 0))
    box = stage.add(scene, "Box", stage.cube("Box", 1.5))
    pictures(box)
    shading(scene, box)
    sounds_and_strips(scene)
    caches(scene, box)
    geometry_nodes(box)
    notes = bpy.data.texts.new("notes")
    notes.filepath = "//notes.txt"
    stage.stamp(scene, "traps")
    return stage.save(want, "project/traps")


stage.finish(main())
