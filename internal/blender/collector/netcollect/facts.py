"""What a scene is, and what of it needs care on other machines."""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator, Sequence
from typing import Any

import bpy

from . import blocks, outputs, walk
from .files import Files, Needs


def scripts() -> Generator[None, None, list[str]]:
    """What would run Python if it were allowed to."""
    found = [f"the text block {text.name} runs when the file is opened" for text in bpy.data.texts if text.use_module]
    for block in blocks.everything():
        yield
        for one in (block, getattr(block, "node_tree", None), getattr(block, "shape_keys", None)):
            data = getattr(one, "animation_data", None)
            for curve in data.drivers if data else ():
                if curve.driver.type == "SCRIPTED" and not curve.driver.is_simple_expression:
                    found.append(f"a driver of {curve.data_path} in {block.name} runs {curve.driver.expression}")
    return list(dict.fromkeys(found))


def unbaked() -> Generator[None, None, list[str]]:
    """Simulations whose frames depend on the frames before."""
    found = []
    for owner, caches in blocks.point_caches():
        found += [f"{what} on {owner.name}" for what, cache in caches if not cache.is_baked and not cache.use_external]
        yield
    for thing, modifiers in blocks.modified():
        yield
        for modifier in modifiers:
            domain = getattr(modifier, "domain_settings", None)
            if modifier.type == "FLUID" and modifier.show_render and domain is not None and not domain.has_cache_baked_data:
                found.append(f"fluid in {thing.name}")
    for tree in list(bpy.data.node_groups):
        yield
        if any(node.bl_idname == "GeometryNodeSimulationOutput" for node in tree.nodes):
            found.append(f"a simulation zone in {tree.name}")
    return list(dict.fromkeys(found))


def simulations(scene: Any, needs: Needs) -> Generator[None, None, list[dict]]:
    """Those of the scene that are not baked, as blender.Simulation."""
    caches = importlib.import_module((__package__ or "").removesuffix("netcollect") + "netagent.caches")
    shown = caches.shown(scene)
    found = [one.described() for one in caches.everything([scene], []) if not one.baked]
    for thing in list(bpy.data.objects):
        yield
        if needs.reached(thing) and (thing in shown or instanced(thing, needs)):
            found += [one.described() for one in caches.everything([], [thing]) if not one.baked]
    return found


def instanced(thing: Any, needs: Needs) -> bool:
    """Whether an object that no view layer shows may be seen through another."""
    waiting, seen = [thing], {thing}
    while waiting:
        for user in needs.users(waiting.pop()) - seen:
            if not isinstance(user, (bpy.types.Collection, bpy.types.Scene)):
                return True
            if isinstance(user, bpy.types.Collection):
                seen.add(user)
                waiting.append(user)
    return False


def unknown_nodes(needs: Needs) -> Generator[None, None, list[str]]:
    """Nodes of the scene whose kind this Blender does not have: an add-on that is not enabled made them."""
    found = []
    for block in blocks.everything():
        yield
        if not needs.reached(block):
            continue
        for tree in (block, getattr(block, "node_tree", None)):
            nodes = getattr(tree, "nodes", None) if isinstance(tree, bpy.types.NodeTree) else None
            found += [f"{node.name} in {block.name}" for node in nodes or () if node.bl_idname == "NodeUndefined"]
    return list(dict.fromkeys(found))


def facts(scene: Any, opening: Any, files: Files, engine: str) -> Generator[None, None, dict]:
    """What the scene is; opening is that of the agent. engine is another than its own that will render it, or ""."""
    slow = {
        "scripts": (yield from scripts()),
        "unbaked": (yield from unbaked()),
        "unknown_nodes": (yield from unknown_nodes(files.needs)),
    }
    render = scene.render
    if hasattr(scene, "compositing_node_group"):  # 5.0
        tree = scene.compositing_node_group
    else:
        tree = scene.node_tree if scene.use_nodes else None
    cameras = [scene.camera, *(marker.camera for marker in scene.timeline_markers)]
    described = opening.describe(scene, engine)
    cycles = scene.cycles if described["engine"] == "CYCLES" and hasattr(scene, "cycles") else None
    layers = [layer for layer in scene.view_layers if layer.use]
    return {
        **{key: described[key] for key in ("name", "engine", "frame_start", "frame_end", "frame_step", "fps", "saved_by")},
        **{key: described[key] for key in ("format", "movie", "views", "samples", "width", "height")},
        "frame_current": scene.frame_current,
        "percent": render.resolution_percentage,
        "scenes": [one.name for one in bpy.data.scenes if one.library is None],
        "camera": next((camera.name for camera in cameras if camera is not None), ""),
        "cameras": list(dict.fromkeys(one.name for one in [*scene.objects, *cameras] if one is not None and one.type == "CAMERA")),
        "output": render.filepath,
        "output_path": bpy.path.abspath(render.filepath, start=os.path.dirname(files.home)),
        "view_layers": [layer.name for layer in layers],
        "denoiser": cycles.denoiser if cycles and cycles.use_denoising else "",
        "compositor": bool(tree and render.use_compositing),
        "output_nodes": sum(node.type == "OUTPUT_FILE" for node in tree.nodes) if tree and render.use_compositing else 0,
        "sequencer": bool(render.use_sequencer and blocks.strips(scene)),
        "clashes": outputs.clashes(scene, tree, files.home),
        "gpu": bool(cycles and cycles.device == "GPU"),
        **slow,
        "blender": bpy.app.version_string,
    }


def brief(scene: Any) -> dict:
    """What there is to choose from in a scene of the file."""
    return {
        **{key: getattr(scene, key) for key in ("name", "frame_start", "frame_end", "frame_step")},
        "engine": scene.render.engine,
        "camera": scene.camera.name if scene.camera else "",
        "cameras": [one.name for one in scene.objects if one.type == "CAMERA"],
        "layers": [layer.name for layer in scene.view_layers if layer.use],
    }


def answer(scene: Any, opening: Any, frames: list[int], place: str = "", engine: str = "", others: Sequence[Any] = ()) -> dict:
    """What Collect answers for the open .blend, which is not changed; frames [] and engine "" are the scene's own. Others are scenes
    that are rendered as well."""
    going = steps(scene, opening, frames, place, engine, others)
    while True:
        try:
            next(going)
        except StopIteration as end:
            return end.value


def steps(
    scene: Any, opening: Any, frames: list[int], place: str = "", engine: str = "", others: Sequence[Any] = ()
) -> Generator[None, None, dict]:
    """As answer, with many yields. Whoever steps it must not go on when the data was changed since the first step: the answer
    would be of two states."""
    own: set[int] = set()
    for one in (scene, *others):
        own.update(range(one.frame_start, one.frame_end + 1, max(one.frame_step, 1)))
    files = yield from walk.walk(scene, frames or sorted(own), place, others)
    found = walk.without_bundled(sorted(files.found.values(), key=lambda entry: entry["path"]))
    for entry in found:
        span = entry.pop("span") or (None, None)
        entry["first"], entry["last"] = span
    return {
        "blend": files.home,
        "scene": (yield from facts(scene, opening, files, engine)),
        "files": found,
        "warnings": list(dict.fromkeys(files.warnings)),
        "simulations": (yield from simulations(scene, files.needs)),
        "every": [brief(one) for one in bpy.data.scenes if one.library is None],
    }
