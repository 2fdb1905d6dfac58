"""A scene that reads baked fluids, each of which changes the result: project/fluids.blend.

Smoke that is guided and has noise, and a liquid with a mesh.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=5, samples=1, size="64x36")


def domain(board: kinds.Board, name: str, kind: str) -> Any:
    """A box in which a fluid moves; returns its settings."""
    box = stage.add(board.scene, name, stage.cube(name, 2.4), board.place())
    modifier = box.modifiers.new("Fluid", "FLUID")
    modifier.fluid_type = "DOMAIN"
    settings = modifier.domain_settings
    settings.domain_type, settings.resolution_max = kind, 10
    settings.cache_directory = board.stored(f"cache_{name.lower()}")
    settings.cache_type, settings.cache_frame_start, settings.cache_frame_end = "ALL", 1, want.frames
    x, y, z = box.location
    source = stage.add(board.scene, name + " source", stage.cube(name + " source", 0.8), (x, y, z + 0.3))
    source.hide_render = True
    modifier = source.modifiers.new("Fluid", "FLUID")
    modifier.fluid_type = "FLOW"
    flow = modifier.flow_settings
    flow.flow_type, flow.flow_behavior = ("LIQUID", "GEOMETRY") if kind == "LIQUID" else ("SMOKE", "INFLOW")
    flow.density = 1
    return box, settings


def guided(board: kinds.Board, box: Any, settings: Any) -> None:
    """Has a thing that moves through a fluid lead it, and noise refine it; what leads is baked first."""
    settings.use_noise, settings.noise_scale = True, 2
    settings.use_guide, settings.guide_source, settings.cache_type = True, "EFFECTOR", "ALL"
    x, y, z = box.location
    guide = stage.add(board.scene, "Guide", stage.cube("Guide", 1.5), (x, y, z))
    guide.hide_render = True
    stage.animate(guide, "location", [(1, (x - 0.5, y, z)), (want.frames, (x + 0.8, y, z))])
    modifier = guide.modifiers.new("Fluid", "FLUID")
    modifier.fluid_type = "EFFECTOR"
    modifier.effector_settings.effector_type = "GUIDE"
    modifier.effector_settings.velocity_factor = 3


def baked(box: Any, settings: Any) -> None:
    """Bakes a fluid."""
    with bpy.context.temp_override(object=box, active_object=box, selected_objects=[box]):
        bpy.context.view_layer.objects.active = box
        if settings.use_guide:
            bpy.ops.fluid.bake_guides()
        bpy.ops.fluid.bake_all()
    print("baked", settings.has_cache_baked_data, flush=True)


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/fluids")
    os.chdir(want.out)  # noise leaves a large file where Blender was started
    board = kinds.Board(scene, want)
    board.used = 9
    smoke, settings = domain(board, "Smoke", "GAS")
    shade = bpy.data.materials.new("Smoke")
    shade.use_nodes = True
    tree = shade.node_tree
    tree.nodes.clear()
    fog, out = tree.nodes.new("ShaderNodeVolumePrincipled"), tree.nodes.new("ShaderNodeOutputMaterial")
    fog.inputs["Emission Strength"].default_value = 0.5
    tree.links.new(fog.outputs[0], out.inputs["Volume"])
    smoke.data.materials.append(shade)
    guided(board, smoke, settings)
    baked(smoke, settings)
    board.used = 13
    water, liquid = domain(board, "Water", "LIQUID")
    liquid.use_mesh = True
    _, _, colour = kinds.glowing(water, "Water")
    colour.default_value = (0.1, 0.4, 1, 1)
    baked(water, liquid)
    scene.frame_set(1)
    stage.stamp(scene, "fluids")
    return stage.save(want, "project/fluids")


stage.finish(main())
os._exit(0)  # 3.4 can crash where it frees fluids
