"""Makes scenes with one kind of simulation each, and renders their frames as their artist would: bakes.py -- FOLDER NAME...

FOLDER/NAME.blend is what is sent; FOLDER/NAME/0004.exr are the frames after the timeline was gone through once.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

OUT, *NAMES = sys.argv[sys.argv.index("--") + 1 :]
LAST = 6
SHOWN = (6, 2, 4)


def fresh() -> Any:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.filepaths.save_version = 0
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x, scene.render.resolution_y = 32, 18
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.frame_start, scene.frame_end = 1, LAST
    layer = scene.view_layers[0]
    layer.use_pass_z = layer.use_pass_normal = layer.use_pass_vector = True
    scene.world = bpy.data.worlds.new("World")
    scene.world.color = (0.2, 0.3, 0.5)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0, -5, 0.8), (1.45, 0, 0)
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "SUN"))
    lamp.rotation_euler = (0.6, 0.3, 0)
    for thing in (camera, lamp):
        scene.collection.objects.link(thing)
    scene.camera = camera
    return scene


def add(name: str, location: Any = (0, 0, 0), size: float = 1, grid: int = 0) -> Any:
    """A cube, or a grid of so many squares."""
    import bmesh  # the module has it once bpy is there

    mesh, shape = bpy.data.meshes.new(name), bmesh.new()
    if grid:
        bmesh.ops.create_grid(shape, x_segments=grid, y_segments=grid, size=size / 2)
    else:
        bmesh.ops.create_cube(shape, size=size)
    shape.to_mesh(mesh)
    thing = bpy.data.objects.new(name, mesh)
    thing.location = location
    bpy.context.scene.collection.objects.link(thing)
    return thing


def move(thing: Any, to: Any) -> None:
    thing.keyframe_insert("location", frame=1)
    thing.location = to
    thing.keyframe_insert("location", frame=LAST)


def cloth() -> None:
    """A sheet falls onto a box that rises; one more is hidden in the window, whose subdivisions there are fewer."""
    sheet = add("Shirt", (0, 0, 1.2), 1.6, 5)
    sheet.modifiers.new("Smooth", "SUBSURF").levels = 0
    sheet.modifiers["Smooth"].render_levels = 1
    sheet.modifiers.new("Cloth", "CLOTH").point_cache.frame_end = LAST
    sheet.hide_viewport = True
    box = add("Box", (0, 0, 0.5), 0.8)
    box.modifiers.new("Collision", "COLLISION")
    move(box, (0, 0, 0.9))


def soft_body() -> None:
    jelly = add("Jelly", (0, 0, 1.2))
    jelly.modifiers.new("Soft", "SOFT_BODY").point_cache.frame_end = LAST
    jelly.soft_body.use_goal = False


def emitter(kill: bool) -> None:
    source = add("Source", (0, 0, 1), 1.5, 2)
    bit = add("Bit", (0, 50, 0))
    settings = source.modifiers.new("Sparks", "PARTICLE_SYSTEM").particle_system.settings
    settings.count, settings.frame_start, settings.frame_end, settings.lifetime = 40, 1, LAST, 3
    settings.render_type, settings.instance_object, settings.particle_size = "OBJECT", bit, 0.15
    settings.use_rotations, settings.angular_velocity_mode, settings.brownian_factor = True, "VELOCITY", 2
    settings.display_percentage = 10
    source.particle_systems[0].point_cache.frame_end = LAST
    floor = add("Floor", (0, 0, 0.8), 4, 1)
    floor.modifiers.new("Collision", "COLLISION")
    floor.collision.use_particle_kill = kill


def particles() -> None:
    emitter(False)


def killed() -> None:
    emitter(True)


def hair() -> None:
    head = add("Head", (-0.6, 0, 0.5), 1, 2)
    settings = head.modifiers.new("Fur", "PARTICLE_SYSTEM").particle_system.settings
    settings.type, settings.count, settings.hair_length, settings.root_radius = "HAIR", 12, 1.2, 5
    head.particle_systems[0].use_hair_dynamics = True
    head.particle_systems[0].point_cache.frame_end = LAST
    move(head, (0.6, 0, 0.5))


def dynamic_paint() -> None:
    pond, ball = add("Pond", (0, 0, 0.2), 3, 20), add("Ball", (-1, 0, 0.2), 0.8)
    for thing, kind in ((pond, "CANVAS"), (ball, "BRUSH")):
        bpy.context.view_layer.objects.active = thing
        thing.modifiers.new("Paint", "DYNAMIC_PAINT").ui_type = kind
        bpy.ops.dpaint.type_toggle(type=kind)
    surface = pond.modifiers["Paint"].canvas_settings.canvas_surfaces[0]
    surface.surface_type, surface.frame_end, surface.use_incremental_displace = "DISPLACE", LAST, True
    move(ball, (1, 0, 0.2))


def rigid_body() -> None:
    """Blocks fall onto one another; a sheet lies on one of them, which is another simulation."""
    for number in range(3):
        block = add(f"Block {number}", (number * 0.2, 0, 0.4 + number * 0.9), 0.7)
        block.rotation_euler = (0.2 * number, 0.3, 0.1)
        bpy.context.view_layer.objects.active = block
        if not number:
            bpy.ops.rigidbody.world_add()
        bpy.ops.rigidbody.object_add()
    block.modifiers.new("Collision", "COLLISION")
    bpy.context.scene.rigidbody_world.point_cache.frame_end = LAST
    add("Shirt", (0.4, 0, 2.7), 1.2, 5).modifiers.new("Cloth", "CLOTH").point_cache.frame_end = LAST


def domain(kind: str) -> None:
    tank, source = add("Tank", (0, 0, 1), 2), add("Source", (0, 0, 0.7), 0.8)
    source.hide_render = True
    for thing, role in ((tank, "DOMAIN"), (source, "FLOW")):
        thing.modifiers.new("Fluid", "FLUID").fluid_type = role
    settings, flow = tank.modifiers[0].domain_settings, source.modifiers[0].flow_settings
    settings.domain_type, settings.resolution_max = kind, 10
    settings.cache_frame_start, settings.cache_frame_end = 1, LAST
    if kind == "LIQUID":
        settings.use_mesh = True
        flow.flow_type, flow.flow_behavior = "LIQUID", "GEOMETRY"
        return
    settings.use_noise, settings.noise_scale = True, 2
    flow.flow_type, flow.flow_behavior = "SMOKE", "INFLOW"
    shade = bpy.data.materials.new("Smoke")
    shade.use_nodes = True
    shade.node_tree.nodes.clear()
    fog, end = (shade.node_tree.nodes.new(kind) for kind in ("ShaderNodeVolumePrincipled", "ShaderNodeOutputMaterial"))
    fog.inputs["Emission Strength"].default_value = 0.5
    shade.node_tree.links.new(fog.outputs[0], end.inputs["Volume"])
    tank.data.materials.append(shade)


def smoke() -> None:
    domain("GAS")


def liquid() -> None:
    domain("LIQUID")


def mixed() -> None:
    """Smoke comes from a thing that falls, and blows at a sheet: each of two passes needs what the other computes."""
    smoke()
    source = bpy.data.objects["Source"]
    source.location.z = 1.6
    bpy.context.view_layer.objects.active = source
    bpy.ops.rigidbody.world_add()
    bpy.ops.rigidbody.object_add()
    bpy.context.scene.rigidbody_world.point_cache.frame_end = LAST
    bpy.ops.object.effector_add(type="FLUID")
    wind = bpy.context.object.field
    wind.source_object, wind.strength, wind.flow = bpy.data.objects["Tank"], 500, 5
    sheet = add("Shirt", (0, 0, 1.9), 1.2, 5)
    sheet.modifiers.new("Cloth", "CLOTH").point_cache.frame_end = LAST


def zone() -> None:
    """Two things grow, one of them as much as the other does."""
    first = None
    for name in ("Grow", "Follow"):
        thing = add(name, (-1 if first is None else 1, 0, 0.8), 0.5)
        tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
        for side in ("INPUT", "OUTPUT"):
            tree.interface.new_socket("Geometry", in_out=side, socket_type="NodeSocketGeometry")
        kinds = ("NodeGroupInput", "NodeGroupOutput", "GeometryNodeSimulationInput", "GeometryNodeSimulationOutput")
        begin, end, head, tail = (tree.nodes.new(f"{kind}") for kind in kinds)
        head.pair_with_output(tail)
        if "Geometry" not in tail.inputs:
            tail.state_items.new("GEOMETRY", "Geometry")
        grow = tree.nodes.new("GeometryNodeTransform")
        grow.inputs["Scale"].default_value = (1.1, 1, 1.2)
        links = [(begin.outputs[0], head.inputs["Geometry"]), (grow.outputs[0], tail.inputs["Geometry"]), (tail.outputs["Geometry"], end.inputs[0])]
        last = head.outputs["Geometry"]
        if first is not None:
            info, join = tree.nodes.new("GeometryNodeObjectInfo"), tree.nodes.new("GeometryNodeJoinGeometry")
            info.inputs[0].default_value = first
            links += [(info.outputs["Geometry"], join.inputs[0]), (last, join.inputs[0])]
            last = join.outputs[0]
        for source, sink in [*links, (last, grow.inputs["Geometry"])]:
            tree.links.new(source, sink)
        thing.modifiers.new("Nodes", "NODES").node_group = tree
        first = thing
    bpy.context.view_layer.update()


def listed() -> None:
    """Simulations that are to be baked, and some that are not."""
    scene = bpy.context.scene
    add("Shirt", (0, 0, 1), 1, 2).modifiers.new("Cloth", "CLOTH").point_cache.frame_start = 3
    add("Skirt", (0, 0, 1), 1, 2).modifiers.new("Cloth", "CLOTH").show_render = False
    add("Sail", (0, 0, 1), 1, 2).modifiers.new("Cloth", "CLOTH").point_cache.use_external = True
    early = add("Early", (0, 0, 1)).modifiers.new("Soft", "SOFT_BODY").point_cache
    early.frame_start, early.frame_end = -5, LAST
    hidden = bpy.data.collections.new("Hidden")
    scene.collection.children.link(hidden)
    bpy.context.view_layer.layer_collection.children["Hidden"].exclude = True
    for name in ("Attic", "Shown by another"):
        thing = add(name, (0, 0, 1), 1, 2)
        scene.collection.objects.unlink(thing)
        thing.modifiers.new("Cloth", "CLOTH")
        holder = hidden if name == "Attic" else bpy.data.collections.new("Instance")
        holder.objects.link(thing)
    empty = bpy.data.objects.new("Copy", None)
    empty.instance_type, empty.instance_collection = "COLLECTION", bpy.data.collections["Instance"]
    scene.collection.objects.link(empty)
    with bpy.data.libraries.load(os.path.join(OUT, "soft_body.blend"), link=True) as (_, wanted):
        wanted.objects = ["Jelly"]
    scene.collection.objects.link(bpy.data.objects["Jelly"])


def render(name: str) -> None:
    scene = bpy.context.scene
    if not bpy.data.filepath.endswith("-baked.blend"):
        for frame in range(1, LAST + 1):  # plays the animation once
            scene.frame_set(frame)
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
    if hasattr(image, "use_exr_interleave"):
        image.use_exr_interleave = True
    scene.render.filepath = os.path.join(OUT, name, "")
    for frame in SHOWN:
        scene.frame_start = scene.frame_end = frame
        bpy.ops.render.render(animation=True)


WAITS = """
import os, time
import bpy
def wait(scene, *_):
    while scene.frame_current == 5 and not os.path.exists({go!r}):
        time.sleep(0.02)
bpy.app.handlers.frame_change_pre.append(wait)
"""

os.chdir(OUT)
for name in NAMES:
    name, _, waits = name.partition("+")
    fresh()
    globals()[name]()
    if waits:  # NAME+GO: when its Python runs, frame 5 comes when there is a file GO
        text = bpy.data.texts.new("waits.py")
        text.write(WAITS.format(go=os.path.join(OUT, waits)))
        text.use_module = True
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(OUT, name + ".blend"))
    if name == "listed":
        continue
    bpy.ops.wm.open_mainfile(filepath=os.path.join(OUT, name + ".blend"))
    if name == "cloth":  # as the render sees it
        bpy.data.objects["Shirt"].hide_viewport = False
        bpy.data.objects["Shirt"].modifiers["Smooth"].levels = 1
    elif name in ("particles", "killed", "dynamic_paint"):
        # Unbaked these are not always what they are baked, or played twice.
        bpy.ops.wm.save_as_mainfile(filepath=os.path.join(OUT, name + "-baked.blend"))
        if name == "dynamic_paint":
            cache = bpy.data.objects["Pond"].modifiers["Paint"].canvas_settings.canvas_surfaces[0].point_cache
        else:
            system = bpy.data.objects["Source"].particle_systems[0]
            # As the render sees it. With fewer shown Blender bakes a first frame in which the others have moved already.
            system.settings.display_percentage, cache = 100, system.point_cache
        cache.use_disk_cache = True
        bpy.ops.ptcache.bake_all(bake=True)
        bpy.ops.wm.save_mainfile()
        bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    elif name in ("liquid", "smoke", "mixed"):
        tank = bpy.data.objects["Tank"]
        settings = tank.modifiers[0].domain_settings
        settings.cache_directory = os.path.join(OUT, name + "-local")
        if settings.cache_type == "MODULAR":
            settings.cache_resumable = True
            with bpy.context.temp_override(object=tank, active_object=tank, selected_objects=[tank]):
                bpy.context.view_layer.objects.active = tank
                for step in (bpy.ops.fluid.bake_data, bpy.ops.fluid.bake_mesh):
                    step()
    render(name)
sys.stdout.flush()
os._exit(0)  # 3.4 can crash where it frees fluids
