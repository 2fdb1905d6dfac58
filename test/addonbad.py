"""What goes wrong on the way to the farm and back, tried in Blender without a window; addonuse.py calls it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import bpy


def said(work: Callable[[], Any]) -> str:
    """What a call says that does not work; "" where it does."""
    engine = bpy.context.scene.render.engine
    try:
        work()
    except RuntimeError as error:
        assert bpy.context.scene.render.engine == engine
        return str(error)
    return ""


def results(netrender: Any, out: str) -> dict[str, str]:
    """A frame that is not of the scene as it is now: of another resolution, without one of its view layers."""
    kind = netrender.engine.NetworkRender
    wait, show = kind._wait, kind._show
    kept = os.path.join(out, "kept.exr")

    def keep(engine: Any, depsgraph: Any, path: str) -> None:
        shutil.copy(path, kept)
        show(engine, depsgraph, path)

    kind._show = keep
    assert bpy.ops.netrender.render_frame() == {"FINISHED"}
    kind._show, kind._wait = show, lambda *_: kept
    found = {}
    render, layer = bpy.context.scene.render, bpy.context.scene.view_layers[0]
    render.resolution_x += 16
    found["resolution"] = said(bpy.ops.netrender.render_frame)
    render.resolution_x -= 16
    name, layer.name = layer.name, "Renamed"
    found["layer"] = said(bpy.ops.netrender.render_frame)
    layer.name = name
    assert bpy.ops.netrender.render_frame() == {"FINISHED"}  # it is that file which is shown
    kind._wait = wait
    return found


class Way:
    """A way to the master that is cut where somebody asks for what is rendered: the master goes away then, and of those who
    come afterwards two are sent away, and counted."""

    def __init__(self, master: str) -> None:
        there = urlsplit(master)
        self.there = (there.hostname, there.port)
        self.refuse = self.refused = 0
        self.whole = True  # it was not cut yet
        self.open: list[socket.socket] = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """Lets in who comes."""
        while True:
            one = self.door.accept()[0]
            if self.refuse > 0:
                self.refuse, self.refused = self.refuse - 1, self.refused + 1
                one.close()
                continue
            other = socket.create_connection(self.there)
            self.open += [one, other]
            for pair in ((one, other), (other, one)):
                threading.Thread(target=self.carry, args=(*pair, pair[0] is one), daemon=True).start()

    def carry(self, one: socket.socket, other: socket.socket, asks: bool) -> None:
        """Carries bytes one way."""
        try:
            while data := one.recv(1 << 16):
                if asks and self.whole and b"/attempts" in data.partition(b"\r\n")[0]:
                    self.whole, self.refuse = False, 2
                    for each in self.open:
                        each.shutdown(socket.SHUT_RDWR)
                    break
                other.sendall(data)
        except OSError:
            pass
        for each in (one, other):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def away(netrender: Any) -> int:
    """The master goes away while a frame is awaited, and comes again: the frame is shown. How often it was not there."""
    link = netrender.settings.the_link
    way = Way(os.environ["NETRENDER_MASTER"])
    before, link.master = link.master, way.url
    try:
        assert bpy.ops.netrender.render_frame() == {"FINISHED"}
    finally:
        link.master = before
    return way.refused


def stranger(netrender: Any) -> str:
    """Somebody whose token is not one of the farm."""
    token = os.environ["NETRENDER_TOKEN"]
    os.environ["NETRENDER_TOKEN"] = "x" * len(token)
    try:
        return said(bpy.ops.netrender.render_frame)
    finally:
        os.environ["NETRENDER_TOKEN"] = token


def renamed(netrender: Any, out: str) -> list[str]:
    """The file is changed and gets another name while its job goes on: the job's frame is that of the scene that was sent, and
    the changed one has a job of its own. Returns both frames."""
    scene, link = bpy.context.scene, netrender.settings.the_link

    def call(*words: str) -> list[dict]:
        return netrender.pump.run(netrender.link.call(link, *words))

    scene.cycles.samples = 3
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(out, "before.blend"))
    assert bpy.ops.netrender.send_job(frames="1") == {"FINISHED"}
    job = bpy.context.window_manager.netrender.last
    call("pause", str(job))
    scene.cycles.samples = 1
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(out, "after.blend"))
    os.remove(os.path.join(out, "before.blend"))
    assert any(one["id"] == job and netrender.jobs.ours(one) for one in call("jobs"))  # the panel shows it all the same
    call("resume", str(job))
    assert bpy.ops.netrender.send_job(frames="1") == {"FINISHED"}
    found = []
    for number in (job, bpy.context.window_manager.netrender.last):
        folder = os.path.join(out, f"job-{number}")
        call("fetch", str(number), "--follow", f"--out={folder}")
        found.append(os.path.join(folder, "exr", "0001.exr"))
    return found


def both(netrender: Any, out: str) -> list[str]:
    """Two Blenders render one file at once, each into a folder of its own. Returns the beginnings of the frames' names."""
    scene = bpy.context.scene
    scene.netrender.unsaved = False
    path, ways = os.path.join(out, "both.blend"), [os.path.join(out, name) for name in ("one-", "other-")]
    bpy.ops.wm.save_as_mainfile(filepath=path)
    code = f"""
import bpy
bpy.ops.preferences.addon_enable(module="netrender")
bpy.ops.wm.open_mainfile(filepath={path!r})
bpy.context.scene.render.filepath = {ways[1]!r}
assert bpy.ops.netrender.render_animation() == {{"FINISHED"}}
"""
    words = [sys.executable, "-c", code]
    if bpy.app.binary_path:
        words = [bpy.app.binary_path, "-b", "--factory-startup", "--python-exit-code", "1", "--python-expr", code]
    with subprocess.Popen(words) as other:
        scene.render.filepath = ways[0]
        assert bpy.ops.netrender.render_animation() == {"FINISHED"}
        assert other.wait() == 0
    return ways
