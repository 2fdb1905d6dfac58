"""A worker or a master that is started from Blender: it ends with Blender, or goes on in the background where that is wished.

One that ends with Blender runs as a render: Blender's render window shows what it does, and Esc there ends it. The render
is one of an engine of our own that makes no picture; the scene is as it was again as soon as that has begun. Where no
render can be begun (no camera, another one runs) the status bar and the panel show the same.
"""

# mypy: disable-error-code="valid-type"

import json
import os
import time
from collections.abc import Generator
from typing import Any

import bpy
from bpy.props import EnumProperty

from . import doing, farm, link, notify, pump, scene, send, settings

KINDS = [
    ("WORKER", "Worker", "Render frames of others on this computer"),
    ("MASTER", "Master", "Share jobs out among workers"),
]
ENGINE = "NETRENDER_SERVE"
LOOK = 0.5  # seconds between two looks at what it does
ALIVE = 5.0  # seconds between two looks whether one in the background is there


class Service:
    """A worker or master that runs."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.child: link.Child | None = None
        self.pid = 0  # of one in the background
        self.last = ""  # what it does
        self.task: pump.Task | None = None
        self.failed = ""
        self.stopping = False
        self.others = False  # another Blender started it
        self.addresses: list[str] = []  # of a master

    @property
    def on(self) -> bool:
        """Whether it runs, as it was when it was last looked at."""
        return self.task is not None and not self.task.over.is_set()

    @property
    def title(self) -> str:
        """What it is and does."""
        return f"{self.kind.capitalize()}: {self.last}"

    def begin(self) -> None:
        """Starts it as the preferences say. Raises link.Problem and OSError."""
        found = settings.preferences()
        forget(self.kind, 0)
        if not found or not found.stay:
            self.child = settings.the_link.start(*words(self.kind))
            return
        stop = f"--stop-file={note(self.kind, 'stop')}"
        self.pid = settings.the_link.detach(note(self.kind, "log"), *words(self.kind), stop)
        with open(note(self.kind, "json"), "w", encoding="utf-8") as file:
            json.dump({"pid": self.pid}, file)

    def adopt(self) -> Generator[None, None, None]:
        """Looks at one that another Blender noted down; where that is no more, starts one."""
        self.others = True
        if (yield from settings.the_link.alive(self.pid)):
            yield from self.steps()
            return
        forget(self.kind, self.pid)
        self.pid, self.others = 0, False
        try:
            self.begin()
        except (link.Problem, OSError) as problem:
            self.failed = str(problem)
            send.redraw()
            return
        yield from self.steps()

    def steps(self) -> Generator[None, None, None]:
        """Looks at it until it has ended."""
        looked, alive = 0.0, time.monotonic()
        while True:
            now = time.monotonic()
            if self.child:
                if not self.child.running:
                    break
                self.hear(self.child.read())
            elif now - alive >= (LOOK if self.stopping else ALIVE):
                if not (yield from settings.the_link.alive(self.pid)):
                    break
                alive = now
            if now - looked >= LOOK:
                looked = now
                self.look()
            yield
        if self.child:
            self.hear(self.child.read())
        problem = self.child.problem if self.child else None
        self.failed = str(problem) if problem and problem.code not in {0, 130} else ""
        forget(self.kind, self.pid)
        self.child, self.pid, self.addresses, self.stopping, self.others = None, 0, [], False, False
        notify.status("")
        send.redraw()

    def hear(self, lines: list[dict]) -> None:
        """Takes in what it prints."""
        for line in lines:
            if isinstance(line.get("addresses"), list) and line["addresses"]:
                self.addresses = [str(one) for one in line["addresses"]]

    def look(self) -> None:
        """Says what it does now."""
        if self.kind == "WORKER":
            text = doing.worker(doing.read(note(self.kind, "doing.json")))
        else:
            if self.pid and not self.addresses:
                self.hear(printed(self.kind))
            known = settings.the_farm
            online = known.state == "online"
            text = doing.master(
                self.addresses,
                sum(1 for one in known.workers if farm.works(one)) if online else None,
                sum(1 for one in known.jobs if one.get("state") == "active"),
            )
        if self.stopping:
            text = f"Stopping. {text}"
        if text != self.last:
            self.last = text
            notify.status(self.title)
            send.redraw()

    def stop(self) -> None:
        """Asks it to end: a worker finishes the frame in hand. Asked twice, one in the background is ended at once."""
        again, self.stopping = self.stopping, True
        if self.child:
            self.child.stop()
        elif self.pid and again:
            link.end(self.pid)
        elif self.pid:
            with open(note(self.kind, "stop"), "wb"):
                pass


services = {kind: Service(kind) for kind, _, _ in KINDS}


def folder() -> str:
    """Where the background ones are noted down."""
    found = settings.the_link.data or bpy.utils.user_resource("DATAFILES", path="netrender", create=True)
    os.makedirs(found, exist_ok=True)
    return found


def note(kind: str, ending: str) -> str:
    """A file about one that runs: its process, what it says and does, whether it is to end."""
    return os.path.join(folder(), f"{kind.lower()}-from-blender.{ending}")


def noted(kind: str) -> int:
    """The process of the one in the background that is noted down; 0: none is."""
    try:
        with open(note(kind, "json"), encoding="utf-8") as file:
            return int(json.load(file)["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def forget(kind: str, pid: int) -> None:
    """One is no more; pid: 0 where it was not in the background. What another one is noted down in stays."""
    if noted(kind) not in {0, pid}:
        return
    for ending in ("json", "stop", "doing.json"):
        try:
            os.remove(note(kind, ending))
        except OSError:
            pass


def printed(kind: str) -> list[dict]:
    """What a background one printed for programs."""
    found = []
    try:
        with open(note(kind, "log"), encoding="utf-8", errors="replace") as file:
            for line in file.read(20_000).splitlines():
                if line.startswith("{"):
                    try:
                        found.append(json.loads(line))
                    except (ValueError, RecursionError):
                        continue
    except OSError:
        pass
    return [one for one in found if isinstance(one, dict)]


def words(kind: str) -> list[str]:
    """The words that start it, as the preferences say."""
    found = settings.preferences()
    if kind == "MASTER":
        return ["master", f"--listen={found.address if found else ''}:{found.port if found else 8420}"]
    blender = bpy.path.abspath(found.blender) if found and found.blender else bpy.app.binary_path
    return [
        "worker",
        f"--blender={blender}",
        f"--cache={found.cache_size if found else 50}GB",
        f"--doing-file={note(kind, 'doing.json')}",
    ]


class ServeEngine(bpy.types.RenderEngine):
    """Shows in the render window what a worker or master does, as long as it runs; makes no picture."""

    bl_idname = ENGINE
    bl_label = "Network Render worker or master"
    bl_use_postprocess = False
    shows: Service | None = None
    begun = False
    inside = False  # a render of it goes on, also when render has returned: Blender frees it after that

    def render(self, _depsgraph: Any) -> None:
        """Waits for the end; Esc asks for it. It is called for each view layer, by a thread: the scene is not touched."""
        ServeEngine.begun = ServeEngine.inside = True
        self._wait(ServeEngine.shows)

    def _wait(self, one: Service | None) -> None:
        shown = ""
        while one is not None and one.on:
            if self.test_break():
                if not one.stopping:
                    one.stop()
                return
            if one.title != shown:
                shown = one.title
                self.update_stats("", f"{shown}. Esc ends it")
            time.sleep(0.1)


def may_render(at: Any) -> bool:
    """Whether Blender would begin a render of the scene: else it shows an error of its own."""
    camera = at.camera is not None and at.camera.type == "CAMERA"
    return camera and any(layer.use for layer in at.view_layers) and not bpy.app.is_job_running("RENDER")


def show(context: Any, one: Service) -> Generator[None, None, None]:
    """Begins a render that shows it. What has to be otherwise for that is so only until the render has begun."""
    at, name = context.scene, context.scene.name
    wished = ((at.render, "engine", ENGINE), (at.render, "use_sequencer", False), (at.render, "use_compositing", False),
              (at.render, "use_lock_interface", False), (at.render, "use_multiview", False))  # fmt: skip
    before = [(holder, attribute, getattr(holder, attribute)) for holder, attribute, _ in wished]
    saved = scene.before()
    ServeEngine.shows, ServeEngine.begun = one, False
    try:
        for holder, attribute, value in wished:
            setattr(holder, attribute, value)
        try:
            bpy.ops.render.render("INVOKE_DEFAULT")
        except RuntimeError:  # there is no camera
            pass
        until = time.monotonic() + 10
        while not ServeEngine.begun and bpy.app.is_job_running("RENDER") and time.monotonic() < until:
            yield
    finally:
        count = scene.changes()
        if bpy.data.scenes.get(name) == at:
            for holder, attribute, value in before:
                setattr(holder, attribute, value)
    yield from scene.seen(count)
    scene.given_back(saved)


class Serve(bpy.types.Operator):
    """Start it; Esc or Stop ends it"""

    bl_idname = "netrender.serve"
    bl_label = "Start"
    kind: EnumProperty(items=KINDS)

    def execute(self, _context: Any) -> set[str]:
        """Starts it."""
        one = services[self.kind]
        if one.on:
            self.report({"INFO"}, f"the {self.kind.lower()} runs already")
            return {"CANCELLED"}
        one.failed, one.last, one.stopping, one.addresses = "", "Starts", False, []
        one.pid = noted(self.kind)
        if one.pid and bpy.app.background:
            if pump.run(settings.the_link.alive(one.pid)):
                self.report({"INFO"}, f"another Blender's {self.kind.lower()} runs already")
                return {"FINISHED"}
            forget(self.kind, one.pid)
            one.pid = 0
        if one.pid:
            one.task = pump.start(one.adopt())
            return {"FINISHED"}
        try:
            one.begin()
        except (link.Problem, OSError) as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        if bpy.app.background and one.child:
            pump.run(one.steps())  # there is nothing else to do, and the worker would end with Blender
            return {"FINISHED"}
        one.task = pump.start(one.steps())
        return {"FINISHED"}

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Starts it, shows it in the render window, and listens for Esc."""
        if "FINISHED" not in self.execute(context):
            return {"CANCELLED"}
        one = services[self.kind]
        if not one.pid and may_render(context.scene):
            pump.start(show(context, one)).step()  # now: a timer has no window to render in
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, _context: Any, event: Any) -> set[str]:
        """Stops it at Esc; everything else is for others."""
        one = services[self.kind]
        if not one.on:
            return {"FINISHED"}
        if event.type == "ESC" and event.value == "PRESS" and not one.pid:
            one.stop()
            return {"FINISHED", "PASS_THROUGH"}
        return {"PASS_THROUGH"}


class Unserve(bpy.types.Operator):
    """End it; a worker finishes the frame that it renders"""

    bl_idname = "netrender.unserve"
    bl_label = "Stop"
    kind: EnumProperty(items=KINDS)

    def execute(self, _context: Any) -> set[str]:
        """Stops it."""
        services[self.kind].stop()
        return {"FINISHED"}


def draw(layout: Any, kind: str) -> None:
    """Draws its buttons, and what it said last."""
    from .panels import said

    one, found = services[kind], settings.preferences()
    if one.on:
        again = bool(one.stopping and one.pid)
        layout.operator("netrender.unserve", text="Stop at Once" if again else "Stop", icon="CANCEL").kind = kind
        said(layout, one.last, "PLAY")
        if one.pid:
            if one.others:
                said(layout, "Another Blender started it.", "INFO")
            said(layout, "It goes on when Blender is closed.", "INFO")
        return
    if found:
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        for name in ("address", "port") if kind == "MASTER" else ("blender", "cache_size"):
            column.prop(found, name)
        layout.prop(found, "stay")  # over the whole width: its name is long
    start = layout.row()
    start.scale_y = 1.4
    start.operator("netrender.serve", icon="PLAY").kind = kind
    if one.failed:
        said(layout, one.failed, "ERROR")


CLASSES = (ServeEngine, Serve, Unserve)


@bpy.app.handlers.persistent
def _rendered(*_: Any) -> None:
    ServeEngine.inside = False


def register() -> None:
    """Registers the operators, and finds what goes on in the background."""
    for one in CLASSES:
        bpy.utils.register_class(one)
    bpy.app.handlers.render_complete.append(_rendered)
    bpy.app.handlers.render_cancel.append(_rendered)
    if bpy.app.background:
        return
    for kind, service in services.items():
        service.pid = noted(kind)
        if service.pid:
            service.task = pump.start(service.steps())


def unregister() -> None:
    """Stops what ends with Blender; the link does that, too."""
    for service in services.values():
        if service.task:
            service.task.stop()
        if service.child:
            service.child.stop()
        service.child, service.pid, service.task = None, 0, None
    until = time.monotonic() + 2
    while ServeEngine.inside and time.monotonic() < until:  # it ends now, and Blender must not take it away before
        time.sleep(0.02)
    settings.unlisten(bpy.app.handlers.render_complete, _rendered)
    settings.unlisten(bpy.app.handlers.render_cancel, _rendered)
    settings.drop(*CLASSES)
