"""Everything in a scene that stores a path of a file or of a folder of files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import bpy

from . import sources

Holder = tuple[Any, str, Any]  # thing, property, library the thing came from


def paths() -> Iterator[Holder]:
    """Every path but those of libraries and fonts, which are not simply set."""
    yield from _blocks()
    yield from _modifiers()
    for cache, library in _point_caches():
        if cache.use_external and cache.filepath:
            yield cache, "filepath", library
    for scene, strip in strips():
        if strip.type == "MOVIE":
            yield strip, "filepath", scene.library
        elif strip.type == "IMAGE":
            yield strip, "directory", scene.library
        if strip.type in {"MOVIE", "IMAGE"} and strip.use_proxy and strip.proxy.use_proxy_custom_directory:
            yield strip.proxy, "directory", scene.library
    yield from _nodes()


def scripts() -> Iterator[Holder]:
    """Shader scripts that lie in files: of nodes, and of cameras."""
    for tree in _trees():
        for node in tree.nodes:
            if node.type == "SCRIPT" and node.mode == "EXTERNAL":
                yield node, "filepath", tree.library
    for camera in bpy.data.cameras:
        if getattr(camera, "custom_mode", "") == "EXTERNAL":
            yield camera, "custom_filepath", camera.library


def strips() -> Iterator[tuple[Any, Any]]:
    """Every strip of every sequencer with its scene."""
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        if editor is not None:
            for strip in editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all:
                yield scene, strip


def _blocks() -> Iterator[Holder]:
    for image in bpy.data.images:
        inside = image.packed_file and image.source not in {"MOVIE", "SEQUENCE"}  # those are read from disk all the same
        if image.source in {"FILE", "SEQUENCE", "MOVIE", "TILED"} and not inside:
            yield image, "filepath", image.library
    for clip in bpy.data.movieclips:
        yield clip, "filepath", clip.library
        if clip.use_proxy_custom_directory:
            yield clip.proxy, "directory", clip.library
    for blocks in (bpy.data.sounds, bpy.data.volumes, bpy.data.cache_files):
        for block in blocks:
            if not getattr(block, "packed_file", None):
                yield block, "filepath", block.library
            for layer in getattr(block, "layers", ()):
                yield layer, "filepath", block.library
    for camera in bpy.data.cameras:
        if getattr(camera, "custom_mode", "") == "EXTERNAL":
            yield camera, "custom_filepath", camera.library


def _modifiers() -> Iterator[Holder]:
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            for name in ("filepath", "bake_directory", "simulation_bake_directory"):
                if getattr(modifier, name, ""):
                    yield modifier, name, thing.library
            for bake in getattr(modifier, "bakes", ()):
                if bake.use_custom_path:
                    yield bake, "directory", thing.library
            domain = getattr(modifier, "domain_settings", None)
            if domain is not None:
                yield domain, "cache_directory", thing.library


def _point_caches() -> Iterator[tuple[Any, Any]]:
    """Every cache of a simulation with its library."""
    owners: list[tuple[Any, Any]] = []
    for thing in bpy.data.objects:
        owners += [(system, thing.library) for system in thing.particle_systems]
        for modifier in thing.modifiers:
            owners.append((modifier, thing.library))
            canvas = getattr(modifier, "canvas_settings", None)
            owners += [(surface, thing.library) for surface in (canvas.canvas_surfaces if canvas else ())]
    owners += [(scene.rigidbody_world, scene.library) for scene in bpy.data.scenes if scene.rigidbody_world]
    for owner, library in owners:
        first = getattr(owner, "point_cache", None)
        if first is not None:
            for cache in first.point_caches or [first]:
                yield cache, library


def _nodes() -> Iterator[Holder]:
    for tree in _trees():
        for node in tree.nodes:
            if node.type in {"TEX_IES", "SCRIPT"} and node.mode == "EXTERNAL":
                yield node, "filepath", tree.library
            if node.type == "SCRIPT":  # a picture that the script reads
                for socket in node.inputs:
                    if socket.type == "STRING" and os.path.splitext(socket.default_value)[1]:
                        yield socket, "default_value", tree.library
        for _, kept in sources.imports(tree):
            yield from ((thing, name, tree.library) for thing, name in filter(None, kept))


def _trees() -> Iterator[Any]:
    yield from bpy.data.node_groups
    for blocks in (bpy.data.materials, bpy.data.worlds, bpy.data.lights):
        for block in blocks:
            if block.node_tree is not None:
                yield block.node_tree
