"""Finds out what an install can do: probe.py -- ANSWER [ENGINE]. Writes JSON into the file ANSWER.

Without ENGINE: the facts. With ENGINE: renders a few pixels with it, {"works": bool, "why": str}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import bpy
from netagent import devices, movies


def text(value: Any) -> str:
    """Build facts are bytes in Blender."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def facts(folder: str) -> dict:
    """Everything Facts holds but the render tests of engines."""
    import addon_utils  # the bpy module puts it on the path

    options = bpy.app.build_options
    return {
        "version": ".".join(map(str, bpy.app.version)),
        "series": ".".join(map(str, bpy.app.version[:2])),
        "label": bpy.app.version_string,
        "hash": text(bpy.app.build_hash) if text(bpy.app.build_hash) != "Unknown" else "",
        "build_date": text(bpy.app.build_date) if text(bpy.app.build_date) != "Unknown" else "",
        "platform": text(bpy.app.build_platform),
        "python": ".".join(map(str, sys.version_info[:3])),
        "denoisers": denoisers(),
        "ffmpeg": bool(options.codec_ffmpeg),
        "films": films(folder),
        "features": [name for name in dir(options) if isinstance(getattr(options, name), bool) and getattr(options, name)],
        "engines": engines(),
        "devices": devices.found(),
        "addons": sorted(module.__name__ for module in addon_utils.modules(refresh=True)),
    }


def films(folder: str) -> list[str]:
    """The codecs it encodes films with."""
    try:
        return movies.encodes(folder)
    except Exception:  # noqa: BLE001, the rest is worth knowing all the same
        traceback.print_exc()
        return []


def denoisers() -> list[str]:
    """What Cycles can denoise with here."""
    try:
        import _cycles

        found = ["OPENIMAGEDENOISE"] if _cycles.with_openimagedenoise else []
    except (ImportError, AttributeError):
        return []
    if any(device["id"].startswith("optix:") for device in devices.found()):
        found.append("OPTIX")
    return found


def engines() -> list[dict]:
    """The engines a scene can name: Blender's own, and those registered from Python."""
    scene = bpy.context.scene
    known = [("BLENDER_EEVEE", "EEVEE"), ("BLENDER_EEVEE_NEXT", "EEVEE"), ("BLENDER_WORKBENCH", "Workbench")]
    known += [(c.bl_idname, c.bl_label) for c in bpy.types.RenderEngine.__subclasses__() if hasattr(c, "bl_idname")]
    found: list[dict] = []
    before = scene.render.engine
    for name, label in known:
        try:
            scene.render.engine = name
        except TypeError:
            continue
        if all(engine["id"] != name for engine in found):
            found.append({"id": name, "name": label, "display": name.startswith("BLENDER_"), "works": True, "why": ""})
    scene.render.engine = before
    return found


def attempt(engine: str, folder: str) -> dict:
    """Renders one small picture of a cube."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = engine
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.eevee.taa_render_samples = 1
    scene.render.filepath = os.path.join(folder, "attempt.png")
    bpy.ops.mesh.primitive_cube_add()
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location = (0, 0, 5)
    scene.collection.objects.link(camera)
    scene.camera = camera
    try:
        bpy.ops.render.render(write_still=True)
    except RuntimeError as error:
        return {"works": False, "why": " ".join(str(error).split())}
    done = os.path.exists(scene.render.filepath)
    return {"works": done, "why": "" if done else "it wrote no picture"}


def main() -> None:
    """Answers and leaves at once: Blender's clean-up can crash and says nothing about the install."""
    answer, *engine = sys.argv[sys.argv.index("--") + 1 :]
    found = attempt(engine[0], os.path.dirname(answer)) if engine else facts(os.path.dirname(answer))
    with open(answer + ".new", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(answer + ".new", answer)
    sys.stdout.flush()
    os._exit(0)


main()
