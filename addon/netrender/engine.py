"""The engine "Network Render": F12 shows the farm's frame, and an animation gathers frames as they are ready."""

from __future__ import annotations

import os
import struct
import threading
import time
from typing import Any

import bpy

from . import exr, passes, pump, scene, settings
from .gather import Gather
from .link import Problem
from .request import frames

_gather: Gather | None = None  # of the render that is going on
_task: pump.Task | None = None  # its steps, which the renderer takes while it waits
_real = ""  # the engine to render with, where an operator borrows ours
_problem = ""  # that was told last
_prepared: Any = None  # a request that an operator made beforehand


class NetworkRender(bpy.types.RenderEngine):
    """Brings frames from the farm."""

    bl_idname = settings.ID
    bl_label = "Network Render"
    bl_use_preview = False
    bl_use_postprocess = True
    bl_use_eevee_viewport = True
    bl_use_spherical_stereo = True

    def update_render_passes(self, scene: Any = None, renderlayer: Any = None) -> None:
        """Says which passes there will be."""
        passes.register(self, scene, renderlayer, _real or scene.netrender.engine)

    def render(self, depsgraph: Any) -> None:
        """Shows a frame of one view layer; called for each of them, by a thread of Blender's own when there is a window."""
        frame = depsgraph.scene.frame_current
        try:
            self._show(depsgraph, self._wait(depsgraph.scene, frame))
        except Stopped:
            pass
        except (Problem, exr.Broken, OSError) as problem:
            if not _told(str(problem)):  # each view layer comes here
                self.report({"ERROR"}, str(problem))
            self.error_set(str(problem))

    def _wait(self, at: Any, frame: int) -> str:
        """Waits for a frame of the farm."""
        gather = _begin(at, frame, self.is_animation)
        shown, since = "", 0.0
        while frame not in gather.here:
            if self.test_break():
                _end(cancel=True)
                raise Stopped
            if gather.given_up:  # the add-on is disabled
                raise Stopped
            if gather.over and frame not in gather.here:
                raise gather.problem or Problem(
                    f"frame {frame} did not come", "netrender logs shows why" if gather.job else ""
                )
            if _task:
                _task.step()
            if gather.text != shown or time.monotonic() - since >= 1:  # the time beside it passes only then
                shown, since = gather.text, time.monotonic()
                self.update_stats("", shown)
            self.update_progress(min(1.0, max(0.0, gather.fraction)))
            if frame not in gather.here and not (_task and _task.busy):
                time.sleep(0.005)
        return gather.here[frame]

    def _cut(self, path: str, window: str) -> str:
        """Cuts the render region out: Blender puts it into the whole picture itself."""
        cut = path + ".region"
        if _gather is not None:
            _gather.made.append(cut)
        if not os.path.exists(cut):  # for another view layer
            child = settings.the_link.start("crop", path, cut, f"--window={window}")
            while child.running:
                if self.test_break():
                    child.kill()
                    raise Stopped
                time.sleep(0.01)
            if child.problem:
                raise child.problem
        return cut

    def _show(self, depsgraph: Any, path: str) -> None:
        """Puts the file's passes into the Render Result."""
        head = exr.read(path)
        layer = depsgraph.view_layer.name
        whole = self.resolution_x, self.resolution_y
        left, bottom, right, top = region(depsgraph.scene.render, *whole)
        width, height = right - left, top - bottom
        if (head.width, head.height) == whole != (width, height):
            path = self._cut(path, f"{left},{whole[1] - top},{right - 1},{whole[1] - bottom - 1}")
        elif (head.width, head.height) != (width, height):
            raise Problem(
                f"the farm's frame has {head.width} x {head.height} pixels, the scene {width} x {height}",
                "send the scene again",
            )
        if not any(found == layer for found, _ in head.passes):
            raise Problem(f"the farm's frame has no view layer {layer}", "send the scene again")
        for view in views(depsgraph.scene.render):
            result = self.begin_result(0, 0, width, height, layer=layer, view=view)
            there = {one.name for found in result.layers for one in found.passes}
            for (of, name), channels in head.passes.items():
                if of == layer and name not in there:
                    self.add_pass(name, len(channels), channels, layer=layer)
            result.load_from_file(path)
            for name, value in head.words.items():
                if name.startswith(("cryptomatte/", "cycles.")):
                    result.stamp_data_add_field(name, value)
            self.end_result(result)


def region(render: Any, width: int, height: int) -> tuple[int, int, int, int]:
    """What is rendered, in pixels of the whole picture from its bottom left: left, bottom, right, top; the last two are not
    in it. Blender takes a result of that size as given: one of another size ends it."""
    if not render.use_border:
        return 0, 0, width, height

    def pixel(part: float, of: int) -> int:
        return int(struct.unpack("f", struct.pack("f", part * of))[0])  # in single precision, as Blender counts

    return (
        pixel(render.border_min_x, width),
        pixel(render.border_min_y, height),
        pixel(render.border_max_x, width),
        pixel(render.border_max_y, height),
    )


def views(render: Any) -> list[str]:
    """The views that are rendered; "" for the only one."""
    if not render.use_multiview:
        return [""]
    return [
        view.name for view in (render.views if render.views_format != "STEREO_3D" else render.stereo_views) if view.use
    ]


class Stopped(Exception):
    """Whoever waits does not want to any more."""


def _begin(at: Any, frame: int, animation: bool) -> Gather:
    """The frames that this render awaits; it is begun with the first one. Blender has those before this one."""
    global _gather, _task
    if _gather is not None and frame in _gather.wanted:
        _gather.drop(frame)
        return _gather
    _end(cancel=False)
    wanted = [frame]
    text = str(frame)
    if animation:
        text = frames(at.frame_start, at.frame_end, at.frame_step)
        wanted = scene.numbers(text)
    gather = Gather(wanted=wanted, folder=scene.new_folder("frames"), turn=frame)
    name, request = at.name, _prepared

    def looked_at() -> Any:
        found = bpy.data.scenes.get(name)  # what a renderer is given is a copy
        return (yield from scene.prepare(found, text))

    def prepare() -> Any:
        if request is not None:
            return request
        if threading.current_thread() is threading.main_thread():
            return (yield from looked_at())
        asked = pump.ask(looked_at())  # the scene is looked at only by the main thread; the program is heard here, at once
        while not asked.over.is_set():
            yield
        if asked.error:
            raise asked.error
        return asked.result

    _task = pump.Task(gather.steps(settings.the_link, prepare), lambda _result, _error: None)
    _gather = gather
    return gather


def _end(cancel: bool) -> None:
    global _gather, _task
    if _gather is not None:
        _gather.stop(settings.the_link, cancel)
        _gather.close()
    _gather = _task = None


def _told(text: str) -> bool:
    """Whether that was told in this render already."""
    global _problem
    before, _problem = _problem, text
    return before == text


def borrow(real: str, request: Any = None) -> None:
    """Has the next render use our engine in the place of the real one."""
    global _real, _prepared
    _real, _prepared = real, request


@bpy.app.handlers.persistent
def _over(*_: Any) -> None:
    global _real, _prepared, _problem
    _end(cancel=False)
    _real, _prepared, _problem = "", None, ""


@bpy.app.handlers.persistent
def _broken_off(*_: Any) -> None:
    _end(cancel=True)
    _over()


def panels() -> list[Any]:
    """Panels of Blender's own that make sense with our engine: those that every engine has."""
    left_out = {"VIEWLAYER_PT_filter", "VIEWLAYER_PT_layer_passes"}
    return [
        kind
        for kind in bpy.types.Panel.__subclasses__()
        if isinstance(engines := getattr(kind, "COMPAT_ENGINES", None), set)  # an add-on's may be anything
        and "BLENDER_RENDER" in engines
        and kind.__name__ not in left_out
    ]


def register() -> None:
    """Registers the engine."""
    bpy.utils.register_class(NetworkRender)
    for kind in panels():
        kind.COMPAT_ENGINES.add(settings.ID)
    bpy.app.handlers.render_complete.append(_over)
    bpy.app.handlers.render_cancel.append(_broken_off)


def unregister() -> None:
    """Takes it away."""
    _end(cancel=False)
    settings.unlisten(bpy.app.handlers.render_complete, _over)
    settings.unlisten(bpy.app.handlers.render_cancel, _broken_off)
    for kind in panels():
        kind.COMPAT_ENGINES.discard(settings.ID)
    settings.drop(NetworkRender)
