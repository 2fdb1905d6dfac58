"""A scene whose files have every kind of path and name, one picture on each box of a wall.

work/show/film/seq/shots/paths.blend   the scene; film/seq/latest is a link to shots
work/show/...                          what lies near it: its own folder, above it, behind links, with odd names
work/show/lib/props.blend              a library named by a relative path, with pictures and a library of its own
elsewhere/                             what is named by absolute paths, a library with absolute paths of its own too
"""

from __future__ import annotations

import colorsys
import os
import sys
import unicodedata
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage

want = stage.settings(__doc__ or "", samples=2)
SEQ = os.path.join(want.out, "work", "show", "film", "seq")
SHOTS = os.path.join(SEQ, "shots")
ELSEWHERE = os.path.join(want.out, "elsewhere")
LONG = "long " * 11 + "folder"
ASK = "?" if bpy.app.version >= (4, 0, 0) else "*"  # Cycles 3.4 reads no picture with a ? in its path

# Where a picture lies, seen from the scene's folder, and how the scene names it; "" for the same after "//".
NEAR = [
    ("beside.png", ""),
    ("./below/../below/dots.png", ""),
    ("../tex/up.png", ""),
    ("../../../../above.png", ""),
    ("../linked folder/inside.png", ""),
    ("../linked.png", ""),
    ("../tex/wood.png", "//..\\tex\\wood.png"),
    ("textures/oak.png", "//textures\\oak.png"),
    (f"names/{unicodedata.normalize('NFC', 'Größe é')}.png", ""),
    (f"names/{unicodedata.normalize('NFD', 'Größe é')}.png", ""),
    ("names/木 片.png", ""),
    ("names/a # 100% $HOME 'b' {c} ~.png", ""),
    ("names/-f 1.png", ""),
    ("names/tex.png", ""),
    ("names/Tex.png", ""),
    ("Names/tex.png", ""),
    ("names/aux.png", ""),
    ("names/a:b.png", ""),
    (f'names/what{ASK} "<*>|.png', ""),
    ("names/dot./blank /x.png", ""),
    ("names/ending. ", ""),
    ("names/" + "n" * 250 + ".png", ""),
    (f"{LONG}/{LONG}/{LONG}/{LONG}/x.png", ""),
    ("COM1/nul", ""),
]


def hue(index: int) -> Any:
    """A picture that no other index has."""
    colour = colorsys.hsv_to_rgb(index * 0.381966 % 1, 0.5 + 0.5 * (index * 0.217 % 1), 0.9)

    def at(x: float, y: float) -> tuple[float, ...]:
        return colour if (x + y * (1 + index % 5)) % 0.5 < 0.25 else colour[::-1]

    return at


def textured(index: int, path: str, stored: str) -> tuple[Any, Any]:
    """A material that shows the picture at path, which is written, and its node; the .blend will store the path as stored."""
    stage.png(path, 16, 16, hue(index))
    made, shader = stage.material(f"Paint {index}", (1, 1, 1), 0.8)
    node = stage.picture(made, shader, bpy.data.images.load(path, check_existing=False))
    node.image.filepath = stored
    node.interpolation = "Closest"
    return made, node


def link(path: str, stored: str) -> list[Any]:
    """Links the materials of another .blend, whose path the open one will store as stored."""
    with bpy.data.libraries.load(path, link=True, relative=False) as (_, wanted):
        wanted.meshes = ["Holder"]
    holder = next(mesh for mesh in bpy.data.meshes if mesh.library is not None and mesh.library.parent is None)
    holder.library.filepath = stored
    return list(holder.materials)


def library(name: str, pictures: list[tuple[int, str, str]], inner: str = "") -> str:
    """Writes a .blend with a mesh that holds materials, those of another .blend among them, and returns its path."""
    stage.fresh(want)
    made = [textured(*each)[0] for each in pictures]
    made += link(inner, inner) if inner else []
    holder = bpy.data.meshes.new("Holder")
    holder.use_fake_user = True
    for material in made:
        holder.materials.append(material)
    return stage.save(want, name)


def tiles(index: int, folder: str) -> Any:
    """A material of two UDIM tiles; only the second one shows."""
    made, node = textured(index, os.path.join(folder, "tile: 1001.v2.png"), f"//odd{ASK} tiles/tile: 1001.v2.png")
    stage.png(os.path.join(folder, "tile: 1002.v2.png"), 16, 16, hue(index + 50))
    node.image.source = "TILED"
    node.image.tiles.new(1002)
    node.image.filepath = f"//odd{ASK} tiles/tile: <UDIM>.v2.png"
    return made


def sequence(index: int, folder: str) -> Any:
    """A material of an image sequence."""
    for frame in range(2, want.frames + 1):
        stage.png(os.path.join(folder, f"wave*_{frame:04}.png"), 16, 16, hue(index + frame))
    made, node = textured(index, os.path.join(folder, "wave*_0001.png"), "//frames/wave*_0001.png")
    node.image.source = "SEQUENCE"
    user = node.image_user
    user.frame_start, user.frame_duration, user.use_auto_refresh = 1, want.frames, True
    return made


def links() -> None:
    """Makes the links: to the scene's folder, to a folder and to a file outside."""
    os.makedirs(os.path.join(ELSEWHERE, "folder"))
    os.makedirs(SHOTS)
    os.symlink("shots", os.path.join(SEQ, "latest"))
    os.symlink(os.path.join(ELSEWHERE, "folder"), os.path.join(SEQ, "linked folder"))
    os.symlink(os.path.join(ELSEWHERE, "target.png"), os.path.join(SEQ, "linked.png"))


def main() -> str:
    """The scene itself."""
    links()
    inside, outside = os.path.join(ELSEWHERE, "lib", "tex", "y.png"), os.path.join(ELSEWHERE, "other", "z.png")
    deep = library("elsewhere/lib/de:ep", [(30, inside, "//tex\\y.png"), (31, outside, outside)])
    own = os.path.join(want.out, "work", "show", "lib", "tex", "p.png")
    props = library("work/show/lib/props", [(32, own, "//tex/p.png")], deep)

    scene = stage.fresh(want)
    stage.save(want, "work/show/film/seq/shots/paths")  # so that relative paths have something to be relative to
    stage.world(scene, (1, 1, 1), 1)
    boxes = [textured(index, os.path.normpath(os.path.join(SHOTS, path)), stored or f"//{path}")[0] for index, (path, stored) in enumerate(NEAR)]
    near, far = os.path.join(SEQ, "tex", "absolute.png"), os.path.join(ELSEWHERE, "tex", "far.png")
    boxes += [textured(40, near, near)[0], textured(41, far, far)[0]]
    boxes += link(props, "//../../../lib/props.blend")
    boxes += [tiles(42, os.path.join(SHOTS, f"odd{ASK} tiles")), sequence(43, os.path.join(SHOTS, "frames"))]
    for index, made in enumerate(boxes):
        mesh = stage.plane(f"Box {index}", 0.9)
        if made.name == "Paint 42":
            for corner in mesh.uv_layers[0].data:
                corner.uv.x += 1
        stage.add(scene, f"Box {index}", mesh, (index % 8 - 3.5, index // 8 - 1.5, 0)).data.materials.append(made)
    eye = stage.camera(scene, (0, 0, 5), (0, 0, 0))
    eye.data.type, eye.data.ortho_scale = "ORTHO", 8.2
    stage.stamp(scene, "paths")
    return stage.save(want, "work/show/film/seq/shots/paths")


stage.finish(main())
