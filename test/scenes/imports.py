"""A scene that reads what other programs and geometry nodes have written, each of which changes the result:
project/imports.blend. It takes a Blender with Alembic and USD, and node imports and bakes (4.5).

Alembic files, single ones and rows, and layers over them; a USD file that refers to others; bakes of geometry nodes and
simulation zones in their usual folder and in one of the artist's own; files that nodes import.
"""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=6, samples=1, size="64x36")


def growing(name: str, at: tuple[float, float, float]) -> Any:
    """An upright square whose corners move, and which moves itself."""
    steps = 4
    corners = [(0.7 * x / steps - 0.35, 0, 0.7 * z / steps - 0.35) for z in range(steps + 1) for x in range(steps + 1)]
    wide = steps + 1
    faces = [(a, a + 1, a + wide + 1, a + wide) for a in (z * wide + x for z in range(steps) for x in range(steps))]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    thing = stage.add(bpy.context.scene, name, mesh, at)
    round_ = thing.modifiers.new("Round", "CAST")
    stage.animate(round_, "factor", [(1, 0.0), (want.frames, 1.0)])
    stage.animate(thing, "location", [(1, at), (want.frames, (at[0] + 0.2, at[1], at[2]))])
    bpy.context.view_layer.update()
    only(thing)
    return thing


def only(thing: Any) -> None:
    """Selects one thing."""
    for one in bpy.context.view_layer.objects:
        one.select_set(one == thing)
    bpy.context.view_layer.objects.active = thing


def brought(name: str, hue: tuple[float, float, float]) -> None:
    """Makes what an import has just made shine."""
    made = [one for one in bpy.data.objects if one.name.startswith(name) and one.type == "MESH"]
    if not made or not bpy.data.cache_files:
        raise SystemExit(f"{name} was not imported with a cache")
    for thing in made:
        thing.data.materials.clear()
        for corner in thing.data.vertices:
            corner.co *= 0.2  # without the file there is this
        _, _, colour = kinds.glowing(thing, name)
        colour.default_value = (*hue, 1)


def renamed(board: kinds.Board, name: str) -> None:
    """Stores the path of a cache file."""
    bpy.data.cache_files[os.path.basename(name)].filepath = board.stored(name)


def alembic(board: kinds.Board) -> None:
    """A file with a mesh that changes and one that moves, a row of files."""
    thing = growing("Growing", board.place())
    path = board.path("mesh.abc")
    bpy.ops.wm.alembic_export(filepath=path, selected=True, start=1, end=want.frames, as_background_job=False)
    bpy.data.objects.remove(thing)
    thing = growing("Row", board.place())
    for frame in range(1, want.frames + 1):
        row = board.path(f"row/row_{frame:03}.abc")
        bpy.ops.wm.alembic_export(filepath=row, selected=True, start=frame, end=frame, as_background_job=False)
    bpy.data.objects.remove(thing)
    bpy.ops.wm.alembic_import(filepath=path, as_background_job=False)
    brought("Growing", (1, 0.3, 0.3))
    renamed(board, "mesh.abc")
    bpy.ops.wm.alembic_import(
        filepath=board.path("row/row_001.abc"), is_sequence=True, always_add_cache_reader=True, as_background_job=False
    )
    brought("Row", (0.3, 1, 0.3))
    renamed(board, "row/row_001.abc")


def usd(board: kinds.Board) -> None:
    """A USD file that is made of others: one it refers to, one it lays under itself, which names a third."""
    x, y, z = board.place()
    thing = growing("Leaf", (x, y, z))
    leaf = board.path("usd/parts/leaf.usdc")
    bpy.ops.wm.usd_export(filepath=leaf, selected_objects_only=True, export_animation=True, export_materials=False)
    bpy.data.objects.remove(thing)
    with open(board.path("usd/parts/deep/pose.usda"), "w", encoding="ascii") as file:
        file.write('#usda 1.0\nover "root" {\n  over "Leaf" {\n    double3 xformOp:translate.timeSamples = {\n')
        file.write(f"      1: ({x}, {y}, {z}),\n      {want.frames}: ({x}, {y}, {z + 0.4}),\n    }}\n  }}\n}}\n")
    with open(board.path("usd/parts/under.usda"), "w", encoding="ascii") as file:
        file.write("#usda 1.0\n(\n  subLayers = [@deep/pose.usda@]\n)\n")
    with open(board.path("usd/root.usda"), "w", encoding="ascii") as file:
        file.write('#usda 1.0\n(\n  defaultPrim = "root"\n  upAxis = "Z"\n  metersPerUnit = 1\n')
        file.write("  startTimeCode = 1\n  endTimeCode = 6\n  timeCodesPerSecond = 24\n  subLayers = [@./parts/under.usda@]\n)\n")
        file.write('def Xform "root" (\n  prepend references = @./parts/leaf.usdc@</root>\n)\n{\n}\n')
    bpy.ops.wm.usd_import(filepath=board.path("usd/root.usda"))
    brought("Leaf", (0.3, 0.4, 1))
    renamed(board, "usd/root.usda")


def tree_of(name: str) -> tuple[Any, Any, Any]:
    """An empty tree of geometry nodes with its two ends."""
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    for side in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=side, socket_type="NodeSocketGeometry")
    return tree, tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")


def shining(tree: Any, geometry: Any, name: str, hue: tuple[float, float, float]) -> Any:
    """Gives geometry a material that shines; returns the output."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.node_tree.nodes.clear()
    shader, end = (made.node_tree.nodes.new(kind) for kind in ("ShaderNodeEmission", "ShaderNodeOutputMaterial"))
    shader.inputs["Color"].default_value = (*hue, 1)
    made.node_tree.links.new(shader.outputs[0], end.inputs["Surface"])
    node = tree.nodes.new("GeometryNodeSetMaterial")
    node.inputs["Material"].default_value = made
    tree.links.new(geometry, node.inputs["Geometry"])
    return node.outputs[0]


def baked(board: kinds.Board) -> None:
    """A bake node and simulation zones, one kept in the usual folder and the others in folders of the artist's own."""
    for name, own in (("Bake", True), ("Still bake", True), ("Zone", True), ("Usual zone", False)):
        tree, begin, end = tree_of(name)
        grow = tree.nodes.new("GeometryNodeTransform")
        grow.inputs["Scale"].default_value = (1.2, 1, 1.2)
        if "zone" in name.lower():
            head, tail = tree.nodes.new("GeometryNodeSimulationInput"), tree.nodes.new("GeometryNodeSimulationOutput")
            head.pair_with_output(tail)
            if "Geometry" not in tail.inputs:
                tail.state_items.new("GEOMETRY", "Geometry")
            links = [
                (begin.outputs[0], head.inputs["Geometry"]),
                (head.outputs["Geometry"], grow.inputs["Geometry"]),
                (grow.outputs[0], tail.inputs["Geometry"]),
            ]
            last = tail.outputs["Geometry"]
        else:
            keep, time = tree.nodes.new("GeometryNodeBake"), tree.nodes.new("GeometryNodeInputSceneTime")
            size = tree.nodes.new("ShaderNodeMath")
            size.operation = "MULTIPLY_ADD"
            if "Geometry" not in keep.inputs:
                keep.bake_items.new("GEOMETRY", "Geometry")
            size.inputs[1].default_value, size.inputs[2].default_value = 0.3, 0.7
            links = [
                (time.outputs["Frame"], size.inputs[0]),
                (size.outputs[0], grow.inputs["Scale"]),
                (begin.outputs[0], grow.inputs["Geometry"]),
                (grow.outputs[0], keep.inputs["Geometry"]),
            ]
            last = keep.outputs["Geometry"]
        for source, sink in links:
            tree.links.new(source, sink)
        tree.links.new(shining(tree, last, name, (0.9, 0.7, 0.2)), end.inputs[0])
        thing = board.card(name, 0.35)
        modifier = thing.modifiers.new(name, "NODES")
        modifier.node_group, modifier.bake_target = tree, "DISK"
        bpy.context.view_layer.update()
        bake = modifier.bakes[0]
        bake.use_custom_simulation_frame_range, bake.frame_start, bake.frame_end = True, 1, want.frames
        if own:
            folder = "bakes_" + name.lower().replace(" ", "_")
            os.makedirs(os.path.join(board.project, folder))
            bake.use_custom_path, bake.directory = True, board.stored(folder)
        bake.bake_mode = "STILL" if "Still" in name else "ANIMATION"
        only(thing)
        bpy.ops.object.geometry_node_bake_single(
            session_uid=thing.session_uid, modifier_name=modifier.name, bake_id=bake.bake_id
        )
        grow.inputs["Scale"].default_value = (0.2, 0.2, 0.2)  # what was kept is not what would be made now
        for link in list(grow.inputs["Scale"].links):
            tree.links.remove(link)


def imported(board: kinds.Board) -> None:
    """Nodes that read a file each."""
    corners = [(-0.4, 0, -0.4), (0.4, 0, -0.4), (0, 0, 0.4)]
    with open(board.path("part.stl"), "w", encoding="ascii") as file:
        file.write("solid part\nfacet normal 0 -1 0\nouter loop\n")
        file.writelines(f"vertex {x} {y} {z}\n" for x, y, z in corners)
        file.write("endloop\nendfacet\nendsolid part\n")
    with open(board.path("part.obj"), "w", encoding="ascii") as file:
        file.write("mtllib part.mtl\no part\n")
        file.writelines(f"v {x} {y} {z}\n" for x, y, z in corners)
        file.write("usemtl part\nf 1 2 3\n")
    with open(board.path("part.ply"), "w", encoding="ascii") as file:
        file.write("ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n")
        file.write("element face 1\nproperty list uchar int vertex_indices\nend_header\n")
        file.writelines(f"{x} {y} {z}\n" for x, y, z in corners)
        file.write("3 0 1 2\n")
    for number, (name, kind) in enumerate((("part.stl", "STL"), ("part.obj", "OBJ"), ("part.ply", "PLY"))):
        tree, _, end = tree_of(name)
        node = tree.nodes.new(f"GeometryNodeImport{kind}")
        node.inputs["Path"].default_value = board.stored(name)
        last = node.outputs[0]
        if kind == "OBJ":
            real = tree.nodes.new("GeometryNodeRealizeInstances")
            tree.links.new(last, real.inputs[0])
            turn = tree.nodes.new("GeometryNodeTransform")
            turn.inputs["Rotation"].default_value = (math.pi / 2, 0, 0)
            tree.links.new(real.outputs[0], turn.inputs["Geometry"])
            last = real.outputs[0]
        tree.links.new(shining(tree, last, name, (0.2, 0.3 * number, 0.9)), end.inputs[0])
        board.card(name, 0.1).modifiers.new(name, "NODES").node_group = tree


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/imports")
    board = kinds.Board(scene, want)
    alembic(board)
    usd(board)
    scene.frame_set(1)
    baked(board)
    imported(board)
    scene.frame_set(1)
    stage.stamp(scene, "imports")
    return stage.save(want, "project/imports")


stage.finish(main())
