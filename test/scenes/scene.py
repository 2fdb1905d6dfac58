"""What the scene scripts share: their arguments, a fresh scene, plain materials, files on disk.

Each script runs as `blender -b --factory-startup --python NAME.py -- OUTDIR` or `python NAME.py OUTDIR` (with the bpy
module), under 3.4 to 5.x, and takes --frames, --samples, --size and --threads. What it writes depends on nothing else.
"""

from __future__ import annotations

import argparse
import math
import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import bpy


@dataclass(frozen=True)
class Settings:
    """The folder to write to and the size of the work."""

    out: str  # absolute
    frames: int
    samples: int
    width: int  # pixels
    height: int
    threads: int  # 0: all cores
    absolute: bool  # whether the .blend stores whole paths


def settings(about: str, frames: int = 24, samples: int = 16, size: str = "320x180") -> Settings:
    """Reads the arguments after "--", or all of them when Python itself runs the script."""
    given = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser(prog=os.path.basename(sys.argv[0]), description=about)
    parser.add_argument("out", help="folder to write to")
    parser.add_argument("--frames", type=int, default=frames)
    parser.add_argument("--samples", type=int, default=samples)
    parser.add_argument("--size", default=size, help="WIDTHxHEIGHT in pixels")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--absolute", action="store_true", help="store whole paths (of scenes that read many kinds of files)")
    args = parser.parse_args(given)
    width, _, height = args.size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        parser.error(f"--size is WIDTHxHEIGHT, not {args.size}")
    return Settings(os.path.abspath(args.out), args.frames, args.samples, int(width), int(height), args.threads, args.absolute)


def fresh(want: Settings) -> Any:
    """Empties Blender and returns its scene: Cycles on the CPU, no denoising, the same samples for every pixel."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    files = bpy.context.preferences.filepaths
    files.save_version, files.use_relative_paths = 0, False
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, want.frames
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = want.width, want.height, 100
    if want.threads:
        render.threads_mode, render.threads = "FIXED", want.threads
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.seed = "CPU", want.samples, 1
    cycles.max_bounces = 4
    cycles.use_denoising = cycles.use_adaptive_sampling = False
    return scene


def save(want: Settings, name: str) -> str:
    """Writes the open scene as OUTDIR/name.blend, with its paths as they stand, and returns its path."""
    path = os.path.join(want.out, *f"{name}.blend".split("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=path, relative_remap=False, compress=False)
    return path


def finish(path: str) -> None:
    """Says what was written and ends the script."""
    print(path, flush=True)
    if not bpy.app.binary_path:
        os._exit(0)  # the bpy module may wait for itself forever while Python ends


def stamp(scene: Any, name: str) -> None:
    """Names the output of the scene: PNG files in render/ beside the .blend."""
    scene.render.filepath = f"//render/{name}_####"
    scene.render.image_settings.file_format = "PNG"


def add(scene: Any, name: str, data: Any, at: Sequence[float] = (0, 0, 0)) -> Any:
    """Puts an object with data into the scene."""
    thing = bpy.data.objects.new(name, data)
    thing.location = at
    scene.collection.objects.link(thing)
    return thing


def camera(scene: Any, at: Sequence[float], target: Sequence[float], lens: float = 50) -> Any:
    """A camera of lens millimetres that looks from at to target; the scene's own from now on."""
    eye = add(scene, "Camera", bpy.data.cameras.new("Camera"), at)
    eye.data.lens = lens
    aim(eye, target)
    scene.camera = eye
    return eye


def aim(thing: Any, target: Sequence[float]) -> None:
    """Turns a camera or lamp to target."""
    x, y, z = (t - p for t, p in zip(target, thing.location))
    thing.rotation_euler = (math.atan2(math.hypot(x, y), -z), 0, math.atan2(-x, y))


def lamp(scene: Any, name: str, kind: str, at: Sequence[float], target: Sequence[float], watts: float) -> Any:
    """A lamp of kind SUN, AREA, POINT or SPOT; a sun's strength is in watts a square metre."""
    light = add(scene, name, bpy.data.lights.new(name, kind), at)
    light.data.energy = watts
    aim(light, target)
    return light


def world(scene: Any, colour: Sequence[float], strength: float = 1) -> None:
    """Lights the scene evenly from all around."""
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    sky = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    sky.inputs["Color"].default_value = (*colour, 1)
    sky.inputs["Strength"].default_value = strength


def material(name: str, colour: Sequence[float], roughness: float = 0.5, **more: Any) -> tuple[Any, Any]:
    """A material and its shader. more names inputs of the shader as 4.0 does, with _ for spaces, or as 3.4 did."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = next(node for node in made.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    for key, value in more.items():
        full = key.replace("_", " ")
        old = {"Coat Weight": "Clearcoat", "Emission Color": "Emission"}.get(full, full.removesuffix(" Weight"))
        shader.inputs[full if full in shader.inputs else old].default_value = value
    return made, shader


def picture(made: Any, shader: Any, image: Any) -> Any:
    """Colours a material by an image; returns the texture's node."""
    texture = made.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    made.node_tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    return texture


def animate(thing: Any, path: str, keys: Iterable[tuple[float, Any]]) -> None:
    """Keys a property to values at frames."""
    for frame, value in keys:
        setattr(thing, path, value)
        thing.keyframe_insert(path, frame=frame)


def png(path: str, width: int, height: int, colour: Callable[[float, float], Sequence[float]]) -> str:
    """Writes an RGB picture whose colour (0 to 1) depends on the place (0 to 1); folders are made. Returns path."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            rows += bytes(round(255 * min(max(c, 0), 1)) for c in colour(x / width, y / height))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b"")]
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.writelines(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
        )
    return path


def cube(name: str, size: float = 1) -> Any:
    """The mesh of a cube of edge size, with a whole picture on each side."""
    half = size / 2
    corners = [(x, y, z) for x in (-half, half) for y in (-half, half) for z in (-half, half)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    layer = mesh.uv_layers.new(name="UVMap")
    for index, corner in enumerate(layer.data):
        corner.uv = ((0, 0), (1, 0), (1, 1), (0, 1))[index % 4]
    return mesh


def plane(name: str, size: float) -> Any:
    """The mesh of a level square of edge size, with a whole picture on it."""
    half = size / 2
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(-half, -half, 0), (half, -half, 0), (half, half, 0), (-half, half, 0)], [], [(0, 1, 2, 3)])
    for index, corner in enumerate(mesh.uv_layers.new(name="UVMap").data):
        corner.uv = ((0, 0), (1, 0), (1, 1), (0, 1))[index]
    return mesh
