"""A still life with oranges, a jug and a candle, and nearly every pass that Cycles can write: plain.blend.

It needs no other file. In 24 frames an orange rolls, the flame flickers and the camera slides.
For a picture without grain: --samples 1024 --size 960x540.
"""

from __future__ import annotations

import math
import os
import random
import sys
from collections.abc import Sequence
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage

ORANGE = 0.3  # radius
LAYER_PASSES = """
z mist position normal vector uv object_index material_index emit environment ambient_occlusion shadow
diffuse_direct diffuse_indirect diffuse_color glossy_direct glossy_indirect glossy_color
transmission_direct transmission_indirect transmission_color
cryptomatte_object cryptomatte_material cryptomatte_asset
"""


def lathe(name: str, profile: Sequence[tuple[float, float]], around: int = 64, between: int = 6) -> Any:
    """The mesh made by turning a smooth line through (radius, height) about the upright axis."""
    line = []
    ends = [profile[0], *profile, profile[-1]]
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:]):
        for step in range(between):
            t = step / between  # Catmull and Rom's curve from b to c
            line.append(
                tuple(
                    b[i]
                    + 0.5
                    * t
                    * (c[i] - a[i] + t * (2 * a[i] - 5 * b[i] + 4 * c[i] - d[i] + t * (3 * (b[i] - c[i]) + d[i] - a[i])))
                    for i in (0, 1)
                )
            )
    line.append(profile[-1])
    corners, sides = [], []
    for j, (radius, height) in enumerate(line):
        for i in range(around):
            turn = 2 * math.pi * i / around
            corners.append((max(radius, 1e-4) * math.cos(turn), max(radius, 1e-4) * math.sin(turn), height))
            if j:
                k = (i + 1) % around
                sides.append(((j - 1) * around + i, (j - 1) * around + k, j * around + k, j * around + i))
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], sides)
    layer = mesh.uv_layers.new(name="UVMap")
    for loop, corner in zip(mesh.loops, layer.data):
        corner.uv = (loop.vertex_index % around / around, loop.vertex_index // around / len(line))
    return smooth(mesh)


def smooth(mesh: Any) -> Any:
    """Shades a mesh without edges."""
    mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    return mesh


def relief(made: Any, shader: Any, size: float, depth: float) -> Any:
    """Roughens a surface by noise of size details a unit; returns the noise's node."""
    nodes, links = made.node_tree.nodes, made.node_tree.links
    noise, bump, place = (nodes.new(f"ShaderNode{kind}") for kind in ("TexNoise", "Bump", "TexCoord"))
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = size, 2
    bump.inputs["Strength"].default_value, bump.inputs["Distance"].default_value = 0.6, depth
    links.new(place.outputs["Object"], noise.inputs["Vector"])
    links.new(noise.outputs[0], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    return noise


def tinted(made: Any, shader: Any, source: Any, dark: Sequence[float], light: Sequence[float]) -> None:
    """Colours a surface between two colours by a node's first output."""
    ramp = made.node_tree.nodes.new("ShaderNodeValToRGB")
    for end, place, colour in zip(ramp.color_ramp.elements, (0.3, 0.7), (dark, light)):
        end.position, end.color = place, (*colour, 1)
    made.node_tree.links.new(source.outputs[0], ramp.inputs["Fac"])
    made.node_tree.links.new(ramp.outputs["Color"], shader.inputs["Base Color"])


def room(scene: Any) -> None:
    """A table of boards before a plastered wall."""
    wood, shader = stage.material("Wood", (1, 1, 1), 0.42)
    grain = relief(wood, shader, 1.6, 0.012)
    stretch, info, apart = (wood.node_tree.nodes.new(f"ShaderNode{kind}") for kind in ("Mapping", "ObjectInfo", "VectorMath"))
    stretch.inputs["Scale"].default_value = (0.7, 9, 9)
    place = next(node for node in wood.node_tree.nodes if node.type == "TEX_COORD")
    links = wood.node_tree.links
    links.new(place.outputs["Object"], apart.inputs[0])
    links.new(info.outputs["Location"], apart.inputs[1])  # so that no two boards look alike
    links.new(apart.outputs["Vector"], stretch.inputs["Vector"])
    links.new(stretch.outputs["Vector"], grain.inputs["Vector"])
    grain.inputs["Distortion"].default_value = 0.8
    tinted(wood, shader, grain, (0.07, 0.028, 0.012), (0.26, 0.115, 0.045))
    for index in range(-3, 5):
        board = stage.add(scene, f"Board {index + 4}", stage.cube("Board", 1), (0.37 * index, 0.62 * index, -0.06))
        board.scale = (9, 0.61, 0.12)
        board.data.materials.append(wood)
        soft = board.modifiers.new("Edges", "BEVEL")
        soft.width, soft.segments = 0.012, 2
    plaster, shader = stage.material("Plaster", (1, 1, 1), 0.9)
    tinted(plaster, shader, relief(plaster, shader, 0.9, 0.05), (0.055, 0.075, 0.085), (0.11, 0.13, 0.135))
    wall = stage.add(scene, "Wall", stage.plane("Wall", 16), (0, 3.4, 2))
    wall.rotation_euler = (math.radians(90), 0, 0)
    wall.data.materials.append(plaster)


def oranges(scene: Any, frames: int) -> Any:
    """Three in the bowl and one on the table, which rolls; returns that one."""
    peel, shader = stage.material("Peel", (0.9, 0.27, 0.02), 0.38, Coat_Weight=0.15)
    relief(peel, shader, 26, 0.012)
    stalk, _ = stage.material("Stalk", (0.12, 0.16, 0.03), 0.8)
    r = ORANGE
    body = lathe(
        "Orange",
        [
            (0, -0.97 * r),
            (0.3 * r, -0.93 * r),
            (0.74 * r, -0.66 * r),
            (r, 0),
            (0.76 * r, 0.66 * r),
            (0.32 * r, 0.92 * r),
            (0.1 * r, 0.95 * r),
            (0, 0.92 * r),
        ],
    )
    knob = lathe("Stalk", [(0, 0.9 * r), (0.11 * r, 0.93 * r), (0.1 * r, 0.97 * r), (0.03 * r, 1.0 * r), (0, 1.0 * r)], 10, 2)
    body.materials.append(peel)
    knob.materials.append(stalk)
    last: Any = None  # the one on the table
    for index, (at, turn) in enumerate(
        [
            ((0.62, 0.02, 0.5), (0.5, 0.3, 0)),
            ((1.12, 0.12, 0.5), (-0.4, 0.7, 1)),
            ((0.85, 0.5, 0.5), (0.3, -0.6, 2)),
            ((0.8, 0.2, 0.87), (0.5, -0.35, 2)),
            ((-0.05, -0.75, r * 0.97), (0.9, 0, 0)),
        ]
    ):
        last = stage.add(scene, f"Orange {index + 1}", body, at)
        last.rotation_euler = turn
        stage.add(scene, f"Stalk {index + 1}", knob).parent = last
    start = last.location.x - 0.22
    stage.animate(last, "location", [(1, (start, -0.75, r * 0.97)), (frames, (start + 0.44, -0.75, r * 0.97))])
    stage.animate(last, "rotation_euler", [(1, (0.9, -0.75, 0.2)), (frames, (0.9, -0.75 + 0.44 / r, 0.2))])
    return last


def pottery(scene: Any) -> None:
    """A glazed jug and a bowl."""
    glaze, shader = stage.material("Glaze", (1, 1, 1), 0.16, Coat_Weight=0.4)
    tinted(glaze, shader, relief(glaze, shader, 3.5, 0.006), (0.008, 0.085, 0.1), (0.025, 0.2, 0.2))
    outline = [(0, 0), (0.34, 0), (0.4, 0.03), (0.56, 0.32), (0.6, 0.62), (0.47, 1.0), (0.25, 1.3), (0.22, 1.5), (0.31, 1.68)]
    jug = stage.add(
        scene, "Jug", lathe("Jug", [*outline, (0.27, 1.68), (0.18, 1.5), (0.2, 1.3), (0.42, 1.0), (0, 0.5)]), (-0.95, 0.45, 0)
    )
    jug.data.materials.append(glaze)
    cream, shader = stage.material("Cream", (0.75, 0.66, 0.52), 0.3, Coat_Weight=0.3)
    relief(cream, shader, 5, 0.006)
    outline = [(0, 0), (0.36, 0), (0.38, 0.05), (0.34, 0.09), (0.62, 0.26), (0.86, 0.52), (0.9, 0.58)]
    bowl = stage.add(
        scene, "Bowl", lathe("Bowl", [*outline, (0.85, 0.57), (0.6, 0.32), (0.3, 0.17), (0, 0.15)]), (0.86, 0.2, 0)
    )
    bowl.data.materials.append(cream)


def branches(scene: Any) -> None:
    """Stems with round leaves in the jug."""
    leaf, shader = stage.material("Leaf", (0.11, 0.2, 0.13), 0.55)
    tinted(leaf, shader, relief(leaf, shader, 2, 0.01), (0.05, 0.12, 0.08), (0.2, 0.3, 0.2))
    bark, _ = stage.material("Bark", (0.12, 0.07, 0.04), 0.8)
    blade = bpy.data.meshes.new("Leaf")
    rim = [
        (0.13 * math.cos(a), 0.12 + 0.12 * math.sin(a), 0.04 * math.cos(a) ** 2) for a in (i * math.pi / 9 for i in range(18))
    ]
    blade.from_pydata([(0, 0.1, 0), *rim], [], [(0, i + 1, (i + 1) % 18 + 1) for i in range(18)])
    smooth(blade).materials.append(leaf)
    chance = random.Random(7)
    for number, (lean_x, lean_y, length) in enumerate(
        [(-0.75, 0.1, 1.25), (-0.25, -0.25, 1.5), (0.3, 0.2, 1.45), (0.8, -0.1, 1.15), (0.05, 0.5, 1.2)]
    ):
        points = []
        for step in range(12):
            t = step / 11
            points.append(
                (
                    -0.95 + 0.08 * lean_x + lean_x * t * t * length,
                    0.45 + lean_y * t * t * length,
                    0.9 + length * (t * 1.15 - 0.22 * t * t),
                )
            )
        curve = bpy.data.curves.new(f"Stem {number + 1}", "CURVE")
        curve.dimensions, curve.bevel_depth, curve.bevel_resolution = "3D", 0.014, 2
        stem = curve.splines.new("POLY")
        stem.points.add(len(points) - 1)
        for place, point in zip(points, stem.points):
            point.co = (*place, 1)
        curve.materials.append(bark)
        stage.add(scene, f"Stem {number + 1}", curve)
        for step, place in enumerate(points[5:]):
            for side in (0, 1):
                one = stage.add(scene, "Leaf", blade, place)
                one.rotation_euler = (
                    chance.uniform(-0.2, 0.7),
                    chance.uniform(-0.5, 0.5),
                    math.pi * side + 1.9 * step + chance.uniform(-0.4, 0.4),
                )
                one.scale = (1.15 - 0.09 * step,) * 3


def candle(scene: Any, frames: int) -> None:
    """A candle in a brass holder; its flame flickers."""
    at = (2.12, 0.75)
    brass, _ = stage.material("Brass", (0.8, 0.5, 0.18), 0.24, Metallic=1)
    wax, _ = stage.material("Wax", (0.85, 0.72, 0.5), 0.5, Emission_Color=(1, 0.42, 0.1, 1), Emission_Strength=0.12)
    glow, _ = stage.material("Flame", (0, 0, 0), 1, Emission_Color=(1, 0.5, 0.14, 1), Emission_Strength=28)
    foot = [
        (0, 0),
        (0.36, 0),
        (0.38, 0.03),
        (0.34, 0.06),
        (0.1, 0.09),
        (0.07, 0.2),
        (0.1, 0.3),
        (0.06, 0.36),
        (0.15, 0.43),
        (0.16, 0.49),
        (0, 0.48),
    ]
    stick = [(0.105, 0.46), (0.11, 1.25), (0.1, 1.31), (0.05, 1.3), (0, 1.28)]
    shape = [(0, 0), (0.035, 0.04), (0.05, 0.1), (0.035, 0.19), (0.012, 0.27), (0, 0.3)]
    for name, outline, made in (("Holder", foot, brass), ("Candle", stick, wax)):
        stage.add(scene, name, lathe(name, outline), (*at, 0)).data.materials.append(made)
    flame = stage.add(scene, "Flame", lathe("Flame", shape, 24), (*at, 1.36))
    flame.data.materials.append(glow)
    light = stage.lamp(scene, "Candle light", "POINT", (at[0], at[1] - 0.1, 1.75), (0, 0, 0), 16)
    light.data.color, light.data.shadow_soft_size = (1, 0.55, 0.22), 0.08
    chance = random.Random(3)
    for frame in range(1, frames + 1, 3):
        level = chance.uniform(-1, 1)
        stage.animate(flame, "scale", [(frame, (1, 1, 1.05 + 0.12 * level))])
        stage.animate(flame, "rotation_euler", [(frame, (0, 0.06 * chance.uniform(-1, 1), 0))])
        stage.animate(light.data, "energy", [(frame, 16 + 3 * level)])


def view(scene: Any, frames: int, sharp: Any) -> None:
    """The camera, focused on the orange that rolls, and the lamps."""
    eye = stage.camera(scene, (0.1, -7.6, 2.15), (0, 0, 0), 52)
    target = stage.add(scene, "Target", None, (0.4, 0, 1.12))
    follow = eye.constraints.new("TRACK_TO")
    follow.target, follow.track_axis, follow.up_axis = target, "TRACK_NEGATIVE_Z", "UP_Y"
    stage.animate(eye, "location", [(1, (-0.2, -7.6, 2.1)), (frames, (0.4, -7.6, 2.2))])
    focus = eye.data.dof
    focus.use_dof, focus.focus_object, focus.aperture_fstop = True, sharp, 0.26
    key = stage.lamp(scene, "Window", "AREA", (-4.8, -1.2, 2.9), (0, 0, 0.5), 430)
    key.data.color, key.data.size = (1, 0.8, 0.58), 1.8
    rim = stage.lamp(scene, "Sky", "AREA", (4.2, 1.6, 4), (0, 0.4, 0.6), 90)
    rim.data.color, rim.data.size = (0.55, 0.72, 1), 2.5
    stage.world(scene, (0.5, 0.42, 0.36), 0.05)
    scene.world.mist_settings.start, scene.world.mist_settings.depth = 4, 8
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.exposure = 0.35


def passes(scene: Any) -> None:
    """Turns on every pass there is in this Blender, and numbers objects and materials for the index passes."""
    layer = scene.view_layers[0]
    for name in LAYER_PASSES.split():
        if hasattr(layer, f"use_pass_{name}"):
            setattr(layer, f"use_pass_{name}", True)
    for blocks in (scene.objects, bpy.data.materials):
        for index, block in enumerate(blocks):
            block.pass_index = index + 1


def main() -> str:
    """Makes the scene."""
    want = stage.settings(__doc__ or "", samples=8)
    scene = stage.fresh(want)
    frames = max(want.frames, 2)
    room(scene)
    pottery(scene)
    branches(scene)
    candle(scene, frames)
    view(scene, frames, oranges(scene, frames))
    passes(scene)
    stage.stamp(scene, "plain")
    return stage.save(want, "plain")


stage.finish(main())
