"""Finds what holds paths in the open .blend: node trees, strips, simulations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

SIMULATIONS = {"CLOTH": "cloth", "SOFT_BODY": "soft body"}


def everything() -> Iterator[Any]:
    """Every datablock of every kind, but those inside others."""
    for name, prop in bpy.data.bl_rna.properties.items():
        if prop.type == "COLLECTION":
            yield from list(getattr(bpy.data, name))


def trees() -> Iterator[tuple[Any, Any]]:
    """Every node tree with the datablock it belongs to."""
    for blocks in (
        bpy.data.materials,
        bpy.data.worlds,
        bpy.data.lights,
        bpy.data.scenes,
        bpy.data.textures,
        bpy.data.linestyles,
    ):
        for block in list(blocks):
            tree = None if hasattr(block, "compositing_node_group") else getattr(block, "node_tree", None)
            if tree is not None:
                yield tree, block
    for tree in list(bpy.data.node_groups):
        yield tree, tree


def animated(*blocks: Any) -> bool:
    """Whether something in one of the blocks changes with time."""
    moving = [block.animation_data for block in blocks if getattr(block, "animation_data", None)]
    return any(one.action or len(one.drivers) or len(one.nla_tracks) for one in moving)


def strips(scene: Any) -> list[Any]:
    """The strips of a scene's sequencer, those inside others too."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def file_outputs(tree: Any, seen: frozenset[str] = frozenset()) -> Iterator[Any]:
    """Every File Output node of a compositor and its groups that writes."""
    for node in tree.nodes:
        if node.mute:
            continue
        if node.bl_idname == "CompositorNodeOutputFile":
            yield node
        elif node.type == "GROUP" and node.node_tree is not None and node.node_tree.name_full not in seen:
            yield from file_outputs(node.node_tree, seen | {node.node_tree.name_full})


def modified() -> Iterator[tuple[Any, list[Any]]]:
    """Every object with its modifiers, which hold until the next one is asked for."""
    for thing in list(bpy.data.objects):
        yield thing, list(thing.modifiers)


def modifiers() -> Iterator[tuple[Any, Any]]:
    """Every object's modifiers with their object, for those who go on without a pause."""
    for thing, found in modified():
        for modifier in found:
            yield thing, modifier


def point_caches() -> Iterator[tuple[Any, list[tuple[str, Any]]]]:
    """Every object and scene with its caches of simulations as (kind of simulation, cache), which hold until the next one."""
    for scene in list(bpy.data.scenes):
        world = scene.rigidbody_world
        if world is not None and world.enabled and world.collection is not None and len(world.collection.all_objects):
            yield scene, [("rigid bodies", world.point_cache)]
    for thing, found in modified():
        yield thing, list(_caches(found))


def _caches(found: list[Any]) -> Iterator[tuple[str, Any]]:
    for modifier in found:
        if not modifier.show_render:
            continue
        if modifier.type in SIMULATIONS:
            yield SIMULATIONS[modifier.type], modifier.point_cache
        elif modifier.type == "PARTICLE_SYSTEM":
            system = modifier.particle_system
            made = system.settings.type
            if made == "EMITTER" or made == "HAIR" and system.use_hair_dynamics:  # others show what a fluid is
                yield "particles", system.point_cache
        elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
            for surface in modifier.canvas_settings.canvas_surfaces:
                if surface.is_active and surface.surface_format != "IMAGE":  # pictures it only writes
                    yield "dynamic paint", surface.point_cache
