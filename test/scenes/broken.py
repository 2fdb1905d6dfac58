"""Scenes that cannot render, or not well, each in its own way:

missing.blend    a texture and a library that are not there
nocamera.blend   no camera
raises.blend     a text block that raises when the file is opened, and drivers that run Python
truncated.blend  the second half is lost
notblend.blend   a text
empty.blend      no bytes at all
newer.blend      says that a Blender of the far future made it
"""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage

want = stage.settings(__doc__ or "", frames=5, samples=4, size="64x36")


def base(name: str) -> tuple[Any, Any]:
    """A scene with a box."""
    scene = stage.fresh(want)
    stage.world(scene, (0.4, 0.5, 0.6))
    stage.camera(scene, (0, -5, 1.6), (0, 0, 0))
    box = stage.add(scene, "Cube", stage.cube("Cube", 1.5))
    box.data.materials.append(stage.material("Clay", (0.8, 0.35, 0.15))[0])
    stage.animate(box, "rotation_euler", [(1, (0, 0, 0)), (want.frames, (0.5, 0.3, 2))])
    stage.stamp(scene, name)
    return scene, box


def missing() -> None:
    """The library and the texture exist while the scene is saved, and not for longer."""
    base("gone")
    library = stage.save(want, "lib/gone")
    scene, box = base("missing")
    stage.save(want, "missing")
    texture = stage.png(os.path.join(want.out, "textures", "gone.png"), 8, 8, lambda x, y: (1, 0, 0))
    made, shader = stage.material("Picture", (1, 1, 1))
    image = bpy.data.images.load(texture)
    stage.picture(made, shader, image)
    image.filepath = "//textures/gone.png"
    box.data.materials[0] = made
    with bpy.data.libraries.load(library, link=True, relative=False) as (_, wanted):
        wanted.meshes = ["Cube"]
    mesh = next(mesh for mesh in bpy.data.meshes if mesh.library)
    mesh.library.filepath = "//lib/gone.blend"
    stage.add(scene, "From library", mesh, (1, 0, 0))
    stage.save(want, "missing")
    for path in (library, texture):
        os.remove(path)
        os.rmdir(os.path.dirname(path))


def raises() -> None:
    """Scripts that fail as soon as they may run."""
    _, box = base("raises")
    text = bpy.data.texts.new("start.py")
    text.write("raise RuntimeError('this script of the scene always raises')\n")
    text.use_module = True
    box.driver_add("location", 0).driver.expression = "undefined_name(frame)"
    # Blender works out simple expressions by itself; this one needs Python
    box.driver_add("location", 2).driver.expression = "[0.1 * frame][0]"
    stage.save(want, "raises")


def damaged() -> None:
    """Files that are no scenes, or no longer."""
    scene, _ = base("truncated")
    path = stage.save(want, "truncated")
    with open(path, "rb") as file:
        whole = file.read()
    new = b"BLENDER17-01v9900" + whole[17:] if whole[7:8].isdigit() else whole[:9] + b"990" + whole[12:]
    for name, data in (
        ("truncated", whole[: len(whole) // 2]),
        ("notblend", b"This is a text, whatever its name says.\n"),
        ("empty", b""),
        ("newer", new),
    ):
        with open(os.path.join(want.out, f"{name}.blend"), "wb") as file:
            file.write(data)
    bpy.data.objects.remove(scene.camera)
    scene.render.filepath = "//render/nocamera_####"
    stage.save(want, "nocamera")


missing()
raises()
damaged()
stage.finish(want.out)
