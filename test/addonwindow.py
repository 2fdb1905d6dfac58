"""Blender's side of the tests in a window: addonwindow.py -- SOCKET.

Answers questions on a socket, a line of JSON each, from a timer: what Blender shows, and which button is under the mouse. What
an artist does comes by the keyboard and the mouse, not from here.
"""

from __future__ import annotations

import ast
import json
import os
import socket
import statistics
import sys
import threading
import time
import traceback
from typing import Any

import bpy

PACE = 0.01  # seconds between two looks at the socket

asker: socket.socket | None = None
listener: socket.socket
unread = b""
names: dict[str, Any] = globals()

ended = {"complete": 0, "cancel": 0}  # renders
drawn: dict[str, list[float]] = {}  # class -> seconds of each drawing
broken: list[str] = []  # files and connections that were opened while something was drawn
drawing = ""  # the class, by the thread that draws
DRAWS = threading.get_ident()


def addon() -> Any:
    """The add-on, by whichever way it was installed."""
    return next((sys.modules[name] for name in ("netrender", "bl_ext.user_default.netrender") if name in sys.modules), None)


def look(kind: str) -> Any:
    """The first area of a kind in the main window, or the largest one, with its main region."""
    window = min(bpy.context.window_manager.windows, key=lambda one: one.parent is not None)
    areas = sorted(window.screen.areas, key=lambda one: -one.width * one.height)
    area = next(one for one in areas if kind in (one.type, "LARGEST"))
    return window, area, next(one for one in area.regions if one.type == "WINDOW")


def place(kind: str) -> list[int]:
    """Where that region is: width and height of the window; left, top, right and bottom in it, from its top left."""
    window, _, region = look(kind)
    top = window.height - region.y - region.height
    return [window.width, window.height, region.x, top, region.x + region.width, top + region.height]


def under(kind: str) -> str:
    """What the button under the mouse does: its call, or its property; "": there is none."""
    window, area, region = look(kind)
    with bpy.context.temp_override(window=window, area=area, region=region):
        for tell in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
            if tell.poll():
                bpy.context.window_manager.clipboard = ""
                tell()
                return bpy.context.window_manager.clipboard
    return ""


def rendering() -> bool:
    """Whether a render goes on."""
    return bpy.app.is_job_running("RENDER")


def waiting() -> str:
    """What the render says of how far the farm is."""
    gather = addon().engine._gather
    return gather.text if gather and rendering() else ""


def save(path: str) -> None:
    """Saves the Render Result as the scene's output is saved: as PNG."""
    bpy.data.images["Render Result"].save_render(path)


def border(kind: str) -> list[int]:
    """Width and height of the window, left and top edge of the area in it."""
    window, area, _ = look(kind)
    return [window.width, window.height, area.x, window.height - area.y - area.height]


def redraw() -> None:
    """Has everything drawn anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()


def watch_drawing() -> list[str]:
    """Times what the add-on draws from now on, and sees what it opens meanwhile. Returns the classes."""

    def heard(event: str, args: tuple) -> None:
        if drawing and threading.get_ident() == DRAWS and event.startswith(("open", "os.", "socket.", "subprocess.", "shutil.")):
            broken.append(f"{drawing}: {event} {args[:1]}")

    sys.addaudithook(heard)
    stat = os.stat

    def watched(*args: Any, **words: Any) -> Any:
        if drawing and threading.get_ident() == DRAWS:
            broken.append(f"{drawing}: stat {args[:1]}")
        return stat(*args, **words)

    os.stat = watched  # the only one that is not audited
    found = []
    for base, method in ((bpy.types.Panel, "draw"), (bpy.types.UIList, "draw_item")):
        for kind in base.__subclasses__():
            if kind.__module__.startswith(addon().__name__ + "."):
                setattr(kind, method, timed(kind.__name__, getattr(kind, method)))
                found.append(kind.__name__)
    return found


def timed(name: str, draw: Any) -> Any:
    """A method that draws, with a clock."""

    def drawing_it(*args: Any) -> None:
        global drawing
        outer, drawing = drawing, name
        began = time.perf_counter()
        try:
            draw(*args)
        finally:
            drawn.setdefault(name, []).append(time.perf_counter() - began)
            drawing = outer

    # Blender looks at how many arguments it takes.
    code = draw.__code__
    words = ", ".join(code.co_varnames[: code.co_argcount])
    scope = {"drawing_it": drawing_it}
    exec(f"def draw({words}): drawing_it({words})", scope)  # noqa: S102
    return scope["draw"]


def alone() -> None:
    """Takes Blender's own panels away from its render and output properties, so that nobody has to scroll."""
    for kind in bpy.types.Panel.__subclasses__():
        ours = kind.__module__.startswith(addon().__name__ + ".")
        if getattr(kind, "bl_context", "") in {"render", "output"} and not ours and kind.__name__ != "RENDER_PT_context":
            kind.poll = classmethod(lambda _cls, _context: False)


def draws(name: str) -> int:
    """How often a class was drawn."""
    return len(drawn.get(name, ()))


def medians() -> dict[str, list[float]]:
    """Milliseconds of a drawing of each class, the median and the worst, and how many there were."""
    return {name: [statistics.median(all_) * 1e3, max(all_) * 1e3, len(all_)] for name, all_ in sorted(drawn.items())}


def answer(code: str) -> Any:
    """The value of the last expression of some Python."""
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(code, names)  # noqa: S102
        return None
    tree.body.pop()
    exec(compile(tree, "<test>", "exec"), names)  # noqa: S102
    return eval(compile(ast.Expression(last.value), "<test>", "eval"), names)


def turn() -> float:
    """Answers one question."""
    global asker, unread
    try:
        if asker is None:
            asker = listener.accept()[0]
            asker.setblocking(False)
        more = asker.recv(1 << 20)
    except BlockingIOError:
        return PACE
    if not more:
        asker.close()
        asker, unread = None, b""
        return PACE
    unread += more
    line, found, rest = unread.partition(b"\n")
    if not found:
        return PACE
    unread = rest
    try:
        reply = {"value": answer(json.loads(line)["code"])}
    except Exception:  # noqa: BLE001, the test is told
        reply = {"error": traceback.format_exc()}
    asker.setblocking(True)
    asker.sendall(json.dumps(reply).encode() + b"\n")
    asker.setblocking(False)
    return PACE


def main(path: str) -> None:
    """Listens."""
    global listener
    bpy.context.preferences.view.show_splash = False
    if "NETRENDER_SCREENSHOTS" not in os.environ:  # without a GPU it takes seconds until the scene is drawn
        for area in bpy.context.window_manager.windows[0].screen.areas:
            if area.type == "VIEW_3D":
                area.type = "IMAGE_EDITOR"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    listener.setblocking(False)
    bpy.app.handlers.render_complete.append(lambda *_: ended.update(complete=ended["complete"] + 1))
    bpy.app.handlers.render_cancel.append(lambda *_: ended.update(cancel=ended["cancel"] + 1))
    bpy.app.timers.register(turn, persistent=True)


main(*sys.argv[sys.argv.index("--") + 1 :])
