"""A worker or a master that is started from Blender: it ends with Blender, or goes on in the background where that is wished."""

# mypy: disable-error-code="valid-type"

import json
import os
from collections.abc import Generator
from typing import Any

import bpy
from bpy.props import EnumProperty

from . import link, notify, pump, send, settings

KINDS = [
    ("WORKER", "Worker", "Render frames of others on this computer"),
    ("MASTER", "Master", "Share jobs out among workers"),
]


class Service:
    """A worker or master that runs."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.child: link.Child | None = None
        self.pid = 0  # of one in the background
        self.last = ""  # what it said last
        self.task: pump.Task | None = None
        self.failed = ""

    @property
    def on(self) -> bool:
        """Whether it runs, as it was when it was last looked at."""
        return self.task is not None and not self.task.over.is_set()

    def steps(self) -> Generator[None, None, None]:
        """Looks at it until it has ended."""
        turn = 0
        while self.child.running if self.child else turn % 40 or settings.the_link.alive(self.pid):
            turn += 1
            words = self.child.words[-1:] if self.child else (tail(self.kind) if turn % 10 == 1 else [])
            if words and words[0] != self.last:
                self.last = words[0]
                notify.status(f"{self.kind.capitalize()}: {self.last}")
                send.redraw()
            if self.child:
                self.child.read()
            yield
        problem = self.child.problem if self.child else None
        self.failed = str(problem) if problem and problem.code not in {0, 130} else ""
        if self.pid:
            forget(self.kind)
        self.child, self.pid = None, 0
        notify.status("")
        send.redraw()

    def stop(self) -> None:
        """Asks it to end: a worker finishes the frame in hand."""
        self.last = "Stopping"
        if self.child:
            self.child.stop()
        elif self.pid:
            link.end(self.pid)


services = {kind: Service(kind) for kind, _, _ in KINDS}


def folder() -> str:
    """Where the background ones are noted down."""
    found = settings.the_link.data or bpy.utils.user_resource("DATAFILES", path="netrender", create=True)
    os.makedirs(found, exist_ok=True)
    return found


def note(kind: str, ending: str) -> str:
    """A file about a background one: its process, what it says."""
    return os.path.join(folder(), f"{kind.lower()}-in-background.{ending}")


def forget(kind: str) -> None:
    """It is no more."""
    try:
        os.remove(note(kind, "json"))
    except OSError:
        pass


def tail(kind: str) -> list[str]:
    """The last line that a background one wrote."""
    try:
        with open(note(kind, "log"), "rb") as file:
            file.seek(max(0, os.path.getsize(file.name) - 2000))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
        return [line for line in lines if not line.startswith("{")][-1:]  # those are for programs
    except OSError:
        return []


def words(kind: str) -> list[str]:
    """The words that start it, as the preferences say."""
    found = settings.preferences()
    if kind == "MASTER":
        return ["master", f"--listen={found.address if found else ''}:{found.port if found else 8420}"]
    blender = bpy.path.abspath(found.blender) if found and found.blender else bpy.app.binary_path
    return ["worker", f"--blender={blender}", f"--cache={found.cache_size if found else 50}GB"]


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
        found = settings.preferences()
        one.failed, one.last = "", "Starting"
        try:
            if found and found.stay:
                one.pid = settings.the_link.detach(note(self.kind, "log"), *words(self.kind))
                with open(note(self.kind, "json"), "w", encoding="utf-8") as file:
                    json.dump({"pid": one.pid}, file)
            else:
                one.child = settings.the_link.start(*words(self.kind))
        except (link.Problem, OSError) as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        if bpy.app.background and one.child:
            pump.run(one.steps())  # there is nothing else to do, and the worker would end with Blender
            return {"FINISHED"}
        one.task = pump.start(one.steps())
        return {"FINISHED"}

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Starts it, and listens for Esc."""
        if "FINISHED" not in self.execute(context):
            return {"CANCELLED"}
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, _context: Any, event: Any) -> set[str]:
        """Stops it at Esc; everything else is for others."""
        one = services[self.kind]
        if not one.on:
            return {"FINISHED"}
        if event.type == "ESC" and event.value == "PRESS" and not one.pid:
            one.stop()
            return {"FINISHED"}
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
        layout.operator("netrender.unserve", icon="CANCEL").kind = kind
        said(layout, one.last, "PLAY")
        if one.pid:
            said(layout, "It goes on when Blender is closed.", "INFO")
        return
    if found:
        column = layout.column()
        column.use_property_split = True
        for name in ("address", "port") if kind == "MASTER" else ("blender", "cache_size"):
            column.prop(found, name)
        column.prop(found, "stay")
    start = layout.row()
    start.scale_y = 1.4
    start.operator("netrender.serve", icon="PLAY").kind = kind
    if one.failed:
        said(layout, one.failed, "ERROR")


CLASSES = (Serve, Unserve)


def register() -> None:
    """Registers the operators, and finds what goes on in the background."""
    for one in CLASSES:
        bpy.utils.register_class(one)
    if bpy.app.background:
        return
    for kind, service in services.items():
        try:
            with open(note(kind, "json"), encoding="utf-8") as file:
                service.pid = int(json.load(file)["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        service.task = pump.start(service.steps())


def unregister() -> None:
    """Stops what ends with Blender; the link does that, too."""
    for service in services.values():
        if service.task:
            service.task.stop()
        if service.child:
            service.child.stop()
        service.child, service.pid, service.task = None, 0, None
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
