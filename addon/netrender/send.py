"""Operators that send the open scene: a frame, the animation, a job; and that look at it before."""

# mypy: disable-error-code="valid-type"

from collections.abc import Generator
from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from . import engine, notify, pump, scene, settings
from .link import Problem
from .request import frames
from .sending import Sending

running: list[Sending] = []  # what the panel shows: those that go on, and the last one that ended
checked: Sending | None = None  # the last look at the scene
sent: set[int] = set()  # jobs that this Blender sent


def redraw() -> None:
    """Has the panels drawn anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"PROPERTIES", "VIEW_3D"}:
                for region in area.regions:  # not the viewport itself: to draw that takes a while
                    if area.type == "PROPERTIES" or region.type == "UI":
                        region.tag_redraw()


class Rendering:
    """What the two rendering operators share."""

    animation = False
    write: Any

    def execute(self, context: Any) -> set[str]:
        """Renders on the farm; waits where there is no window."""
        at = context.scene
        why = lacking(at)
        if why:
            self.report({"ERROR"}, why)  # type: ignore[attr-defined]
            return {"CANCELLED"}
        real = scene.real_engine(at)
        text = frames(at.frame_start, at.frame_end, at.frame_step) if self.animation else str(at.frame_current)
        if not bpy.app.background:
            name, animation = at.name, self.animation  # the operator is gone when the steps are taken
            notify.status("Looking for the scene's files")
            pump.start(
                scene.prepare(at, text), lambda request, error: _shown(name, real, animation, request, error)
            )
            return {"FINISHED"}
        try:
            engine.borrow(real, pump.run(scene.prepare(at, text)))
        except (RuntimeError, OSError, Problem) as error:
            self.report({"ERROR"}, f"the scene cannot be sent: {error}")  # type: ignore[attr-defined]
            return {"CANCELLED"}
        at.netrender.engine = real
        was, at.render.engine = at.render.engine, settings.ID
        try:
            bpy.ops.render.render(
                animation=self.animation, write_still=not self.animation and self.write, scene=at.name
            )  # type: ignore[attr-defined]
        except RuntimeError as error:
            self.report({"ERROR"}, said(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        finally:
            at.render.engine = was
        return {"FINISHED"}


def _shown(name: str, real: str, animation: bool, request: Any, error: Exception | None) -> None:
    """Opens the render window, now that the scene can be sent."""
    notify.status("")
    at = bpy.data.scenes.get(name)
    if error or at is None:
        notify.show(f"the scene cannot be sent: {error or 'it is gone'}", bad=True)
        return
    if bpy.app.is_job_running("RENDER"):
        notify.show("another render goes on: wait until it is over", bad=True)
        return
    engine.borrow(real, request)
    before = scene.before()
    at.netrender.engine = real
    was, at.render.engine = at.render.engine, settings.ID
    manager = bpy.context.window_manager
    window = next((one for one in manager.windows if one.scene == at), manager.windows[0])
    try:
        with bpy.context.temp_override(window=window):  # a timer has none
            bpy.ops.render.render("INVOKE_DEFAULT", animation=animation, scene=name)
    except RuntimeError as refused:  # as of one whose view layers are all off
        engine.borrow("")
        notify.show(said(refused), bad=True)
    pump.start(_give_back(name, was, before))


def said(error: RuntimeError) -> str:
    """What Blender reports, each line once."""
    lines = dict.fromkeys(line.removeprefix("Error: ").strip() for line in str(error).splitlines())
    return "\n".join(filter(None, lines))


def _give_back(name: str, was: str, before: scene.Before) -> Generator[None, None, None]:
    """Gives the scene its own engine back when the render is over."""
    yield
    while bpy.app.is_job_running("RENDER"):
        yield
    at, count = bpy.data.scenes.get(name), scene.changes()
    if at is not None and scene.same_session(before):
        at.render.engine = was
    yield from scene.seen(count)
    scene.given_back(before)


def lacking(at: Any) -> str:
    """Why the scene cannot be sent, before anybody is asked; "" when it may."""
    if not settings.the_link.program:
        return "the netrender program was not found: install the add-on from the zip that the master's page offers"
    cameras = at.camera or any(marker.camera for marker in at.timeline_markers)
    if not cameras and not (at.render.use_sequencer and strips(at)) and not composited(at):
        return "the scene has no camera: add one, or make one active"
    if at.netrender.exr == "none":
        return "frames can be shown only with their passes: choose Full or Half under Passes"
    return ""


def strips(at: Any) -> bool:
    """Whether the sequencer has any; an editor alone is there in every scene."""
    editor = at.sequence_editor
    return bool(editor and (editor.strips if hasattr(editor, "strips") else editor.sequences))  # 4.4


def composited(at: Any) -> bool:
    """Whether the compositor may make a picture where no camera does."""
    if hasattr(at, "node_tree"):  # before 5.0
        return bool(at.use_nodes and at.node_tree)
    return getattr(at, "compositing_node_group", None) is not None


class RenderFrame(Rendering, bpy.types.Operator):
    """Render this frame on the farm and show it, as F12 would"""

    bl_idname = "netrender.render_frame"
    bl_label = "Render Frame on Farm"
    write: BoolProperty(name="Write", description="Without a window: write the frame where the scene's output says")


class RenderAnimation(Rendering, bpy.types.Operator):
    """Render the animation on the farm; frames come back as they finish and are written where the scene's output says"""

    bl_idname = "netrender.render_animation"
    bl_label = "Render Animation on Farm"
    animation = True


class SendJob(bpy.types.Operator):
    """Send the scene to the farm as a job and go on working; fetch its frames later"""

    bl_idname = "netrender.send_job"
    bl_label = "Send Job"
    frames: StringProperty(name="Frames", description="As 1-250; empty: those of the scene's options")
    job: IntProperty(name="Job", description="Number of the job that was made", options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Any) -> set[str]:
        """Sends; waits where there is no window."""
        at = context.scene
        if not settings.the_link.program:
            self.report({"ERROR"}, lacking(at))
            return {"CANCELLED"}
        name, wanted = at.name, self.frames  # the operator is gone when the steps are taken
        one = Sending("Sending")
        steps = one.steps(settings.the_link, "submit", lambda: scene.prepare(bpy.data.scenes[name], wanted))
        if bpy.app.background:
            pump.run(steps)
            if one.problem:
                self.report({"ERROR"}, one.summary)
                return {"CANCELLED"}
            self.job = one.job
            sent.add(one.job)
            context.window_manager.netrender.last = one.job
            return {"FINISHED"}
        running[:] = [*(other for other in running if not other.over), one]
        pump.start(steps, lambda _result, error: _arrived(one, error))
        return {"FINISHED"}


def _arrived(one: Sending, error: Exception | None) -> None:
    if error and not one.problem:
        one.problem = Problem(f"the scene cannot be sent: {error}")
    one.over = True
    if one.job and not one.problem:
        sent.add(one.job)
        bpy.context.window_manager.netrender.last = one.job
        one.text = f"Job {one.job} is on the farm"
    redraw()


class StopSending(bpy.types.Operator):
    """Stop sending; what arrived stays on the farm, and sending again goes on from there"""

    bl_idname = "netrender.stop_sending"
    bl_label = "Stop Sending"

    def execute(self, _context: Any) -> set[str]:
        """Stops all."""
        for one in running:
            one.stop()
        running.clear()
        return {"FINISHED"}


class Check(bpy.types.Operator):
    """Look whether anything keeps the scene from rendering on the farm, without sending it"""

    bl_idname = "netrender.check"
    bl_label = "Check Scene"

    def execute(self, context: Any) -> set[str]:
        """Checks; waits where there is no window."""
        global checked
        name = context.scene.name
        one = checked = Sending("Checking")
        steps = one.steps(settings.the_link, "check", lambda: scene.prepare(bpy.data.scenes[name], ""))
        if not bpy.app.background:
            pump.start(steps, lambda _result, error: _looked(one, error))
            return {"FINISHED"}
        pump.run(steps)
        if one.summary:
            self.report({"ERROR"}, one.summary)
            return {"CANCELLED"}
        return {"FINISHED"}


def _looked(one: Sending, error: Exception | None) -> None:
    if error and not one.problem:
        one.problem = Problem(f"the scene cannot be looked at: {error}")
    one.over = True
    redraw()


class SelectUser(bpy.types.Operator):
    """Select the object that needs this file"""

    bl_idname = "netrender.select_user"
    bl_label = "Select"
    user: StringProperty(description='As "Image floor.png"')

    def execute(self, context: Any) -> set[str]:
        """Selects the first object in this view layer that uses it, at any hand."""
        found = objects(self.user, context.view_layer)
        if not found:
            self.report({"INFO"}, f"no object of this view layer uses {self.user}")
            return {"CANCELLED"}
        if context.mode != "OBJECT" and bpy.ops.object.mode_set.poll():
            bpy.ops.object.mode_set(mode="OBJECT")
        for one in context.view_layer.objects:
            one.select_set(one in found)
        context.view_layer.objects.active = found[0]
        return {"FINISHED"}


def objects(user: str, layer: Any) -> list[Any]:
    """Objects of a view layer that use a datablock named as the collector names it: its kind and its name."""
    kind, _, name = user.partition(" ")
    users = bpy.data.user_map()
    start = [block for block in users if block.bl_rna.identifier == kind and block.name == name]
    start = start or [block for block in users if user.endswith(" " + block.name)]
    seen, rest = set(start), list(start)
    while rest:
        for block in users.get(rest.pop(), ()):
            if block not in seen:
                seen.add(block)
                rest.append(block)
    there = set(layer.objects)
    return [block for block in seen if isinstance(block, bpy.types.Object) and block in there]


CLASSES = (RenderFrame, RenderAnimation, SendJob, StopSending, Check, SelectUser)


def register() -> None:
    """Registers the operators."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    """Takes them away, and stops what is being sent."""
    for one in running:
        one.stop()
    running.clear()
    settings.drop(*CLASSES)
