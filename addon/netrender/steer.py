"""Operators for jobs: steer, fetch, look; and for being let in."""

# mypy: disable-error-code="valid-type"

import webbrowser
from collections.abc import Generator
from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from . import farm, pump, send, settings
from .link import Problem, call
from .notify import show
from .sending import Sending


def later(operator: Any, steps: Generator[None, None, Any], done: str = "") -> set[str]:
    """Runs steps: waits where there is no window; else goes on, and tells the end in the status bar."""
    if bpy.app.background:
        try:
            pump.run(steps)
        except Problem as problem:
            operator.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        return {"FINISHED"}
    pump.start(steps, lambda _result, error: tell(str(error) if error else done, bool(error)))
    return {"FINISHED"}


def tell(text: str, bad: bool = False) -> None:
    """Shows a message for a while: in the status bar, and, when it is bad, as a pop-up."""
    settings.the_farm.stale.add("jobs")
    if text:
        show(text, bad)
    send.redraw()


STEERED = [
    ("cancel", "Cancel", "Stop rendering; frames that are there stay"),
    ("pause", "Pause", "Hand out no more frames until it is resumed"),
    ("resume", "Resume", "Go on"),
    ("retry", "Retry", "Render failed frames again; of a canceled job, the rest"),
]


class Steer(bpy.types.Operator):
    """Change what becomes of a job"""

    bl_idname = "netrender.steer"
    bl_label = "Steer Job"
    job: IntProperty(min=1)
    what: EnumProperty(items=STEERED)

    @classmethod
    def description(cls, _context: Any, properties: Any) -> str:
        """What the button does."""
        return next(text for what, _, text in STEERED if what == properties.what)

    def execute(self, _context: Any) -> set[str]:
        """Asks the farm."""
        return later(self, call(settings.the_link, self.what, str(self.job)))


class Fetch(bpy.types.Operator):
    """Bring a job's frames to this computer"""

    bl_idname = "netrender.fetch"
    bl_label = "Fetch Results"
    job: IntProperty(min=1)
    directory: StringProperty(name="Folder", subtype="DIR_PATH", description="Folder for the frames")
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Asks for the folder."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, _context: Any) -> set[str]:
        """Fetches."""
        folder = bpy.path.abspath(self.directory)
        if not folder:
            self.report({"ERROR"}, "name a folder for the frames")
            return {"CANCELLED"}
        number = self.job  # the operator is gone when the steps are taken
        one = Sending(f"Fetching job {number}")
        steps = one.call(settings.the_link, "fetch", str(number), f"--out={folder}", "--progress")
        if bpy.app.background:
            pump.run(steps)
            if one.problem:
                self.report({"ERROR"}, one.summary)
                return {"CANCELLED"}
            return {"FINISHED"}
        send.running[:] = [*(other for other in send.running if not other.over), one]
        pump.start(
            steps,
            lambda _result, _error: tell(
                one.summary or f"The frames of job {number} are in {folder}", bool(one.summary)
            ),
        )
        return {"FINISHED"}


class OpenPage(bpy.types.Operator):
    """Show the farm in a web browser"""

    bl_idname = "netrender.open_page"
    bl_label = "Open Web Page"
    job: IntProperty(default=0)

    def execute(self, _context: Any) -> set[str]:
        """Opens the page, logged in."""
        return later(self, self.steps(self.job))

    @staticmethod
    def steps(job: int) -> Generator[None, None, None]:
        """Asks for a link that works once, and leads to the job's page."""
        found = yield from call(settings.the_link, "login", *(["--job", str(job)] if job else []))
        webbrowser.open(str(found[-1].get("url", "")))


class ShowLog(bpy.types.Operator):
    """Show the log of a failed frame in a text editor"""

    bl_idname = "netrender.show_log"
    bl_label = "Show Log"
    job: IntProperty(min=1)
    frame: IntProperty(default=0, description="The frame; together with any, the first that failed")
    first: bpy.props.BoolProperty(default=False, description="The first frame that failed")

    def execute(self, _context: Any) -> set[str]:
        """Fetches the log and opens it."""
        return later(self, self.steps(self.job, self.frame, self.first))

    @staticmethod
    def steps(job: int, frame: int, first: bool) -> Generator[None, None, None]:
        """Finds the frame, and its log."""
        reason = ""
        if first:
            view = (yield from call(settings.the_link, "job", str(job)))[-1]
            errors = view.get("errors") or []
            if not errors:
                raise Problem(f"no frame of job {job} failed")
            frame, reason = errors[0].get("frame", 0), errors[0].get("error", "")
        lines = yield from call(settings.the_link, "logs", str(job), f"--frames={frame}")
        name = f"Job {job}, frame {frame}.log"
        text = bpy.data.texts.get(name) or bpy.data.texts.new(name)
        text.clear()
        text.write((reason + "\n\n" if reason else "") + "".join(str(line.get("text", "")) for line in lines))
        text.cursor_set(0)
        ShowLog.open(text)

    @staticmethod
    def open(text: Any) -> None:
        """Shows a text: where there is an editor already, else in a window of its own."""
        if bpy.app.background:
            return
        manager = bpy.context.window_manager
        areas = [area for window in manager.windows for area in window.screen.areas]
        area = next((one for one in areas if one.type == "TEXT_EDITOR"), None)
        if area is None:
            with bpy.context.temp_override(window=manager.windows[0]):
                bpy.ops.wm.window_new()
            area = manager.windows[-1].screen.areas[0]
            area.type = "TEXT_EDITOR"
        area.spaces.active.text = text


class Pair(bpy.types.Operator):
    """Ask the farm to let this computer in: a code is shown, and somebody accepts it"""

    bl_idname = "netrender.pair"
    bl_label = "Ask to Be Let In"
    again: bpy.props.BoolProperty(default=False, description="Although this computer was let in before")

    def execute(self, _context: Any) -> set[str]:
        """Asks, and waits for the answer."""
        return later(self, self.steps(self.again), "This computer is let in")

    @staticmethod
    def steps(again: bool) -> Generator[None, None, None]:
        """Shows the code until the answer is there."""
        known = settings.the_farm
        child = settings.the_link.start("pair", *(["--again"] if again else []))
        try:
            while child.running:
                for line in child.read():
                    known.code = str(line.get("code", "")) or known.code
                    send.redraw()
                yield
        finally:
            child.stop()
            known.code = ""
        if child.problem:
            raise child.problem
        known.again = True


class FindMasters(bpy.types.Operator):
    """List the masters on the network, and those that let this computer in before"""

    bl_idname = "netrender.find_masters"
    bl_label = "Find Masters"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Only where the network may be used."""
        if settings.online():
            return True
        cls.poll_message_set("Online access is off: System > Network > Allow Online Access")
        return False

    def execute(self, _context: Any) -> set[str]:
        """Looks for them."""
        return later(self, farm.find(settings.the_link, settings.the_farm))


class ChooseMaster(bpy.types.Operator):
    """Use this master from now on; the preferences keep it"""

    bl_idname = "netrender.choose_master"
    bl_label = "Use"
    address: StringProperty(description="As http://farm:8420; empty: the one on the network")

    def execute(self, context: Any) -> set[str]:
        """Puts it into the preferences."""
        found = settings.preferences()
        if found is None:
            settings.the_link.master, settings.the_farm.again = self.address, True
        elif found.master != self.address:
            found.master = self.address
            context.preferences.is_dirty = True  # they are saved when Blender is closed
        send.redraw()
        return {"FINISHED"}


class Retry(bpy.types.Operator):
    """Look for the master now"""

    bl_idname = "netrender.look_again"
    bl_label = "Look Again"

    def execute(self, _context: Any) -> set[str]:
        """Wakes whoever looks for it."""
        settings.the_farm.again = True
        return {"FINISHED"}


class ShowOnline(bpy.types.Operator):
    """Show where Blender's preferences allow online access"""

    bl_idname = "netrender.show_online"
    bl_label = "Open Preferences"

    def execute(self, _context: Any) -> set[str]:
        """Shows them; it is for people to turn it on."""
        bpy.ops.screen.userpref_show("INVOKE_DEFAULT", section="SYSTEM")
        return {"FINISHED"}


CLASSES = (Steer, Fetch, OpenPage, ShowLog, Pair, FindMasters, ChooseMaster, Retry, ShowOnline)


def register() -> None:
    """Registers the operators."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    """Takes them away."""
    settings.drop(*CLASSES)
