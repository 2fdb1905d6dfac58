"""Makes the scene of the pictures in docs: a ring of stones around a lamp, turning, with passes.

Run as `blender -b --factory-startup --python scene.py -- FILE.blend SAMPLES WIDTH`.
"""

import math
import random
import sys

import bpy

path, samples, width = sys.argv[sys.argv.index("--") + 1 :]
random.seed(7)
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 48


def material(name, colour, rough=0.6, metal=0.0, glow=0.0):
    m = bpy.data.materials.new(name)
    m.use_nodes = True
    p = m.node_tree.nodes["Principled BSDF"]
    p.inputs["Base Color"].default_value = (*colour, 1)
    p.inputs["Roughness"].default_value, p.inputs["Metallic"].default_value = rough, metal
    if glow:
        e = m.node_tree.nodes.new("ShaderNodeEmission")
        e.inputs["Color"].default_value, e.inputs["Strength"].default_value = (*colour, 1), glow
        m.node_tree.links.new(e.outputs[0], m.node_tree.nodes["Material Output"].inputs["Surface"])
    return m


ground = material("ground", (0.32, 0.36, 0.30), 0.9)
stones = [material(f"stone {i}", c, r, k) for i, (c, r, k) in enumerate((
    ((0.80, 0.36, 0.22), 0.5, 0), ((0.85, 0.64, 0.30), 0.35, 1), ((0.20, 0.34, 0.48), 0.4, 0), ((0.75, 0.73, 0.68), 0.7, 0)))]
bpy.ops.mesh.primitive_grid_add(x_subdivisions=120, y_subdivisions=120, size=60)
land = bpy.context.object
for v in land.data.vertices:
    d = math.hypot(v.co.x, v.co.y)
    v.co.z = max(0, d - 9) * 0.16 * (1 + math.sin(v.co.x * 0.45) * math.cos(v.co.y * 0.38)) - 0.05
land.data.materials.append(ground)
bpy.ops.object.shade_smooth()
ring = bpy.data.objects.new("ring", None)
scene.collection.objects.link(ring)
for i in range(14):
    a = 2 * math.pi * i / 14
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=3, radius=0.55 + 0.35 * random.random(), location=(4.6 * math.cos(a), 4.6 * math.sin(a), 0.7))
    o = bpy.context.object
    o.scale.z = 0.9 + 1.6 * random.random()
    o.data.materials.append(stones[i % 4])
    o.parent = ring
    bpy.ops.object.shade_smooth()
ring.rotation_euler = (0, 0, 0)
ring.keyframe_insert("rotation_euler", frame=1)
ring.rotation_euler = (0, 0, math.radians(90))
ring.keyframe_insert("rotation_euler", frame=49)
for c in ring.animation_data.action.fcurves:
    for k in c.keyframe_points:
        k.interpolation = "LINEAR"
bpy.ops.mesh.primitive_uv_sphere_add(radius=0.9, location=(0, 0, 1.6))
bpy.context.object.data.materials.append(material("lamp", (1, 0.62, 0.28), glow=6))
bpy.ops.object.shade_smooth()
bpy.ops.mesh.primitive_torus_add(major_radius=2.0, minor_radius=0.22, location=(0, 0, 0.25))
bpy.context.object.data.materials.append(stones[1])
bpy.ops.object.shade_smooth()
sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
sun.data.energy, sun.data.angle, sun.data.color = 2.2, 0.05, (1, 0.86, 0.7)
sun.rotation_euler = (math.radians(62), 0, math.radians(35))
scene.collection.objects.link(sun)
scene.world = bpy.data.worlds.new("sky")
scene.world.use_nodes = True
scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.30, 0.42, 0.62, 1)
scene.world.node_tree.nodes["Background"].inputs[1].default_value = 0.7
camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
camera.location, camera.rotation_euler = (0, -13.5, 5.6), (math.radians(70), 0, 0)
camera.data.lens = 38
scene.collection.objects.link(camera)
scene.camera = camera
r = scene.render
r.engine, r.resolution_x, r.resolution_y, r.fps = "CYCLES", int(width), int(width) * 9 // 16, 24
scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = int(samples), False, False
r.image_settings.file_format = "PNG"
layer = bpy.context.view_layer
layer.use_pass_z = layer.use_pass_normal = layer.use_pass_diffuse_color = layer.use_pass_mist = layer.use_pass_object_index = True
layer.use_pass_cryptomatte_object = True
scene.world.mist_settings.start, scene.world.mist_settings.depth = 5, 30
bpy.ops.wm.save_as_mainfile(filepath=path)
