"""Says whether a frame depends on the frames that were visited before it in the same process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from . import caches

SIMULATED = {"CLOTH": "cloth", "SOFT_BODY": "soft body"}


def handlers() -> set[tuple[str, str]]:
    """Every function that Blender calls back, as (list, name); taken before a scene is opened it is what Blender brings."""
    return {
        (name, f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}")
        for name in dir(bpy.app.handlers)
        if isinstance(getattr(bpy.app.handlers, name), list)
        for function in getattr(bpy.app.handlers, name)
    }


def reason(scene: Any, own: set[tuple[str, str]]) -> str:
    """The first reason found, "" when every frame stands alone. own are the handlers that are not the scene's."""
    for found in _reasons(scene, own):
        return found
    return ""


def drivers() -> Iterator[tuple[Any, Any]]:
    """Every driver of the file, as (what owns it, its curve)."""
    for kind in bpy.data.bl_rna.properties:
        if kind.type != "COLLECTION":
            continue
        for block in getattr(bpy.data, kind.identifier):
            for owner in (block, getattr(block, "node_tree", None)):
                animation = getattr(owner, "animation_data", None)
                for curve in animation.drivers if animation is not None else ():
                    yield owner, curve


def range_is_seen(scene: Any) -> bool:
    """Whether the picture can depend on the scene's frame range, which the operator of 3.x and 4.x must change."""
    if scene.render.use_stamp and scene.render.use_stamp_frame_range:
        return True
    return any(
        target.data_path in {"frame_start", "frame_end", "frame_step"}
        for _, curve in drivers()
        for variable in curve.driver.variables
        for target in variable.targets
    )


def _reasons(scene: Any, own: set[tuple[str, str]]) -> Iterator[str]:
    world = scene.rigidbody_world
    if world is not None and world.enabled and not world.point_cache.is_baked and _has_objects(world):
        yield "unbaked rigid bodies"
    for name, function in sorted(handlers() - own):
        if name not in ("load_post", "load_pre", "version_update", "exit_pre", "render_stats"):
            yield f"a script's handler {function} in {name}"
    for block, curve in drivers():
        if curve.driver.use_self or any(
            target.id == block and target.data_path.startswith(curve.data_path)
            for variable in curve.driver.variables
            for target in variable.targets
        ):
            yield f"a driver of {block.name} that reads what it drives"
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.show_render:
                yield from _modifier(thing, modifier)
        pose = thing.pose
        if pose is not None and pose.ik_solver == "ITASC" and pose.ik_param.mode == "SIMULATION":
            yield f"an IK simulation on {thing.name}"


def _has_objects(world: Any) -> bool:
    return world.collection is not None and len(world.collection.all_objects) > 0


def _modifier(thing: Any, modifier: Any) -> Iterator[str]:
    kind = modifier.type
    if kind in SIMULATED and not modifier.point_cache.is_baked:
        yield f"unbaked {SIMULATED[kind]} on {thing.name}"
    elif kind == "PARTICLE_SYSTEM":
        system = modifier.particle_system
        made = system.settings.type
        moving = made == "EMITTER" or made == "HAIR" and system.use_hair_dynamics  # others show what a fluid is
        if moving and not system.point_cache.is_baked and not system.point_cache.use_external:
            yield f"unbaked particles on {thing.name}"
    elif kind == "FLUID" and modifier.fluid_type == "DOMAIN":
        domain = modifier.domain_settings
        if not domain.has_cache_baked_data:
            yield f"unbaked fluid in {thing.name}"
    elif kind == "NODES":
        if any(not found.baked for found in caches.of(thing, modifier)):
            yield f"a simulation zone in {modifier.node_group.name} on {thing.name}"
    elif kind == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
        for surface in modifier.canvas_settings.canvas_surfaces:
            if surface.is_active and not surface.point_cache.is_baked and surface.surface_format != "IMAGE":
                yield f"unbaked dynamic paint on {thing.name}"
