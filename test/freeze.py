"""Measures how long Blender stands still while the add-on sends a project: freeze.py -- ZIP OUT OBJECTS TEXTURES MEGABYTES

In a window a timer counts the longest time between two of its calls; what the add-on did in it is told, too. Without a window
nothing waits, and the longest single step is told. Prints MEASURED and JSON: {case: {"gap": s, "ours": s, "busy": s, "idle": s,
"beside": s, "step": s, "of": what, "work": s, "seconds": all in all, "read": who looked for the files, "copied": whether unsaved
changes were sent}}. Ours is how much of the longest gap the add-on had, busy how long Blender's main thread had the processor
in it: the rest it waited for. Idle is the gap while nothing goes on; beside is the one while nothing is sent, another program
reads the same files and the properties are drawn as often as while something is sent. Work is the most time of the processor
that a single step took: others who want the processor do not lengthen it.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

import bpy

longest: dict[str, tuple[float, str]] = {"step": (0.0, ""), "gap": (0.0, ""), "work": (0.0, "")}
last = 0.0  # when the heartbeat was
worked = 0.0  # by the main thread until then, seconds of the processor
ours = inside = 0.0  # seconds that the longest gap gave to the add-on; that the add-on had since the last heartbeat
deep = 0  # watched works inside one another
busy = 0.0  # seconds of the processor that the main thread had in the longest gap


def build(out: str, objects: int, textures: int, megabytes: int) -> None:
    """A scene of many things, and pictures of random bytes that nothing packs; saved."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=False)
    folder = os.path.join(out, "textures")
    os.makedirs(folder)
    size = megabytes * (1 << 20) // textures
    block = os.urandom(min(size, 1 << 22))
    cube = bpy.data.meshes["Cube"]
    collection = bpy.context.scene.collection
    for number in range(objects):
        mesh = cube
        if number < textures:
            path = os.path.join(folder, f"{number:05d}.png")
            with open(path, "wb") as file:
                file.write(os.urandom(64))
                file.writelines(block[: size - start] for start in range(64, size, len(block)))
            image = bpy.data.images.new(f"picture {number}", 4, 4)
            image.source, image.filepath = "FILE", path
            material = bpy.data.materials.new(f"material {number}")
            material.use_nodes = True
            node = material.node_tree.nodes.new("ShaderNodeTexImage")
            node.image = image
            mesh = cube.copy()
            mesh.materials.clear()
            mesh.materials.append(material)
        thing = bpy.data.objects.new(f"thing {number}", mesh)
        thing.location = (number % 71, number // 71, 0)
        thing.display_type = "BOUNDS"
        collection.objects.link(thing)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(out, "project.blend"))


def watched(what: str, work: Callable) -> Callable:
    """The work, with its time noted."""

    @functools.wraps(work)
    def timed(*words: Any, **named: Any) -> Any:
        global deep, inside
        began, before = time.perf_counter(), time.thread_time()
        deep += 1
        try:
            return work(*words, **named)
        finally:
            deep -= 1
            took = time.perf_counter() - began
            if not deep:
                inside += took
            for kind, much in (("step", took), ("work", time.thread_time() - before)):
                if much > longest[kind][0]:
                    longest[kind] = (much, what)

    return timed


def place(steps: Any) -> str:
    """Where a generator, and those that it waits for, stand."""
    found = []
    while steps is not None and getattr(steps, "gi_code", None):
        found.append(f"{steps.gi_code.co_name}:{steps.gi_frame.f_lineno if steps.gi_frame else 'end'}")
        steps = steps.gi_yieldfrom
    return " > ".join(found)


def watch(netrender: Any) -> None:
    """Notes what the add-on does, and for how long."""
    step = netrender.pump.Task.step

    def timed(task: Any) -> None:
        before = place(task.steps)
        watched(f"a step after {before}", step)(task)

    netrender.pump.Task.step = timed
    netrender.scene.copy = watched("the copy with unsaved changes", netrender.scene.copy)
    netrender.link.Link.start = watched("a child process", netrender.link.Link.start)
    for kind in bpy.types.Panel.__subclasses__():
        if kind.__module__.startswith("netrender"):
            kind.draw = watched(f"drawing {kind.__name__}", kind.draw)


def beat() -> float:
    """The heartbeat."""
    global last, worked, ours, inside, busy
    now, work = time.perf_counter(), time.thread_time()
    if last and now - last > longest["gap"][0]:
        longest["gap"] = (now - last, longest["step"][1])
        ours, busy = inside, work - worked
    last, worked, inside = now, work, 0.0
    return 0.001


def fresh() -> None:
    """Forgets what was measured."""
    global last
    longest.update(step=(0.0, ""), gap=(0.0, ""), work=(0.0, ""))
    last = 0.0


def cases(netrender: Any, out: str) -> Generator[None, None, None]:
    """Measures all, a step at a time."""
    send = netrender.send
    found: dict[str, dict[str, Any]] = {}
    pause = 2 if len(bpy.data.objects) > 1000 else 0.1
    state = bpy.context.window_manager.netrender

    def idle(seconds: float) -> Generator[None, None, float]:
        fresh()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            yield
        return longest["gap"][0]

    def beside() -> Generator[None, None, float]:
        """The gap while another program reads the textures, with as many processes as the program has threads."""
        folder = os.path.join(out, "textures")
        names = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        count = os.cpu_count() or 1
        yield from idle(0.1)
        fresh()
        others = [
            subprocess.Popen(["sha256sum", *names[at::count]], stdout=subprocess.DEVNULL)
            for at in range(min(count, len(names)))
        ]
        drawn = 0.0
        while any(one.poll() is None for one in others):
            if time.perf_counter() - drawn > netrender.watch.PACE:
                netrender.send.redraw()
                drawn = time.perf_counter()
            yield
        return longest["gap"][0]

    def case(name: str, frames: str) -> Generator[None, None, None]:
        still = yield from idle(pause)
        crowded = 0.0
        if not found and not bpy.app.background and shutil.which("sha256sum"):
            crowded = yield from beside()
        was, link = state.last, netrender.settings.the_link
        words: list[Any] = []
        start = link.start

        def started(*given: str) -> Any:
            words.extend(given)
            return start(*given)

        link.start = started
        fresh()
        began = time.perf_counter()
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
            watched("the button", bpy.ops.netrender.send_job)(frames=frames)
        yield
        while not all(one.over for one in send.running):
            yield
        del link.start
        assert state.last != was, [one.summary for one in send.running]
        found[name] = {
            "gap": longest["gap"][0], "ours": ours, "busy": busy, "idle": still, "step": longest["step"][0], "of": longest["step"][1],
            "work": longest["work"][0], "beside": crowded,
            "seconds": time.perf_counter() - began,
            "copied": any(word.startswith("--unsaved") for word in words),
            "read": "Blender" if any(word.startswith("--collected") for word in words) else "program",
        }  # fmt: skip

    while netrender.settings.the_farm.state != "online" and not bpy.app.background:
        yield
    yield from idle(pause + 1.5)  # until Blender has settled, and the add-on knows that nothing was changed
    bpy.ops.wm.save_mainfile()  # what Blender evaluated after it was made counts as a change
    yield from idle(pause)
    yield from case("saved", "1")
    yield from case("again", "2")

    def change() -> None:
        bpy.data.objects["thing 0"].location.z += 1

    change()
    yield from idle(pause)
    yield from case("unsaved", "3")
    if not bpy.app.background:
        sliced = netrender.pump.sliced

        def later(*given: Any) -> Generator[Any, None, Any]:
            change()
            for _ in range(5):  # until Blender has seen it
                yield
            return (yield from sliced(*given))

        netrender.pump.sliced = later
        yield from case("changed meanwhile", "4")
        netrender.pump.sliced = sliced
    print("\nMEASURED " + json.dumps(found), flush=True)


def main(path: str, out: str, *sizes: str) -> None:
    """Does all."""
    assert bpy.ops.preferences.addon_install(filepath=path) == {"FINISHED"}
    assert bpy.ops.preferences.addon_enable(module="netrender") == {"FINISHED"}
    import netrender

    build(out, *map(int, sizes))
    watch(netrender)
    if bpy.app.background:
        run = netrender.pump.run

        def stepped(steps: Any) -> Any:
            task = netrender.pump.Task(steps, lambda _result, _error: None)
            while not task.over.is_set():
                task.step()
            if task.error:
                raise task.error
            return task.result

        netrender.pump.run = stepped
        for _ in cases(netrender, out):
            pass
        netrender.pump.run = run
        return
    steps = cases(netrender, out)

    def go_on() -> float | None:
        try:
            next(steps)
        except StopIteration:
            leave(0)
        except BaseException:  # noqa: BLE001, whatever it is, Blender has to end
            import traceback

            traceback.print_exc()
            leave(1)
        return 0.02

    bpy.app.timers.register(go_on, first_interval=1, persistent=True)
    bpy.app.timers.register(beat, first_interval=1, persistent=True)


def leave(status: int) -> None:
    """Ends Blender at once."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


main(*sys.argv[sys.argv.index("--") + 1 :])
