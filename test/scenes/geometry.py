"""A scene of geometry nodes that read files, each of which changes the result: project/geometry.blend. It takes a Blender
with bakes and nodes that import (4.5).

Bakes and simulation zones in their usual folder and in those of the artist's own, in a library too; files of every kind that
nodes import.
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


def baked(board: kinds.Board, *names: str) -> None:
    """Bake nodes and simulation zones, kept in the usual folder, in one of the modifier's, or in one of their own."""
    for name in names:
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
        folder = "bakes_" + name.lower().replace(" ", "_")
        if "Kept" in name:
            modifier.bake_directory = board.stored(folder)
        elif "Usual" not in name:
            os.makedirs(os.path.join(board.project, folder))
            bake.use_custom_path, bake.directory = True, board.stored(folder)
        bake.bake_mode = "STILL" if "Still" in name else "ANIMATION"
        kinds.only(thing)
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


def read(board: kinds.Board) -> None:
    """Nodes that read tables, words and volumes, whose paths they are given: by a node, by a modifier through two trees."""
    with open(board.path("rows.csv"), "w", encoding="ascii") as file:
        file.write("size\n" + "1\n" * 6)
    with open(board.path("words.txt"), "w", encoding="ascii") as file:
        file.write("sevenfold")
    source = stage.add(board.scene, "Source", stage.cube("Source", 0.6))
    made = bpy.data.objects.new("Maker", bpy.data.volumes.new("Maker"))
    board.scene.collection.objects.link(made)
    fill = made.modifiers.new("Fill", "MESH_TO_VOLUME")
    fill.object, fill.resolution_mode, fill.voxel_size = source, "VOXEL_SIZE", 0.1
    made.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.grids.save(filepath=board.path("cloud.vdb"))
    for thing in (source, made):
        bpy.data.objects.remove(thing)

    tree, begin, end = tree_of("Words")
    path, node, length = (tree.nodes.new(kind) for kind in ("FunctionNodeInputString", "GeometryNodeImportText", "FunctionNodeStringLength"))
    path.string = board.stored("words.txt")
    tree.links.new(path.outputs[0], node.inputs["Path"])
    tree.links.new(node.outputs[0], length.inputs[0])
    tree.links.new(shining(tree, sized(tree, begin.outputs[0], length.outputs[0]), "Words", (0.9, 0.2, 0.6)), end.inputs[0])
    board.card("Words", 0.08).modifiers.new("Words", "NODES").node_group = tree

    inner, begin, end = tree_of("Rows within")
    inner.interface.new_socket("File", in_out="INPUT", socket_type="NodeSocketString")
    node, count = inner.nodes.new("GeometryNodeImportCSV"), inner.nodes.new("GeometryNodeAttributeDomainSize")
    count.component = "POINTCLOUD"
    inner.links.new(begin.outputs["File"], node.inputs["Path"])
    inner.links.new(node.outputs[0], count.inputs[0])
    inner.links.new(sized(inner, begin.outputs[0], count.outputs["Point Count"]), end.inputs[0])
    tree, begin, end = tree_of("Rows")
    socket = tree.interface.new_socket("Table", in_out="INPUT", socket_type="NodeSocketString")
    group = tree.nodes.new("GeometryNodeGroup")
    group.node_tree = inner
    tree.links.new(begin.outputs[0], group.inputs[0])
    tree.links.new(begin.outputs["Table"], group.inputs["File"])
    tree.links.new(shining(tree, group.outputs[0], "Rows", (0.2, 0.9, 0.9)), end.inputs[0])
    modifier = board.card("Rows", 0.1).modifiers.new("Rows", "NODES")
    modifier.node_group = tree
    if hasattr(modifier, "properties"):  # 5.1
        getattr(modifier.properties.inputs, socket.identifier).value = board.stored("rows.csv")
    else:
        modifier[socket.identifier] = board.stored("rows.csv")

    tree, _, end = tree_of("Cloud")
    node, mesh = tree.nodes.new("GeometryNodeImportVDB"), tree.nodes.new("GeometryNodeVolumeToMesh")
    node.inputs["Path"].default_value = board.stored("cloud.vdb")
    tree.links.new(node.outputs[0], mesh.inputs[0])
    tree.links.new(shining(tree, mesh.outputs[0], "Cloud", (0.7, 0.7, 0.7)), end.inputs[0])
    board.card("Cloud", 0.1).modifiers.new("Cloud", "NODES").node_group = tree


def sized(tree: Any, geometry: Any, factor: Any) -> Any:
    """Geometry that is enlarged by a factor; returns the output."""
    grow = tree.nodes.new("GeometryNodeTransform")
    tree.links.new(geometry, grow.inputs["Geometry"])
    tree.links.new(factor, grow.inputs["Scale"])
    return grow.outputs[0]


def library() -> str:
    """A library with a bake in a folder of its own."""
    scene = stage.fresh(want)
    stage.save(want, "project/lib/grown")
    baked(kinds.Board(scene, want), "Linked bake")
    return stage.save(want, "project/lib/grown")


def linked(board: kinds.Board, path: str) -> None:
    """The thing of the library."""
    with bpy.data.libraries.load(path, link=True, relative=False) as (_, wanted):
        wanted.objects = ["Linked bake"]
    thing = bpy.data.objects["Linked bake"]
    thing.library.filepath = "//lib/grown.blend"  # found when the scene is opened, unlike the bake
    holder = bpy.data.collections.new("Grown")
    holder.objects.link(thing)
    x, y, z = board.place()
    show = stage.add(board.scene, "Grown", None, (x - thing.location.x, y, z - thing.location.z))
    show.instance_type, show.instance_collection = "COLLECTION", holder


def main() -> str:
    """Makes the scene."""
    grown = library()
    scene = stage.fresh(want)
    stage.save(want, "project/geometry")
    board = kinds.Board(scene, want)
    baked(board, "Bake", "Still bake", "Zone", "Usual zone", "Kept zone")
    imported(board)
    read(board)
    linked(board, grown)
    scene.frame_set(1)
    stage.stamp(scene, "geometry")
    return stage.save(want, "project/geometry")


stage.finish(main())
