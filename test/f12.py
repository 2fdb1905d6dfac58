"""Measures F12 of frames that the farm has: f12.py -- ZIP OUT WIDTH HEIGHT TIMES

The scene has ten passes. Its first frame is mostly empty, which packs well; its second one is full of noise, which hardly does.
Prints MEASURED and JSON: {"jobs": how many there are, "frames": {frame: [{mark: seconds from F12 on}, ...]}}. Marks: begun, when Blender
asks the engine; looked, when its main thread looks at the scene, which it does between two drawings; prepared, when the scene's
files are known; asked, when the program is started; known, when that says which job has the frame; here, when the frame is; loaded,
when its passes are in the Render Result; all, when the render is complete.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import traceback
from collections.abc import Generator
from typing import Any

import bpy

began = 0.0
marks: dict[str, float] = {}
ended = 0


def build(out: str, width: int, height: int) -> None:
    """The scene, saved."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=False)
    scene = bpy.context.scene
    render = scene.render
    render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = 1, False, False
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    scene.frame_start, scene.frame_end = 1, 2
    layer = scene.view_layers[0]
    for name in ("z", "normal", "diffuse_direct", "diffuse_indirect", "diffuse_color", "glossy_direct", "glossy_indirect", "glossy_color", "emit"):
        setattr(layer, f"use_pass_{name}", True)
    camera = scene.camera
    plane = bpy.data.meshes.new("wall")
    plane.from_pydata([(-2, -2, 0), (2, -2, 0), (2, 2, 0), (-2, 2, 0)], [], [(0, 1, 2, 3)])
    wall = bpy.data.objects.new("wall", plane)
    scene.collection.objects.link(wall)
    wall.parent, wall.location = camera, (0, 0, -2)
    material = bpy.data.materials.new("noise")
    material.use_nodes = True
    tree = material.node_tree
    noise = tree.nodes.new("ShaderNodeTexWhiteNoise")
    where = tree.nodes.new("ShaderNodeTexCoord")
    shader = next(one for one in tree.nodes if one.type == "BSDF_PRINCIPLED")
    tree.links.new(where.outputs["Generated"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Color"], shader.inputs["Base Color"])
    wall.data.materials.append(material)
    light = bpy.data.objects["Light"]
    light.parent, light.location = camera, (0.5, 0.5, 0)
    for frame in (1, 2):
        wall.hide_render = frame == 1
        wall.keyframe_insert("hide_render", frame=frame)
    scene.frame_set(1)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(out, "shot.blend"))


def mark(name: str) -> None:
    """Notes when something happened first since F12."""
    marks.setdefault(name, time.perf_counter() - began)


def after(name: str, work: Any) -> Any:
    """The work, whose end is noted."""

    @functools.wraps(work)
    def noted(*words: Any, **named: Any) -> Any:
        try:
            return work(*words, **named)
        finally:
            mark(name)

    return noted


def watch(netrender: Any) -> None:
    """Notes when the add-on does what."""
    prepare = netrender.scene.prepare

    def prepared(*words: Any) -> Generator[Any, None, Any]:
        mark("looked")
        request = yield from prepare(*words)
        mark("prepared")
        return request

    netrender.scene.prepare = prepared
    begin = netrender.engine._begin

    def begun(*words: Any) -> Any:
        mark("begun")
        return begin(*words)

    netrender.engine._begin = begun
    take = netrender.gather.Gather.take

    def taken(gather: Any, line: dict) -> None:
        if "job" in line:
            mark("known")
        take(gather, line)
        if gather.here:
            mark("here")

    netrender.gather.Gather.take = taken
    netrender.link.Link.start = after("asked", netrender.link.Link.start)
    netrender.engine.NetworkRender._show = after("loaded", netrender.engine.NetworkRender._show)


def over(*_: Any) -> None:
    """A render has ended."""
    global ended
    mark("all")
    ended += 1


def steps(netrender: Any, times: int) -> Generator[None, None, None]:
    """Measures all, a step at a time."""
    global began
    scene = bpy.context.scene
    state = bpy.context.window_manager.netrender
    while netrender.settings.the_farm.state != "online":
        yield
    until = time.monotonic() + 2  # what Blender evaluated after it was made counts as a change
    while time.monotonic() < until:
        yield
    scene.render.engine, scene.netrender.engine = "NETRENDER", "CYCLES"
    bpy.ops.wm.save_mainfile()
    yield
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window):
        bpy.ops.netrender.send_job(frames="1-2")
    job: Any = None
    while not job or job["state"] != "done":
        yield
        failed = [one.summary for one in netrender.send.running if one.problem]
        assert not failed, failed
        assert time.monotonic() - until < 300, (state.last, netrender.settings.the_farm.jobs)
        job = state.last and netrender.settings.the_farm.job(state.last)
        assert not job or job["state"] != "failed", job
    found: dict[str, list[dict[str, float]]] = {"1": [], "2": []}
    for turn in range(times + 1):
        for frame in (1, 2):
            scene.frame_set(frame)
            for _ in range(10):
                yield
            marks.clear()
            before, began = ended, time.perf_counter()
            with bpy.context.temp_override(window=window):
                bpy.ops.render.render("INVOKE_DEFAULT")
            while ended == before or bpy.app.is_job_running("RENDER"):
                yield
                assert time.perf_counter() - began < 60, marks
            assert "loaded" in marks, marks
            if turn:  # the first one reads modules
                found[str(frame)].append(dict(marks))
    print("\nMEASURED " + json.dumps({"frames": found, "jobs": len(netrender.settings.the_farm.jobs)}), flush=True)


def main(path: str, out: str, width: str, height: str, times: str) -> None:
    """Does all."""
    assert bpy.ops.preferences.addon_install(filepath=path) == {"FINISHED"}
    assert bpy.ops.preferences.addon_enable(module="netrender") == {"FINISHED"}
    import netrender

    build(out, int(width), int(height))
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":  # without a graphics card it takes seconds to draw
            area.type = "TEXT_EDITOR"
    watch(netrender)
    bpy.app.handlers.render_complete.append(over)
    bpy.app.handlers.render_cancel.append(over)
    all_of_it = steps(netrender, int(times))

    def go_on() -> float | None:
        try:
            next(all_of_it)
        except StopIteration:
            leave(0)
        except BaseException:  # noqa: BLE001, whatever it is, Blender has to end
            traceback.print_exc()
            leave(1)
        return 0.02

    bpy.app.timers.register(go_on, first_interval=1, persistent=True)


def leave(status: int) -> None:
    """Ends Blender at once."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


try:
    main(*sys.argv[sys.argv.index("--") + 1 :])
except BaseException:  # noqa: BLE001, a window would stay
    traceback.print_exc()
    leave(1)
