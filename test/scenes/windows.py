"""One scene twice: plain/shot.blend with the paths of this machine, C/film/shots/shot.blend as Windows stores them.

C/, D/ and server/ stand for the drives C: and D: and for a server of the artist's machine: C/film/shots/shot.blend is
C:\\film\\shots\\shot.blend there. Both scenes show the same pictures.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage

want = stage.settings(__doc__ or "", samples=2)
COLOURS = [(0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.2, 0.3, 0.9), (0.9, 0.8, 0.1), (0.8, 0.2, 0.8), (0.1, 0.8, 0.8), (0.9, 0.5, 0.1), (0.4, 0.2, 0.1)]

# Where a picture lies here, and how Windows names it in the scene.
SCENE = [
    ("C/film/shots/here.png", "//here.png"),
    ("C/film/tex/wood.png", "//..\\tex\\wood.png"),
    ("C/film/tex/Case.png", "c:\\Film\\TEX\\case.PNG"),
    ("C/stock/rock.png", "C:\\stock\\rock.png"),
    ("D/scans/moss.png", "D:\\scans\\..\\scans\\moss.png"),
    ("server/share/sky.png", "\\\\server\\Share\\sky.png"),
]
LIBRARY = [("C/studio/tex/y.png", "//tex\\y.png"), ("C/other/z.png", "C:\\other\\z.png")]


def here(path: str) -> str:
    """A path below the folder that is written to."""
    return os.path.join(want.out, *path.split("/"))


def painted(index: int, path: str, stored: str) -> Any:
    """A material that shows the picture at path; the .blend will store the path as stored."""
    colour = COLOURS[index]
    stage.png(here(path), 16, 16, lambda x, y: colour if (x + y) % 0.5 < 0.25 else colour[::-1])
    made, shader = stage.material(f"Paint {index}", (1, 1, 1), 0.8)
    node = stage.picture(made, shader, bpy.data.images.load(here(path), check_existing=False))
    node.image.filepath = stored
    return made


def library(name: str, windows: bool) -> None:
    """The library: a mesh that holds its materials."""
    stage.fresh(want)
    holder = bpy.data.meshes.new("Holder")
    holder.use_fake_user = True
    for index, (path, stored) in enumerate(LIBRARY):
        holder.materials.append(painted(index, path, stored if windows else here(path)))
    stage.save(want, name)


def shot(name: str, linked: str, stored: str, windows: bool) -> str:
    """The scene, with a library that lies at linked and is named as stored."""
    scene = stage.fresh(want)
    stage.save(want, name)
    stage.world(scene, (1, 1, 1), 1)
    boxes = [painted(index + len(LIBRARY), path, name if windows else here(path)) for index, (path, name) in enumerate(SCENE)]
    with bpy.data.libraries.load(linked, link=True, relative=False) as (_, wanted):
        wanted.meshes = ["Holder"]
    boxes += list(wanted.meshes[0].materials)
    for index, made in enumerate(boxes):
        stage.add(scene, f"Box {index}", stage.plane(f"Box {index}", 0.9), (index % 4 - 1.5, index // 4 - 0.5, 0)).data.materials.append(made)
    eye = stage.camera(scene, (0, 0, 5), (0, 0, 0))
    eye.data.type, eye.data.ortho_scale = "ORTHO", 4.2
    stage.stamp(scene, "shot")
    wanted.meshes[0].library.filepath = stored
    return stage.save(want, name)


library("plain/lib", windows=False)
shot("plain/shot", here("plain/lib.blend"), here("plain/lib.blend"), windows=False)
library("C/studio/lib", windows=True)
stage.finish(shot("C/film/shots/shot", here("C/studio/lib.blend"), "C:\\studio\\lib.blend", windows=True))
