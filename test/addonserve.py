"""A worker that is started in a Blender with a window, as a person does it: addonserve.py -- ZIP. Prints SERVED and what was
seen. The worker's renderer is a fake: what is looked at is the window. Needs --enable-event-simulate."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Generator
from typing import Any

import bpy

LIMIT = 60.0  # seconds until a fact has to be one


def until(what: str, fact: Callable[[], Any]) -> Generator[None, None, None]:
    """Waits for a fact."""
    end = time.monotonic() + LIMIT
    while not fact():
        assert time.monotonic() < end, f"it never comes to be that {what}"
        yield


def steps(path: str) -> Generator[None, None, dict]:
    """All of it."""
    assert bpy.ops.preferences.addon_install(filepath=path) == {"FINISHED"}
    assert bpy.ops.preferences.addon_enable(module="netrender") == {"FINISHED"}
    import netrender

    serve, settings, notify, pump = netrender.serve, netrender.settings, netrender.notify, netrender.pump
    plain = serve.words
    serve.words = lambda kind: [*(one for one in plain(kind) if "--blender" not in one), "--fake-renderer=300ms"]
    window = bpy.context.window_manager.windows[0]
    scene = window.scene
    for area in window.screen.areas:  # without a GPU it takes seconds until the scene is drawn
        if area.type == "VIEW_3D":
            area.type = "IMAGE_EDITOR"
    one = serve.services["WORKER"]
    found: dict[str, Any] = {"texts": []}
    began = time.monotonic()

    def took(what: str) -> None:
        print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)

    def start() -> None:
        with bpy.context.temp_override(window=window, screen=window.screen, area=window.screen.areas[0]):
            bpy.ops.netrender.serve("INVOKE_DEFAULT", kind="WORKER")

    def rendering() -> bool:
        return bpy.app.is_job_running("RENDER")

    def press(key: str) -> None:
        bpy.context.window_manager.windows[-1].event_simulate(type=key, value="PRESS")
        bpy.context.window_manager.windows[-1].event_simulate(type=key, value="RELEASE")

    def worked() -> bool:
        if one.last not in found["texts"]:
            found["texts"].append(one.last)
        return "done" in one.last and "enders frame" in one.last

    names = ("engine", "use_sequencer", "use_compositing", "use_lock_interface", "use_multiview")
    scene.render.use_lock_interface = True
    before = [getattr(scene.render, name) for name in names]

    for way in ("Esc", "Stop"):
        start()
        yield from until("it is shown", lambda: serve.ServeEngine.inside == 1)
        yield from until("the scene is as it was", lambda: [getattr(scene.render, n) for n in names] == before)
        yield from until("it works", worked)
        assert rendering() and one.on
        if way == "Esc":
            press("ESC")
        else:
            bpy.ops.netrender.unserve(kind="WORKER")
        yield from until(f"it is over after {way}", lambda: not one.on and not rendering())
        took(way)
        assert not one.failed and serve.ServeEngine.inside == 0, (one.failed, serve.ServeEngine.inside)

    camera, scene.camera = scene.camera, None  # nothing can be rendered: the panel alone shows it
    start()
    yield from until("it works without a render", worked)
    assert not rendering() and scene.render.engine == before[0]
    press("ESC")
    yield from until("it is over", lambda: not one.on)
    scene.camera = camera
    took("without a camera")

    wishes = settings.preferences()
    assert wishes is not None
    wishes.stay = True
    start()
    yield from until("it works in the background", worked)
    assert one.pid and not rendering()
    pid = one.pid
    bpy.ops.netrender.unserve(kind="WORKER")
    yield from until("it is over", lambda: not one.on)
    assert not any(settings.the_link.alive(pid)), "a generator that yields nothing: the process is gone"
    assert not [name for name in os.listdir(serve.folder()) if "from-blender" in name and not name.endswith(".log")]

    took("in the background")

    # Another Blender's worker in the background is adopted; one that is no more is forgotten, and this one's is started.
    wishes.stay = False
    data = serve.note("WORKER", "json")
    other = settings.the_link.detach(serve.note("WORKER", "log"), *serve.words("WORKER"), f"--stop-file={serve.note('WORKER', 'stop')}")
    with open(data, "w", encoding="utf-8") as file:
        json.dump({"pid": other}, file)
    start()
    yield from until("the other one is shown", lambda: one.pid == other and one.others and worked())
    assert not rendering() and one.child is None and os.path.exists(data)
    bpy.ops.netrender.unserve(kind="WORKER")
    yield from until("it is over", lambda: not one.on)
    assert not any(settings.the_link.alive(other)) and not os.path.exists(data)
    with open(data, "w", encoding="utf-8") as file:
        json.dump({"pid": other}, file)
    start()
    yield from until("its own one works", lambda: one.child is not None and not one.pid and worked())
    with open(data, "w", encoding="utf-8") as file:
        json.dump({"pid": os.getpid()}, file)  # another Blender started one meanwhile
    press("ESC")
    yield from until("it is over", lambda: not one.on)
    assert os.path.exists(data)
    serve.forget("WORKER", os.getpid())
    assert not os.path.exists(data)
    took("beside another Blender")

    # The render button. Blender renders no scene whose layers are all off: that is told, the scene gets its engine back, and
    # the timer goes on.
    def render() -> None:
        with bpy.context.temp_override(window=window):
            assert bpy.ops.netrender.render_frame() == {"FINISHED"}

    def turns(n: int) -> Generator[None, None, None]:
        task = pump.start(None for _ in range(n))
        yield from until("the timer goes on", task.over.is_set)

    told: list[str] = []
    show, notify.show = notify.show, lambda text, bad=False: told.append(text)
    layers = list(scene.view_layers)
    for layer in layers:
        layer.use = False
    render()
    yield from until("it is refused", lambda: told)
    assert "layers are disabled" in told[0], told
    yield from until("the scene is as it was", lambda: scene.render.engine == before[0])
    notify.show = show
    for layer in layers:
        layer.use = True
    yield from turns(2)
    took("what cannot be rendered")

    # A file that is saved while its frame comes from the farm holds the farm's engine: it is not what is sent next.
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(bpy.app.tempdir, "shot.blend"))
    for save in (False, True):
        for _ in range(20):
            bpy.ops.wm.save_mainfile()
            yield from turns(4)
            if netrender.scene.untouched():  # what Blender evaluates after a change counts as one
                break
        assert not netrender.scene.needs_copy(scene)
        render()
        yield from until("it is rendered", lambda: rendering() and scene.render.engine == settings.ID)
        yield from until("the farm has it", lambda: netrender.engine._gather and netrender.engine._gather.job)
        if save:
            bpy.ops.wm.save_mainfile()
        netrender.engine._gather.stop(settings.the_link, cancel=True)  # a key that is simulated breaks no render off
        yield from until("the scene has its engine", lambda: scene.render.engine == before[0])
        yield from until("that was dealt with", lambda: not any(task.steps.__name__ == "_give_back" for task in pump._tasks))
        assert netrender.scene.needs_copy(scene) == save, save
        scene.netrender.unsaved = False
        assert pump.run(netrender.scene.prepare(scene, "1")).engine == (before[0] if save else "")
        scene.netrender.unsaved = True
    took("saved meanwhile")

    # Two windows with two scenes: a file opens with one of them.
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_new_main()  # the other kind shares its scene
    other = bpy.context.window_manager.windows[-1]
    other.scene = bpy.data.scenes.new("Other")
    found["refused"] = []
    for at, name in ((window, "Other"), (other, scene.name)):
        try:
            netrender.pump.run(netrender.scene.prepare(at.scene, "1"))
        except netrender.link.Problem as problem:
            assert name in str(problem), problem
            found["refused"].append(str(problem))
    other.scene = scene
    assert netrender.pump.run(netrender.scene.prepare(scene, "1")).frames == "1"

    # The masters that can be found; one is chosen.
    bpy.ops.netrender.find_masters()
    known = settings.the_farm
    yield from until("they were looked for", lambda: known.looking)
    yield from until("they are there", lambda: not known.looking)
    found["masters"] = known.masters
    bpy.ops.netrender.choose_master(address="http://127.0.0.1:9")
    assert settings.the_link.master == wishes.master == "http://127.0.0.1:9"
    bpy.ops.netrender.choose_master(address="")
    assert settings.the_link.master == wishes.master == ""
    return found


def main(path: str) -> None:
    """Steps from a timer, as Blender stays alive meanwhile."""
    going = steps(path)

    def turn() -> float | None:
        try:
            next(going)
        except StopIteration as end:
            print("\nSERVED " + json.dumps(end.value), flush=True)
        except Exception:  # noqa: BLE001
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)  # a render that goes on would keep Blender
        else:
            return 0.02
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(turn, first_interval=0.5, persistent=True)


main(*sys.argv[sys.argv.index("--") + 1 :])
