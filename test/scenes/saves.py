"""Two saves of a large scene with a small change between them, as an artist makes them.

blender -b --factory-startup --python saves.py -- DIR [--megabytes N]

DIR gets big-1.blend, big-2.blend (saved by the same Blender after the change), big-3.blend (the change made after
opening big-1.blend anew), the first two again as packed-1.blend and packed-2.blend (compressed by Blender), and
cache-1.abc, cache-2.abc (Alembic of the scene before and after the change, where this Blender has it). N is the size of the .blend in millions of
bytes, 300 if not given; the Alembic files have about a quarter of it.
"""

import os
import random
import sys
from array import array

import bpy


def save(path: str, compress: bool = False) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=path, compress=compress, copy=True)


def mesh(name: str, side: int, seed: int) -> None:
    """A rough square of side x side vertices."""
    chance = random.Random(seed)
    at = array("f")
    for y in range(side):
        for x in range(side):
            at.extend((x, y, chance.random()))
    loops = array("i")
    for y in range(side - 1):
        for x in range(side - 1):
            first = y * side + x
            loops.extend((first, first + 1, first + side + 1, first + side))
    faces = len(loops) // 4
    data = bpy.data.meshes.new(name)
    data.vertices.add(side * side)
    data.vertices.foreach_set("co", at)
    data.loops.add(len(loops))
    data.loops.foreach_set("vertex_index", loops)
    data.polygons.add(faces)
    data.polygons.foreach_set("loop_start", array("i", range(0, len(loops), 4)))
    if bpy.app.version < (4, 1):  # later ones know it by the starts
        data.polygons.foreach_set("loop_total", array("i", [4]) * faces)
    data.update(calc_edges=True)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, data))


def change() -> None:
    """What an artist does between two saves: moves a thing, pulls at a mesh, adds a light and a material."""
    thing = bpy.data.objects["Mesh 001"]
    thing.location.x += 2
    for i in range(100):
        thing.data.vertices[5000 + i].co.z += 1
    light = bpy.data.objects.new("Added", bpy.data.lights.new("Added", "POINT"))
    bpy.context.scene.collection.objects.link(light)
    bpy.data.materials.new("Added").use_nodes = True


def main() -> None:
    args = sys.argv[sys.argv.index("--") + 1 :]
    folder = os.path.abspath(args[0])
    megabytes = int(args[args.index("--megabytes") + 1]) if "--megabytes" in args else 300
    os.makedirs(folder, exist_ok=True)
    side = 500  # about 19 MB of a .blend
    for i in range(max(2, megabytes * 1_000_000 // (side * side * 76))):
        mesh(f"Mesh {i:03}", side, i)
    name = lambda text: os.path.join(folder, text)

    def cache(path: str) -> None:
        if bpy.app.build_options.alembic:
            bpy.ops.wm.alembic_export(filepath=path, start=1, end=2, as_background_job=False)

    save(name("big-1.blend"))
    save(name("packed-1.blend"), compress=True)
    cache(name("cache-1.abc"))
    change()
    save(name("big-2.blend"))
    save(name("packed-2.blend"), compress=True)
    cache(name("cache-2.abc"))
    bpy.ops.wm.open_mainfile(filepath=name("big-1.blend"))
    change()
    save(name("big-3.blend"))


main()
