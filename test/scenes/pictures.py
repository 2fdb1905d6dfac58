"""A scene that reads pictures of every kind, each of which changes the result: project/pictures.blend.

Single pictures, sequences, tiles, movies (one packed), in shaders, textures, the world, geometry nodes and the
compositor; a movie clip, a font, an IES profile; OSL with a file it includes where Blender has OSL.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=6, samples=1, size="64x36")


def shaders(board: kinds.Board) -> None:
    """What a material shows: a picture, a sequence that repeats, tiles, a movie, a packed movie, a picture in a group."""
    board.picture("still.png", 0.1)
    kinds.shown(board.card("Still"), board.image("still.png"))
    for number in range(11, 15):
        board.picture(f"loop/loop_{number:03}.png", number / 5)
    node = kinds.shown(board.card("Loop"), board.image("loop/loop_011.png", "SEQUENCE"))
    kinds.timing(node.image_user, 4, 10)
    node.image_user.use_cyclic = True
    for tile in (1001, 1002):
        board.picture(f"tiles/skin.{tile}.png", tile / 3)
    tiles = board.image("tiles/skin.1001.png")
    tiles.source, tiles.filepath = "TILED", board.stored("tiles/skin.<UDIM>.png")
    tiles.tiles.new(1002)
    card = board.card("Tiles")
    for corner in card.data.uv_layers[0].data:
        corner.uv[0] *= 2
    kinds.shown(card, tiles)
    for name, hue in (("film.mp4", 0.2), ("packed.mp4", 0.7)):
        kinds.movie(board, name, want.frames, hue)
        film = board.image(name, "MOVIE")
        kinds.timing(kinds.shown(board.card(name), film).image_user, want.frames)
        if name == "packed.mp4":
            film.pack()
    board.picture("grouped.png", 0.5)
    group = bpy.data.node_groups.new("Group", "ShaderNodeTree")
    if hasattr(group, "interface"):
        group.interface.new_socket("Color", in_out="OUTPUT", socket_type="NodeSocketColor")
    else:
        group.outputs.new("NodeSocketColor", "Color")
    inside, end = group.nodes.new("ShaderNodeTexImage"), group.nodes.new("NodeGroupOutput")
    inside.image = board.image("grouped.png")
    group.links.new(inside.outputs["Color"], end.inputs[0])
    tree, _, colour = kinds.glowing(board.card("Grouped"), "Grouped")
    node = tree.nodes.new("ShaderNodeGroup")
    node.node_tree = group
    tree.links.new(node.outputs[0], colour)


def moved(board: kinds.Board) -> None:
    """A sequence in a texture that moves a mesh, and one that geometry nodes read."""
    for number in range(1, want.frames + 1):
        grey = (number / 8,) * 3
        stage.png(board.path(f"bumps/bump{number}.png"), 4, 4, functools.partial(lambda level, x, y: level, grey))
    texture = bpy.data.textures.new("Bumps", "IMAGE")
    texture.image = board.image("bumps/bump1.png", "SEQUENCE")
    kinds.timing(texture.image_user, want.frames)
    card = board.card("Bumps", 0.5)
    _, _, colour = kinds.glowing(card, "Bumps")
    colour.default_value = (1, 1, 1, 1)
    push = card.modifiers.new("Push", "DISPLACE")
    push.texture, push.texture_coords, push.direction, push.strength, push.mid_level = texture, "UV", "Z", 0.4, 0.2
    for number in range(1, want.frames + 1):
        board.picture(f"nodes/n{number}.png", number / 4)
    card = board.card("Nodes")
    tree = bpy.data.node_groups.new("Nodes", "GeometryNodeTree")
    if hasattr(tree, "interface"):
        for side in ("INPUT", "OUTPUT"):
            tree.interface.new_socket("Geometry", in_out=side, socket_type="NodeSocketGeometry")
    else:
        tree.inputs.new("NodeSocketGeometry", "Geometry")
        tree.outputs.new("NodeSocketGeometry", "Geometry")
    begin, end, store, sample, time = (
        tree.nodes.new(kind)
        for kind in (
            "NodeGroupInput",
            "NodeGroupOutput",
            "GeometryNodeStoreNamedAttribute",
            "GeometryNodeImageTexture",
            "GeometryNodeInputSceneTime",
        )
    )
    store.data_type, store.domain = "FLOAT_COLOR", "CORNER"
    store.inputs["Name"].default_value = "seen"
    sample.inputs["Image"].default_value = board.image("nodes/n1.png", "SEQUENCE")
    for source, sink in (
        (begin.outputs[0], store.inputs["Geometry"]),
        (store.outputs[0], end.inputs[0]),
        (time.outputs["Frame"], sample.inputs["Frame"]),
        (sample.outputs["Color"], next(one for one in store.inputs if one.type == "RGBA" and one.enabled)),
    ):
        tree.links.new(source, sink)
    card.modifiers.new("Nodes", "NODES").node_group = tree
    inside, _, colour = kinds.glowing(card, "Nodes")
    attribute = inside.nodes.new("ShaderNodeAttribute")
    attribute.attribute_name = "seen"
    inside.links.new(attribute.outputs["Color"], colour)


def lights(board: kinds.Board) -> None:
    """A world with a picture, and a lamp with an IES profile that lights a card."""
    board.picture("sky.png", 0.6)
    stage.world(board.scene, (0, 0, 0))
    board.scene.world.cycles.sampling_method = "NONE"  # or its map takes seconds
    tree = board.scene.world.node_tree
    sky = tree.nodes.new("ShaderNodeTexEnvironment")
    sky.image = board.image("sky.png")
    tree.links.new(sky.outputs["Color"], next(n for n in tree.nodes if n.type == "BACKGROUND").inputs["Color"])
    with open(board.path("lamp.ies"), "w", encoding="ascii") as file:
        file.write("IESNA:LM-63-1995\nTILT=NONE\n1 1000 1 3 1 1 2 0 0 0\n1 1 100\n0 45 90\n0\n1000 300 10\n")
    card = board.card("Lit")
    card.data.materials.append(stage.material("Lit", (1, 1, 1), 1)[0])
    x, y, z = card.location
    lamp = stage.lamp(board.scene, "Lamp", "POINT", (x, y - 0.4, z), (x, y, z), 0.02)
    lamp.data.shadow_soft_size = 0
    lamp.data.use_nodes = True
    tree = lamp.data.node_tree
    profile = tree.nodes.new("ShaderNodeTexIES")
    profile.mode, profile.filepath = "EXTERNAL", board.stored("lamp.ies")
    shine = next(node for node in tree.nodes if node.type == "EMISSION")
    tree.links.new(profile.outputs[0], shine.inputs["Strength"])


def letters(board: kinds.Board) -> None:
    """Words in a font of the artist's."""
    words = bpy.data.curves.new("Words", "FONT")
    words.body, words.align_x, words.align_y, words.size = "iWi", "CENTER", "CENTER", 0.8
    words.font = kinds.font(board, "letters")
    thing = stage.add(board.scene, "Words", words, board.place())
    thing.rotation_euler[0] = 1.5707963
    kinds.glowing(thing, "Words")


def osl(board: kinds.Board) -> None:
    """A shader script beside the .blend that includes another file and reads a picture."""
    with open(board.path("osl/stripes.osl"), "w", encoding="ascii") as file:
        file.write('#include "parts/level.h"\nshader stripes(string Map = "", output color Result = 0)\n')
        file.write("{ Result = LEVEL * color(1, u, 0) + color(texture(Map, u, v)); }\n")
    with open(board.path("osl/parts/level.h"), "w", encoding="ascii") as file:
        file.write("#define LEVEL 0.5\n")
    picture = board.picture("osl/map.png", 0.8)
    board.scene.cycles.shading_system = True
    tree, _, colour = kinds.glowing(board.card("Script"), "Script")
    script = tree.nodes.new("ShaderNodeScript")
    script.mode, script.filepath = "EXTERNAL", board.stored("osl/stripes.osl")
    if "Map" not in script.inputs:  # the module cannot ask the compiled script for them
        script.inputs.new("NodeSocketString", "Map")
        script.outputs.new("NodeSocketColor", "Result")
    script.inputs["Map"].default_value = picture
    tree.links.new(script.outputs["Result"], colour)


def compositor(board: kinds.Board) -> None:
    """Pictures, sequences, a movie and two clips laid over the picture."""
    tree, last, end = kinds.compositor(board.scene)
    board.picture("comp/logo.png", 0.9)
    for number in range(1, want.frames + 1):
        board.picture(f"comp/run_{number:04}.png", number / 6)
        board.picture(f"clip/shot{number:04}.png", number / 6 + 0.1)
    kinds.movie(board, "comp/film.mp4", want.frames, 0.4)
    kinds.movie(board, "clip/film.mp4", want.frames, 0.5)
    sources = []
    for name, source in (("comp/logo.png", "FILE"), ("comp/run_0001.png", "SEQUENCE"), ("comp/film.mp4", "MOVIE")):
        node = tree.nodes.new("CompositorNodeImage")
        node.image = board.image(name, source)
        if source != "FILE":
            kinds.timing(node, want.frames)
        sources.append(node)
    for name in ("clip/shot0001.png", "clip/film.mp4"):
        node = tree.nodes.new("CompositorNodeMovieClip")
        node.clip = bpy.data.movieclips.load(os.path.join(board.project, *name.split("/")))
        node.clip.filepath = board.stored(name)
        sources.append(node)
    for index, node in enumerate(sources):
        last = kinds.over(tree, last, _small(tree, node), 12 * index - 24)
    tree.links.new(last, end)


def _small(tree: Any, node: Any) -> Any:
    """A node's picture, not larger than 8 pixels."""
    scale = tree.nodes.new("CompositorNodeScale")
    if node.bl_idname == "CompositorNodeImage" and node.image.source != "MOVIE" or "shot" in getattr(
        getattr(node, "clip", None), "filepath", ""
    ):
        return node.outputs["Image"]
    for name in ("X", "Y"):
        scale.inputs[name].default_value = 0.25
    tree.links.new(node.outputs["Image"], scale.inputs["Image"])
    return scale.outputs["Image"]


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/pictures")
    board = kinds.Board(scene, want)
    shaders(board)
    moved(board)
    lights(board)
    letters(board)
    if bpy.app.build_options.cycles_osl:
        osl(board)
    compositor(board)
    stage.stamp(scene, "pictures")
    return stage.save(want, "project/pictures")


stage.finish(main())
