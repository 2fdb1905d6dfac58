"""Walks the datablocks of the open .blend for the files that they read.

Blender's own list of paths names one file of a sequence, no cache and no tile, so each kind of datablock is walked by its
own rules; what Blender lists beyond that is added in the end.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import bpy

from . import colour, geometry, media, nodes, pictures, simulations
from .files import Files, Steps
from .paths import absolute, base_of, packed


def walk(scene: Any, frames: list[int], place: str = "", others: Sequence[Any] = ()) -> Generator[None, None, Files]:
    """Finds every file that rendering frames of scene reads, and those that other scenes of the .blend do.

    place is where the open .blend would lie, when it is a copy: caches of simulations lie beside that.
    """
    files = Files(scene, frames, place or bpy.data.filepath, others)
    yield from files.needs.find()
    yield from libraries(files)
    for part in (pictures, media, geometry, simulations, nodes, colour):
        yield from part.collect(files)
    yield from rest(files)
    return files


def libraries(files: Files) -> Steps:
    """Linked .blend files, those linked by them too: Blender has read them all by now."""
    for library in list(bpy.data.libraries):
        yield
        if not packed(library) and not getattr(library, "is_archive", False):
            files.add(base_of(library), library.filepath, "library", library)


def rest(files: Files) -> Steps:
    """What Blender lists and nothing above has thought of."""
    for block in list(bpy.data.texts):
        yield
        if block.filepath:
            files.skip(block.filepath, block)  # its words are in the .blend
    for block in list(bpy.data.brushes):
        yield
        if getattr(block, "icon_filepath", ""):
            files.skip(block.icon_filepath, block)
    found: list[tuple[Any, str]] = []
    if hasattr(bpy.data, "file_path_foreach"):  # 4.5
        bpy.data.file_path_foreach(lambda owner, path, _: found.append((owner, path)))
    else:
        found = [(files.scene, path) for path in bpy.utils.blend_paths(absolute=True, packed=False, local=False)]
    for owner, path in found:
        yield
        place = absolute(path, owner)
        if path and os.path.normcase(place) not in files.seen and not os.path.isdir(place):
            files.add(place, path, "other", owner)


def without_bundled(found: Iterable[dict]) -> list[dict]:
    """Leaves out what comes with every Blender, unless the scene reads it by its path."""
    homes = [bpy.utils.resource_path(which) for which in ("SYSTEM", "LOCAL")]
    inside = tuple(os.path.normcase(os.path.join(home, "datafiles", "")) for home in homes if home)
    return [entry for entry in found if entry["needed"] or not os.path.normcase(entry["path"]).startswith(inside or "\0")]
