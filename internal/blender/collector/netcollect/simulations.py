"""Caches of simulations on disk: blendcache_NAME beside the .blend, or a folder of the artist's; fluids."""

from __future__ import annotations

import os
import re
from typing import Any

import bpy

from . import blocks
from .files import Files, Steps
from .paths import absolute, base_of

POINT_FRAME = r"_(\d{6})(?:_\d+)?\.bphys$"


def collect(files: Files) -> Steps:
    """Notes the files of all of them."""
    yield from point_caches(files)
    yield from fluids(files)


def point_caches(files: Files) -> Steps:
    """Cloth, soft and rigid bodies, particles, dynamic paint."""
    for owner, found in blocks.point_caches():
        for _, point_cache in found:
            add_point_cache(files, owner, point_cache)
        yield


def add_point_cache(files: Files, owner: Any, point_cache: Any) -> None:
    """Notes the files of a cache and those that go with it."""
    for cache in point_cache.point_caches or [point_cache]:
        if cache.filepath:
            files.skip(cache.filepath, owner)
        if cache.use_external:
            stem = re.escape(cache.name) if cache.name else ""
            stored = cache.filepath or "//"
            if not files.add_folder(stored, "point cache", owner, stem + r".*\.bphys", False, POINT_FRAME):
                files.place(stored, "point cache", owner)
        elif cache.use_disk_cache:
            library = owner.library if cache.use_library_path else None
            folder, name = os.path.split(files.home if library is None else base_of(library))
            stored = f"//blendcache_{os.path.splitext(name)[0]}"
            if library != owner.library or library is None and files.home != bpy.data.filepath:
                stored = os.path.join(folder, stored[2:])
            if not files.add_folder(stored, "point cache", owner, r".*\.bphys", False, POINT_FRAME) and cache.is_baked:
                files.place(stored, "point cache", owner)


def fluids(files: Files) -> Steps:
    """Smoke, fire and liquids: data, noise, meshes, particles and guides, each in a folder of the domain's."""
    for thing, found in blocks.modified():
        for modifier in found:
            domain = getattr(modifier, "domain_settings", None)
            if modifier.type != "FLUID" or domain is None:
                continue
            in_name = r"_(\d{4,})\.[a-z.]+$" if domain.cache_frame_offset == 0 else ""
            there = files.add_folder(domain.cache_directory, "fluid cache", thing, number=in_name)
            if not there and domain.has_cache_baked_data:
                files.add(absolute(domain.cache_directory, thing), domain.cache_directory, "fluid cache", thing)
        yield
