"""Writes a copy of a .blend that holds what can be packed into it: pack.py -- REQUEST

REQUEST is a JSON file: {"blend", "copy": the file to write, "agent": folder of the netagent package, "result": file to
write, "addons", "scratch": as for collect.py}. The result is {"error": {"kind", "message"}} or {"warnings", "scene": {"name"}}. The .blend
itself is not written to. Movies, sequences, caches and libraries cannot be packed, or not without a loss.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import bpy

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from netcollect import blocks, task


def packable() -> Iterator[Any]:
    """What lies in files of its own and belongs to this .blend, not to a library."""
    for image in bpy.data.images:
        if image.source in {"FILE", "TILED"}:
            yield image
    yield from bpy.data.sounds
    for font in bpy.data.fonts:
        if font.filepath != "<builtin>":
            yield font


def pack() -> list[str]:
    """Packs what can be; a sentence for each thing that cannot. What is missing is the collector's to say."""
    warnings = []
    for block in packable():
        path = bpy.path.abspath(block.filepath)
        if block.library is not None or block.packed_file or not (os.path.exists(path) or "<U" in path):
            continue
        try:
            block.pack()
        except RuntimeError as error:
            warnings.append(f"{block.name} cannot be packed and is sent beside the scene: {' '.join(str(error).split())}")
    return warnings


def settle() -> None:
    """Makes relative paths absolute that Blender leaves as they are when it writes to another folder."""
    for thing, modifier in blocks.modifiers():
        for holder, name in ((modifier, "bake_directory"), (modifier, "simulation_bake_directory")):
            path = getattr(holder, name, "")
            if path.startswith("//") and thing.library is None:
                setattr(holder, name, bpy.path.abspath(path))
        for bake in getattr(modifier, "bakes", ()):
            if bake.use_custom_path and bake.directory.startswith("//") and thing.library is None:
                bake.directory = bpy.path.abspath(bake.directory)


def work(request: dict, opening: Any) -> dict:
    """Opens, packs and writes."""
    opening.load(request, scripts=False)
    warnings = pack()
    settle()
    bpy.ops.wm.save_as_mainfile(filepath=request["copy"], copy=True, relative_remap=True, compress=False)
    scene = bpy.context.window.scene if bpy.context.window else bpy.context.scene
    return {"warnings": warnings, "scene": {"name": scene.name}}


if __name__ == "__main__":
    task.run(work)
