"""A scene that reads what other programs have written, each of which changes the result: project/imports.blend. It takes a
Blender with Alembic and USD.

Alembic files, single ones and rows; a USD file that refers to others.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=6, samples=1, size="64x36")


def growing(name: str, at: tuple[float, float, float]) -> Any:
    """An upright square whose corners move, and which moves itself."""
    steps = 4
    corners = [(0.7 * x / steps - 0.35, 0, 0.7 * z / steps - 0.35) for z in range(steps + 1) for x in range(steps + 1)]
    wide = steps + 1
    faces = [(a, a + 1, a + wide + 1, a + wide) for a in (z * wide + x for z in range(steps) for x in range(steps))]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    thing = stage.add(bpy.context.scene, name, mesh, at)
    round_ = thing.modifiers.new("Round", "CAST")
    stage.animate(round_, "factor", [(1, 0.0), (want.frames, 1.0)])
    stage.animate(thing, "location", [(1, at), (want.frames, (at[0] + 0.2, at[1], at[2]))])
    bpy.context.view_layer.update()
    kinds.only(thing)
    return thing


def brought(name: str, hue: tuple[float, float, float]) -> None:
    """Makes what an import has just made shine."""
    made = [one for one in bpy.data.objects if one.name.startswith(name) and one.type == "MESH"]
    if not made or not bpy.data.cache_files:
        raise SystemExit(f"{name} was not imported with a cache")
    for thing in made:
        thing.data.materials.clear()
        for corner in thing.data.vertices:
            corner.co *= 0.2  # without the file there is this
        _, _, colour = kinds.glowing(thing, name)
        colour.default_value = (*hue, 1)


def renamed(board: kinds.Board, name: str) -> None:
    """Stores the path of a cache file."""
    bpy.data.cache_files[os.path.basename(name)].filepath = board.stored(name)


def alembic(board: kinds.Board) -> None:
    """A file with a mesh that changes and one that moves, a row of files."""
    thing = growing("Growing", board.place())
    path = board.path("mesh.abc")
    bpy.ops.wm.alembic_export(filepath=path, selected=True, start=1, end=want.frames, as_background_job=False)
    bpy.data.objects.remove(thing)
    thing = growing("Row", board.place())
    for frame in range(1, want.frames + 1):
        row = board.path(f"row/row_{frame:03}.abc")
        bpy.ops.wm.alembic_export(filepath=row, selected=True, start=frame, end=frame, as_background_job=False)
    bpy.data.objects.remove(thing)
    bpy.ops.wm.alembic_import(filepath=path, as_background_job=False)
    brought("Growing", (1, 0.3, 0.3))
    renamed(board, "mesh.abc")
    bpy.ops.wm.alembic_import(
        filepath=board.path("row/row_001.abc"), is_sequence=True, always_add_cache_reader=True, as_background_job=False
    )
    brought("Row", (0.3, 1, 0.3))
    renamed(board, "row/row_001.abc")


def usd(board: kinds.Board) -> None:
    """A USD file that is made of others: one it refers to, one it lays under itself, which names a third."""
    x, y, z = board.place()
    thing = growing("Leaf", (x, y, z))
    leaf = board.path("usd/parts/leaf.usdc")
    bpy.ops.wm.usd_export(filepath=leaf, selected_objects_only=True, export_animation=True, export_materials=False)
    bpy.data.objects.remove(thing)
    with open(board.path("usd/parts/deep/pose.usda"), "w", encoding="ascii") as file:
        file.write('#usda 1.0\nover "root" {\n  over "Leaf" {\n    double3 xformOp:translate.timeSamples = {\n')
        file.write(f"      1: ({x}, {y}, {z}),\n      {want.frames}: ({x}, {y}, {z + 0.4}),\n    }}\n  }}\n}}\n")
    with open(board.path("usd/parts/under.usda"), "w", encoding="ascii") as file:
        file.write("#usda 1.0\n(\n  subLayers = [@deep/pose.usda@]\n)\n")
    with open(board.path("usd/root.usda"), "w", encoding="ascii") as file:
        file.write('#usda 1.0\n(\n  defaultPrim = "root"\n  upAxis = "Z"\n  metersPerUnit = 1\n')
        file.write("  startTimeCode = 1\n  endTimeCode = 6\n  timeCodesPerSecond = 24\n  subLayers = [@./parts/under.usda@]\n)\n")
        file.write('def Xform "root" (\n  prepend references = @./parts/leaf.usdc@</root>\n)\n{\n}\n')
    bpy.ops.wm.usd_import(filepath=board.path("usd/root.usda"))
    brought("Leaf", (0.3, 0.4, 1))
    renamed(board, "usd/root.usda")


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/imports")
    board = kinds.Board(scene, want)
    alembic(board)
    usd(board)
    scene.frame_set(1)
    stage.stamp(scene, "imports")
    return stage.save(want, "project/imports")


stage.finish(main())
