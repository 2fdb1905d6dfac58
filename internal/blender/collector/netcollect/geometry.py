"""Volumes, Alembic and USD, and the files that modifiers read."""

from __future__ import annotations

import os
import re
from typing import Any

import bpy

from . import blocks, usd
from .files import Files, Steps
from .paths import absolute, below, packed
from .spans import Span, join, merged, near, spans


def collect(files: Files) -> Steps:
    """Notes the files of all of them."""
    for volume in list(bpy.data.volumes):
        yield
        if volume.filepath and not packed(volume):
            add_volume(files, volume)
    for block in list(bpy.data.cache_files):
        yield
        for path in [block.filepath, *(layer.filepath for layer in getattr(block, "layers", ()))]:
            if path:
                add_cache_file(files, block, path)
    for thing, found in blocks.modified():
        for modifier in found:
            add_modifier(files, thing, modifier)
        yield


def add_modifier(files: Files, thing: Any, modifier: Any) -> None:
    """Notes the files that a modifier reads."""
    if modifier.type == "MESH_CACHE" and modifier.filepath:
        files.place(modifier.filepath, "mesh cache", thing)
    elif modifier.type == "MULTIRES" and modifier.is_external and modifier.filepath:
        files.place(modifier.filepath, "sculpted detail", thing)
    elif modifier.type == "OCEAN" and modifier.filepath:
        files.skip(modifier.filepath, thing)
        if modifier.is_cached:
            add_ocean(files, thing, modifier)
    elif modifier.type == "NODES":
        add_bakes(files, thing, modifier)


def volume_number(volume: Any, frame: int) -> int | None:
    """The number of a volume's file at a frame; BKE_volume_sequence_frame is the source."""
    length = volume.frame_duration
    if length <= 0:
        return None
    at, mode = frame - volume.frame_start, volume.sequence_mode
    if mode == "CLIP" and not 0 <= at < length:
        return None
    if mode == "EXTEND":
        at = min(max(at, 0), length - 1)
    elif mode == "REPEAT":
        at %= length
    elif mode == "PING_PONG":
        period = max(2 * length - 2, 1)
        at = at % period
        at = period - at if at >= length else at
    return at + 1 + volume.frame_offset


def add_volume(files: Files, volume: Any) -> None:
    """Notes a volume, or those of a row that frames show."""
    if not volume.is_sequence:
        files.place(volume.filepath, "volume", volume)
        return

    def number(frame: int) -> int | None:
        return volume_number(volume, frame)

    beside = near(files.frames, number) if files.blurred else None
    files.add_numbers(volume.filepath, "volume sequence", volume, spans(files.frames, number), beside)


def add_cache_file(files: Files, block: Any, path: str) -> None:
    """Notes an Alembic or USD file, or those of a row that frames show, and what USD files refer to."""
    if not block.is_sequence:
        files.place(path, "cache file", block)
        usd.nested(files, absolute(path, block), block)
        return
    if block.override_frame or blocks.animated(block):
        files.add_numbers(path, "cache file", block, None)
    else:  # BKE_cachefile_time_offset: of a row the frame itself is the number
        shown = spans(files.frames, int)
        beside = near(files.frames, int)  # shutters, and times between two frames
        files.add_numbers(path, "cache file", block, {}, merged(shown, beside) if files.blurred else shown)
    for place in files.sequence(absolute(path, block)).values():
        usd.nested(files, place, block)


OCEAN = re.compile(r"(?:disp|foam|normal|spray|spray_inverse|jminus|eminus|eplus)_(\d+)\.exr")


def add_ocean(files: Files, thing: Any, modifier: Any) -> None:
    """Notes the pictures of waves that frames show; before the first and after the last one they stand still."""

    def number(frame: int) -> int:
        return min(max(frame, modifier.frame_start), modifier.frame_end)

    shown = spans(files.frames, number)
    if files.blurred:
        shown = merged(shown, near(files.frames, number))
    folder = absolute(modifier.filepath, thing)
    names = [(name, OCEAN.fullmatch(name)) for name in files.siblings(folder)]
    found = [(name, int(match[1])) for name, match in names if match]
    for name, at in found:
        if at in shown:
            files.add(os.path.join(folder, name), below(modifier.filepath, name), "ocean cache", thing, shown[at])
    if not found:
        files.add(folder, modifier.filepath, "ocean cache", thing)


def add_bakes(files: Files, thing: Any, modifier: Any) -> None:
    """Notes what geometry nodes have baked to disk."""
    folders = [getattr(modifier, name, "") for name in ("bake_directory", "simulation_bake_directory")]
    folders += [bake.directory for bake in getattr(modifier, "bakes", ()) if bake.use_custom_path]
    for stored in filter(None, dict.fromkeys(folders)):
        add_bake_folder(files, stored, thing)


def add_bake_folder(files: Files, stored: str, thing: Any) -> None:
    """Notes a folder of bakes: each frame's description, meta/*.json, and the files in blobs/ that it names."""
    folder = absolute(stored, thing)
    files.skip(stored, thing)
    named: dict[str, Span] = {}
    metas: list[str] = []
    others: list[str] = []
    for inside, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(inside, name)
            (metas if os.path.basename(inside) == "meta" and re.match(r"\d{5}", name) else others).append(path)
    by_folder: dict[str, list[tuple[int, str]]] = {}
    for path in metas:
        by_folder.setdefault(os.path.dirname(path), []).append((int(os.path.basename(path)[:5]), path))
    for inside, group in by_folder.items():
        group.sort()
        blobs = os.path.join(os.path.dirname(inside), "blobs")
        for index, (_, path) in enumerate(group):
            # Blender looks for the frame, or the one before and the one after
            span: Span = (group[index - 1][0] if index else None, group[index + 1][0] if index + 1 < len(group) else None)
            for name in blob_names(path):
                blob = os.path.join(blobs, name)
                named[blob] = join(named.get(blob, span), span)
    for path in [*metas, *others]:  # the descriptions tell which frames there are, so that all are needed
        wanted = named.get(path)
        original = below(stored, os.path.relpath(path, folder))
        files.add(path, original, "geometry nodes bake", thing, None if wanted == (None, None) else wanted)


def blob_names(meta: str) -> set[str]:
    """The files that a description names: those of other frames too, where nothing has changed."""
    try:
        with open(meta, encoding="utf-8") as file:
            return set(re.findall(r'"name":\s*"([^"/\\]+)"', file.read()))
    except (OSError, UnicodeDecodeError):
        return set()
