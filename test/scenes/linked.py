"""A scene that needs other files: project/linked.blend, with everything it reads written beside it.

project/linked.blend             links Prop from lib/props.blend (a relative path)
project/textures/                checker.png, and a name with spaces and letters outside ASCII
project/frames/wave_0001.png ... an image sequence, one picture for each frame
project/lib/props.blend          uses lib/tex/prop.png, links Paint from shared/paint.blend (an absolute path)
shared/paint.blend               uses shared/tex/paint.png
outside/floor.png                used by an absolute path
"""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage

ODD_NAME = "textures/Größe mit Leerzeichen 木 #1.png"
want = stage.settings(__doc__ or "", samples=8)


def inside(*names: str) -> str:
    """A path in the folder that is written to."""
    return os.path.join(want.out, *names)


def stripes(colour: tuple[float, float, float], count: int, phase: float = 0) -> Any:
    """A picture of stripes."""

    def at(x: float, y: float) -> tuple[float, ...]:
        level = 0.5 + 0.5 * math.sin(2 * math.pi * (count * (x + 0.5 * y) + phase))
        return tuple(c * (0.25 + 0.75 * level) for c in colour)

    return at


def textured(name: str, path: str, stored: str) -> tuple[Any, Any]:
    """A material that shows the picture at path, which the .blend will store as stored."""
    made, shader = stage.material(name, (1, 1, 1), 0.4)
    image = bpy.data.images.load(path)
    node = stage.picture(made, shader, image)
    image.filepath = stored
    return made, node


def link(path: str, kind: str, name: str) -> Any:
    """Links one datablock from another .blend."""
    with bpy.data.libraries.load(path, link=True, relative=False) as (_, wanted):
        setattr(wanted, kind, [name])
    return getattr(bpy.data, kind)[name]


def paint() -> str:
    """The library that is named by its absolute path."""
    stage.fresh(want)
    path = stage.png(inside("shared", "tex", "paint.png"), 64, 64, stripes((0.9, 0.15, 0.1), 6))
    made, _ = textured("Paint", path, "//tex/paint.png")
    made.use_fake_user = True
    return stage.save(want, "shared/paint")


def props(shared: str) -> str:
    """The library in lib/."""
    scene = stage.fresh(want)
    prop = stage.add(scene, "Prop", stage.cube("Prop", 1))
    path = stage.png(inside("project", "lib", "tex", "prop.png"), 64, 64, stripes((0.2, 0.7, 0.3), 3))
    prop.data.materials.append(textured("Prop", path, "//tex/prop.png")[0])
    prop.data.materials.append(link(shared, "materials", "Paint"))
    for index, face in enumerate(prop.data.polygons):
        face.material_index = index % 2
    return stage.save(want, "project/lib/props")


def main() -> str:
    """The scene itself."""
    library = props(paint())
    scene = stage.fresh(want)
    stage.save(want, "project/linked")  # so that relative paths have something to be relative to
    stage.world(scene, (0.5, 0.6, 0.8), 0.4)
    stage.lamp(scene, "Sun", "SUN", (3, -4, 5), (0, 0, 0), 3)
    stage.camera(scene, (0, -7, 2.6), (0, 0, 0.3), 42)

    path = stage.png(inside("outside", "floor.png"), 64, 64, stripes((0.8, 0.75, 0.6), 8))
    floor = stage.add(scene, "Floor", stage.plane("Floor", 12), (0, 0, -0.6))
    floor.data.materials.append(textured("Floor", path, path)[0])

    path = stage.png(inside("project", "textures", "checker.png"), 64, 64, stripes((1, 0.6, 0.1), 2))
    boxes = [("Checker", textured("Checker", path, "//textures/checker.png")[0])]
    path = stage.png(inside("project", *ODD_NAME.split("/")), 64, 64, stripes((0.6, 0.3, 0.9), 5))
    boxes.append(("Odd name", textured("Odd name", path, "//" + ODD_NAME)[0]))

    for frame in range(1, want.frames + 1):
        phase = frame / want.frames
        stage.png(inside("project", "frames", f"wave_{frame:04}.png"), 64, 64, stripes((0.2, 0.5, 1), 1, phase))
    wave, node = textured("Wave", inside("project", "frames", "wave_0001.png"), "//frames/wave_0001.png")
    node.image.source = "SEQUENCE"
    user = node.image_user
    user.frame_start, user.frame_duration, user.use_auto_refresh = 1, want.frames, True
    boxes.append(("Wave", wave))

    linked = link(library, "objects", "Prop")
    linked.library.filepath = "//lib/props.blend"
    boxes.append(("Prop", None))
    for index, (name, made) in enumerate(boxes):
        box = stage.add(scene, name, linked.data if made is None else stage.cube(name, 1), (1.5 * index - 2.25, 0, 0))
        if made is not None:
            box.data.materials.append(made)
        stage.animate(box, "rotation_euler", [(1, (0, 0, index)), (max(want.frames, 2), (0.2, 0, index + 3))])
    stage.stamp(scene, "linked")
    return stage.save(want, "project/linked")


stage.finish(main())
