"""A compositor that changes the picture, with a File Output node that writes three files into sub-folders: nodes.blend."""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage


def tree_of(scene: Any) -> tuple[Any, Any]:
    """The scene's compositor and the input that is its picture; 5.0 made the tree a node group."""
    if not hasattr(scene, "compositing_node_group"):
        scene.use_nodes = True
        scene.node_tree.nodes.clear()
        return scene.node_tree, scene.node_tree.nodes.new("CompositorNodeComposite").inputs["Image"]
    tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
    scene.compositing_node_group = tree
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return tree, tree.nodes.new("NodeGroupOutput").inputs["Image"]


def file_output(tree: Any, folder: str, names: list[str]) -> Any:
    """A File Output node that writes PNG files, one for each name, below folder."""
    node = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(node, "file_output_items"):  # 5.0
        node.directory, node.file_name = folder, ""
        node.format.media_type = "IMAGE"
        node.file_output_items.clear()
        for name in names:
            node.file_output_items.new("RGBA", name)
    else:
        node.base_path = folder
        node.file_slots.clear()
        for name in names:
            node.file_slots.new(name)
    node.format.file_format = "PNG"
    return node


def blur(tree: Any, pixels: int) -> Any:
    """A Gaussian blur."""
    node = tree.nodes.new("CompositorNodeBlur")
    if "Type" not in node.inputs:
        node.filter_type = "GAUSS"
    if node.inputs["Size"].type == "VECTOR":  # 4.5
        node.inputs["Size"].default_value = (pixels, pixels)
    else:
        node.size_x = node.size_y = pixels
    return node


want = stage.settings("A compositor with a File Output node.", samples=8)
scene = stage.fresh(want)
stage.world(scene, (0.03, 0.04, 0.08))
stage.lamp(scene, "Key", "AREA", (3, -3, 4), (0, 0, 0), 300)
stage.camera(scene, (0, -6, 2), (0, 0, 0.2), 40)
floor = stage.add(scene, "Floor", stage.plane("Floor", 20), (0, 0, -0.8))
floor.data.materials.append(stage.material("Floor", (0.3, 0.3, 0.32), 0.3)[0])
for index, colour in enumerate([(1, 0.3, 0.05), (0.1, 0.8, 0.4), (0.2, 0.4, 1)]):
    box = stage.add(scene, f"Box {index}", stage.cube("Box", 1), (1.6 * index - 1.6, 0, 0))
    glow = 8 if index == 1 else 0
    made, _ = stage.material(f"Box {index}", colour, 0.4, Emission_Color=(*colour, 1), Emission_Strength=glow)
    box.data.materials.append(made)
    stage.animate(box, "rotation_euler", [(1, (0.2, 0, index)), (max(want.frames, 2), (1, 0.4, index + 3))])
scene.view_layers[0].use_pass_z = scene.view_layers[0].use_pass_normal = True

tree, end = tree_of(scene)
layers = tree.nodes.new("CompositorNodeRLayers")
soft, glare = blur(tree, 6), tree.nodes.new("CompositorNodeGlare")
output = file_output(tree, "//passes/", ["glare/frame_####", "blurred/soft_####", "normal_####"])
for source, sink in (
    (layers.outputs["Image"], glare.inputs["Image"]),
    (layers.outputs["Image"], soft.inputs["Image"]),
    (glare.outputs["Image"], end),
    (glare.outputs["Image"], output.inputs[0]),
    (soft.outputs["Image"], output.inputs[1]),
    (layers.outputs["Normal"], output.inputs[2]),
):
    tree.links.new(source, sink)
stage.stamp(scene, "nodes")
stage.finish(stage.save(want, "nodes"))
