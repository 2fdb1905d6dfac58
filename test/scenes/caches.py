"""A scene that reads caches of every kind, each of which changes the result: project/caches.blend.

Simulations kept on disk beside the .blend, beside a library, and in a folder of the artist's own, and rigid bodies, which
Blender keeps in the .blend; an ocean, meshes (MDD, PC2), volumes, sculpted detail.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=6, samples=1, size="64x36")


def grid(name: str, cells: int, size: float) -> Any:
    """An upright square of many faces."""
    step = size / cells
    corners = [(x * step - size / 2, 0, z * step - size / 2) for z in range(cells + 1) for x in range(cells + 1)]
    wide = cells + 1
    faces = [(z * wide + x, z * wide + x + 1, (z + 1) * wide + x + 1, (z + 1) * wide + x) for z in range(cells) for x in range(cells)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    return mesh


def lit(thing: Any, name: str, hue: tuple[float, float, float]) -> Any:
    """Makes a thing shine in one colour."""
    _, _, colour = kinds.glowing(thing, name)
    colour.default_value = (*hue, 1)
    return thing


def cloth(thing: Any) -> Any:
    """Cloth that falls, kept on disk."""
    modifier = thing.modifiers.new("Cloth", "CLOTH")
    modifier.settings.quality = 1
    cache = modifier.point_cache
    cache.frame_start, cache.frame_end, cache.use_disk_cache = 1, want.frames, True
    return modifier


def dust(board: kinds.Board, name: str) -> Any:
    """Particles that fly sideways, shown as small squares."""
    card = board.card(name, 0.3)
    grain = stage.add(board.scene, name + " grain", stage.cube(name + " grain", 0.2), (0, 50, 0))
    lit(grain, name + " grain", (1, 0.8, 0.2))
    card.modifiers.new(name, "PARTICLE_SYSTEM")
    system = card.particle_systems[0]
    system.seed = 5
    settings = system.settings
    settings.count, settings.frame_start, settings.frame_end, settings.lifetime = 12, 1, 1, 100
    settings.render_type, settings.instance_object, settings.particle_size = "OBJECT", grain, 1
    settings.normal_factor, settings.tangent_factor, settings.object_align_factor = 0, 0, (0, 0, 3)
    settings.effector_weights.gravity = 0
    card.show_instancer_for_render = False
    return card, system


def bake() -> None:
    """Runs every simulation of the scene once and keeps it."""
    scene = bpy.context.scene
    for frame in range(1, want.frames + 1):
        scene.frame_set(frame)
    bpy.ops.ptcache.bake_all(bake=True)
    scene.frame_set(1)


def flag() -> str:
    """A library with cloth that is kept beside it."""
    scene = stage.fresh(want)
    stage.save(want, "project/lib/flag")
    thing = stage.add(scene, "Flag", grid("Flag", 4, 0.8))
    lit(thing, "Flag", (0.9, 0.2, 0.3))
    cloth(thing)
    bake()
    return stage.save(want, "project/lib/flag")


def simulated(board: kinds.Board) -> None:
    """Cloth and particles on disk, and particles in a folder elsewhere."""
    thing = stage.add(board.scene, "Sheet", grid("Sheet", 4, 0.8), board.place())
    cloth(lit(thing, "Sheet", (0.2, 0.9, 0.4)))
    soft = stage.add(board.scene, "Jelly", grid("Jelly", 3, 0.6), board.place())
    modifier = lit(soft, "Jelly", (0.4, 0.4, 1)).modifiers.new("Soft", "SOFT_BODY")
    modifier.settings.use_goal = False
    cache = modifier.point_cache
    cache.frame_start, cache.frame_end, cache.use_disk_cache = 1, want.frames, True
    for name in ("Dust", "Far dust"):
        _, system = dust(board, name)
        cache = system.point_cache
        cache.frame_start, cache.frame_end, cache.use_disk_cache, cache.name = 1, want.frames, True, name.replace(" ", "_")


def painted(board: kinds.Board) -> None:
    """A canvas that a brush which moves over it paints, kept on disk."""
    canvas = stage.add(board.scene, "Canvas", grid("Canvas", 12, 0.9), board.place())
    tree, _, colour = kinds.glowing(canvas, "Canvas")
    layer = tree.nodes.new("ShaderNodeVertexColor")
    layer.layer_name = "dp_paintmap"
    tree.links.new(layer.outputs["Color"], colour)
    modifier = canvas.modifiers.new("Paint", "DYNAMIC_PAINT")
    with bpy.context.temp_override(object=canvas, active_object=canvas, modifier=modifier):
        bpy.ops.dpaint.type_toggle(type="CANVAS")
        surface = modifier.canvas_settings.canvas_surfaces[0]
        surface.frame_start, surface.frame_end = 1, want.frames
        for output in ("A", "B"):
            bpy.ops.dpaint.output_toggle(output=output)
    surface.point_cache.frame_start, surface.point_cache.frame_end = 1, want.frames
    surface.point_cache.use_disk_cache = True
    brush = stage.add(board.scene, "Brush", stage.cube("Brush", 0.25))
    x, _, z = canvas.location
    stage.animate(brush, "location", [(1, (x - 0.4, 0, z - 0.4)), (want.frames, (x + 0.4, 0, z + 0.4))])
    brush.hide_render = True
    modifier = brush.modifiers.new("Paint", "DYNAMIC_PAINT")
    modifier.ui_type = "BRUSH"
    with bpy.context.temp_override(object=brush, active_object=brush, modifier=modifier):
        bpy.ops.dpaint.type_toggle(type="BRUSH")
    modifier.brush_settings.paint_color = (1, 0.1, 0.6)


def meshes(board: kinds.Board) -> None:
    """Meshes whose corners lie in a file for every frame."""
    for name, write, where in (("lattice.mdd", mdd, "MDD"), ("lattice.pc2", pc2, "PC2")):
        thing = lit(stage.add(board.scene, where, grid(where, 2, 0.8), board.place()), where, (1, 0.5, 0.1))
        corners = [tuple(v.co) for v in thing.data.vertices]
        write(board.path(name), corners, lambda co, frame: tuple(c * frame / (want.frames + 1) for c in co))
        modifier = thing.modifiers.new("Mesh cache", "MESH_CACHE")
        modifier.cache_format, modifier.filepath, modifier.frame_start = where, board.stored(name), 1


def falling(board: kinds.Board) -> None:
    """A rigid body that falls."""
    box = stage.add(board.scene, "Box", stage.cube("Box", 0.3), board.place())
    lit(box, "Box", (0.6, 0.3, 0.9))
    kinds.only(box)
    bpy.ops.rigidbody.world_add()
    bpy.ops.rigidbody.object_add()
    cache = board.scene.rigidbody_world.point_cache
    cache.frame_start, cache.frame_end = 1, want.frames


Move = Callable[[tuple[float, ...], int], tuple[float, ...]]


def mdd(path: str, corners: list[tuple[float, ...]], move: Move) -> None:
    """Writes a motion designer file: big endian, times first."""
    with open(path, "wb") as file:
        file.write(struct.pack(">2i", want.frames, len(corners)))
        file.write(struct.pack(f">{want.frames}f", *(frame / 24 for frame in range(want.frames))))
        for frame in range(1, want.frames + 1):
            file.writelines(struct.pack(">3f", *move(co, frame)) for co in corners)


def pc2(path: str, corners: list[tuple[float, ...]], move: Move) -> None:
    """Writes a point cache 2 file: little endian, a head of 32 bytes."""
    with open(path, "wb") as file:
        file.write(struct.pack("<12siiffi", b"POINTCACHE2\0", 1, len(corners), 1, 1, want.frames))
        for frame in range(1, want.frames + 1):
            file.writelines(struct.pack("<3f", *move(co, frame)) for co in corners)


def ocean(board: kinds.Board) -> None:
    """Waves that were baked."""
    water = stage.add(board.scene, "Water", stage.plane("Water", 0.1), board.place())
    lit(water, "Water", (0.1, 0.5, 0.9))
    modifier = water.modifiers.new("Ocean", "OCEAN")
    modifier.resolution, modifier.spatial_size, modifier.size, modifier.wave_scale = 4, 10, 0.08, 0.5
    water.rotation_euler[0] = 1.2
    stage.animate(modifier, "time", [(1, 1.0), (want.frames, 4.0)])
    modifier.filepath, modifier.frame_start, modifier.frame_end = board.stored("waves/"), 1, want.frames
    os.makedirs(board.path("waves/x")[:-1], exist_ok=True)
    board.scene.frame_set(1)
    with bpy.context.temp_override(object=water, active_object=water):
        bpy.ops.object.ocean_bake(modifier="Ocean")


def sculpted(board: kinds.Board) -> None:
    """Detail of a mesh in a file of its own."""
    thing = lit(stage.add(board.scene, "Detail", grid("Detail", 1, 0.6), board.place()), "Detail", (0.8, 0.8, 0.2))
    thing.modifiers.new("Multires", "MULTIRES")
    bpy.context.view_layer.objects.active = thing
    with bpy.context.temp_override(object=thing, active_object=thing):
        for _ in range(2):
            bpy.ops.object.multires_subdivide(modifier="Multires", mode="SIMPLE")
        other = stage.add(board.scene, "Shape", thing.data.copy())
        shape = other.modifiers.new("Multires", "SUBSURF")
        shape.subdivision_type, shape.levels, shape.render_levels = "SIMPLE", 2, 2
        skew = other.modifiers.new("Skew", "CAST")
        skew.factor = 1
        for one in (thing, other):
            one.select_set(True)
        bpy.ops.object.multires_reshape(modifier="Multires")
        bpy.data.objects.remove(other)
        bpy.ops.object.multires_external_save(filepath=board.path("detail.btx"), modifier="Multires")


def enlarge(path: str) -> None:
    """Enlarges the displacements in a file of sculpted detail: they are too small to be seen."""
    with open(path, "rb") as file:
        data = file.read()
    numbers = struct.unpack(f"={len(data) // 4}f", data[: len(data) // 4 * 4])
    with open(path, "r+b") as file:
        for index, number in enumerate(numbers):
            if 1e-4 < abs(number) < 10:  # no size or flag is such a number
                file.seek(4 * index)
                file.write(struct.pack("=f", 6 * number))


def volumes(board: kinds.Board) -> None:
    """A volume and a row of them."""
    source = stage.add(board.scene, "Source", stage.cube("Source", 0.6))
    made = bpy.data.objects.new("Maker", bpy.data.volumes.new("Maker"))
    board.scene.collection.objects.link(made)
    modifier = made.modifiers.new("Fill", "MESH_TO_VOLUME")
    modifier.object, modifier.resolution_mode, modifier.voxel_size = source, "VOXEL_SIZE", 0.1
    for number in range(want.frames + 1):
        source.scale = (0.3 + number / 12,) * 3
        bpy.context.view_layer.update()
        grids = made.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.grids
        grids.save(filepath=board.path(f"smoke/smoke_{number:03}.vdb" if number else "cloud.vdb"))
    for thing in (source, made):
        bpy.data.objects.remove(thing)
    shade = bpy.data.materials.new("Fog")
    shade.use_nodes = True
    tree = shade.node_tree
    tree.nodes.clear()
    fog, out = tree.nodes.new("ShaderNodeVolumePrincipled"), tree.nodes.new("ShaderNodeOutputMaterial")
    fog.inputs["Emission Strength"].default_value = 0.2
    tree.links.new(fog.outputs[0], out.inputs["Volume"])
    for name, cell in (("cloud.vdb", 26), ("smoke/smoke_001.vdb", 30)):
        board.used = cell  # away from the others: in some versions they are larger
        volume = bpy.data.volumes.new(name)
        volume.filepath = board.stored(name)
        volume.materials.append(shade)
        if "_" in name:
            volume.is_sequence, volume.frame_start, volume.frame_duration = True, 1, want.frames
        stage.add(board.scene, name, volume, board.place())


def linked(board: kinds.Board, path: str) -> None:
    """The thing of the library."""
    with bpy.data.libraries.load(path, link=True, relative=False) as (_, wanted):
        wanted.objects = ["Flag"]
    thing = bpy.data.objects["Flag"]
    thing.library.filepath = board.stored("lib/flag.blend")
    holder = bpy.data.collections.new("Flag")
    holder.objects.link(thing)
    show = stage.add(board.scene, "Flag pole", None, board.place())
    show.instance_type, show.instance_collection = "COLLECTION", holder


def external(board: kinds.Board) -> None:
    """Moves what the second particles have kept to a folder of its own and has them read it there."""
    system = bpy.data.objects["Far dust"].particle_systems[0]
    folder = os.path.dirname(board.path("elsewhere/x"))
    home = os.path.join(board.project, "blendcache_caches")
    for name in sorted(os.listdir(home)):
        if name.startswith("Far_dust_"):
            os.rename(os.path.join(home, name), os.path.join(folder, name))
    cache = system.point_cache
    for name in ("Dust", "Far dust"):  # without what was kept they fly elsewhere
        bpy.data.objects[name].particle_systems[0].settings.object_align_factor = (0, 0, -3)
    cache.use_external = True
    cache.filepath = board.stored("elsewhere/")
    cache.name = "Far_dust"


def main() -> str:
    """Makes the scene."""
    library = flag()
    scene = stage.fresh(want)
    stage.save(want, "project/caches")
    board = kinds.Board(scene, want)
    linked(board, library)
    simulated(board)
    painted(board)
    meshes(board)
    ocean(board)
    sculpted(board)
    falling(board)
    volumes(board)
    stage.save(want, "project/caches")
    bake()
    scene.gravity = (0, 0, 0)  # without what was kept nothing falls
    stage.save(want, "project/caches")
    external(board)
    stage.stamp(scene, "caches")
    path = stage.save(want, "project/caches")
    enlarge(board.path("detail.btx"))
    return path


stage.finish(main())
