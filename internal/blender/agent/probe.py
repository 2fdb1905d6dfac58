"""Finds out what an install can do: probe.py -- ANSWER [ENGINE | bake:fluid]. Writes JSON into the file ANSWER.

Without ENGINE: the facts. With ENGINE: renders a few pixels with it, {"works": bool, "why": str}. With bake:fluid: bakes
fluids of a few cells, with the same answer if it comes to one.
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
        "bakes": bakes(),
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


def bakes() -> list[str]:
    """The kinds of simulation that it has, as blender.Simulation names them, and that our way to bake them is for."""
    options = bpy.app.build_options
    if not hasattr(bpy.context, "temp_override"):  # 3.2
        return []
    found = ["cloth", "soft_body", "particles", "hair", "dynamic_paint"]
    found += ["rigid_body"] if options.bullet else []
    found += ["fluid"] if options.fluid else []
    found += ["geometry_nodes"] if bpy.app.version >= (4, 1, 0) else []
    return found


def attempt_fluids(folder: str) -> dict:
    """Bakes two frames of smoke with noise, and of a liquid with a mesh. Some builds abort."""
    for kind, flow, parts in (("GAS", "SMOKE", ("data", "noise")), ("LIQUID", "LIQUID", ("data", "mesh"))):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        things = []
        for size, role in ((2, "DOMAIN"), (1, "FLOW")):
            mesh = bpy.data.meshes.new(role)
            corners = [(x, y, z) for x in (-size, size) for y in (-size, size) for z in (-size, size)]
            faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
            mesh.from_pydata(corners, [], faces)
            thing = bpy.data.objects.new(role, mesh)
            bpy.context.scene.collection.objects.link(thing)
            thing.modifiers.new("Fluid", "FLUID").fluid_type = role
            things.append(thing)
        domain, source = things[0].modifiers[0].domain_settings, things[1].modifiers[0].flow_settings
        source.flow_type, source.flow_behavior = flow, "INFLOW"
        domain.domain_type, domain.resolution_max = kind, 8
        domain.use_noise, domain.use_mesh = kind == "GAS", kind == "LIQUID"
        domain.cache_directory, domain.cache_type = os.path.join(folder, kind), "ALL"
        domain.cache_frame_start, domain.cache_frame_end = 1, 2
        with bpy.context.temp_override(object=things[0], active_object=things[0], selected_objects=[things[0]]):
            bpy.context.view_layer.objects.active = things[0]
            try:
                bpy.ops.fluid.bake_all()
            except RuntimeError as error:
                return {"works": False, "why": " ".join(str(error).split())}
        for part in parts:
            place = os.path.join(folder, kind, part)
            if not os.path.isdir(place) or len(os.listdir(place)) < 2:
                return {"works": False, "why": f"it wrote no {part} of a {flow.lower()}"}
    return {"works": True, "why": ""}


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
    folder = os.path.dirname(answer)
    found = facts(folder) if not engine else attempt_fluids(folder) if engine[0] == "bake:fluid" else attempt(engine[0], folder)
    with open(answer + ".new", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(answer + ".new", answer)
    sys.stdout.flush()
    os._exit(0)


main()
