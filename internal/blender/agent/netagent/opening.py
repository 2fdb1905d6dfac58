"""Opens scenes and says what they are."""

from __future__ import annotations

import contextlib
import gzip
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from . import caches, devices, mapping, osl, parts, scripts, stateful
from .failure import Failure


class Session:
    """What the agent knows between two requests."""

    def __init__(self, handover: dict) -> None:
        self.device: str = handover["device"]
        self.scripts: bool = handover["scripts"]
        self.threads: int = handover["threads"]
        self.scratch: str = handover["scratch"]
        self.own_handlers = stateful.handlers()
        self.watch = scripts.Watch()
        self.request: dict = {}
        self.stateful = ""
        self.range_is_seen = False
        self.used = False  # a frame was rendered since the scene was opened
        self.baked = caches.Baked({}, "")
        self.reached: int | None = None  # the last frame that can be rendered after the timeline was played

    def open(self, request: dict) -> dict:
        """Loads the scene of request and answers with SceneFacts."""
        begun = time.monotonic()
        self.request = {}
        self.watch.allowed = self.scripts and request.get("scripts", False)
        places = mapping.Places(request["blend"], request.get("original") or "", request.get("files") or {})
        baked = caches.Baked(request, self.scratch)
        moved = 0

        def move() -> None:
            nonlocal moved
            with osl.unasked():
                moved = mapping.apply(places)
            baked.apply()

        with before_evaluation(move):
            load(request, self.watch.allowed)
        uncompiled = osl.compile_all(self.scratch)
        scene = self._select(request)
        take_view(scene, request.get("camera") or "", request.get("layers") or [])
        if request.get("engine"):
            take_engine(scene, request["engine"])
        self.request, self.baked, self.reached = request, baked, None
        self.used = False
        self.stateful = stateful.reason(scene, self.own_handlers)
        self.range_is_seen = stateful.range_is_seen(scene)
        devices.apply(scene, self.device)
        if self.threads:
            scene.render.threads_mode, scene.render.threads = "FIXED", self.threads
        facts = describe(scene)
        facts.update(mapped=moved, missing=mapping.missing(places), stateful=self.stateful, warnings=uncompiled)
        if facts["movie"]:
            facts["warnings"].append("the scene's own output is a movie: its frames are written as PNG")
        facts["open_seconds"] = time.monotonic() - begun
        return facts

    def again(self) -> None:
        """Opens the same scene anew."""
        self.open(dict(self.request))

    def scene(self) -> Any:
        """The scene that renders."""
        if not self.request:
            raise Failure("not-opened", "no scene is open")
        return bpy.context.window.scene if bpy.context.window else bpy.context.scene

    @staticmethod
    def _select(request: dict) -> Any:
        name = request.get("name")
        if name:
            if name not in bpy.data.scenes:
                names = ", ".join(scene.name for scene in bpy.data.scenes)
                raise Failure("no-scene", f"the file has no scene {name} (it has {names})")
            bpy.context.window.scene = bpy.data.scenes[name]
        return bpy.context.window.scene if bpy.context.window else bpy.context.scene


@contextlib.contextmanager
def before_evaluation(work: Callable[[], None]) -> Iterator[None]:
    """Has work done when a .blend was read and nothing in it was evaluated: what Blender misses then it may not look for again."""
    raised: list[Exception] = []

    @bpy.app.handlers.persistent
    def handler(*_: Any) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001, Blender would print it and go on
            raised.append(error)

    bpy.app.handlers.load_post.insert(0, handler)
    try:
        yield
    finally:
        bpy.app.handlers.load_post.remove(handler)
    if raised:
        raise raised[0]


def saved_version(head: bytes) -> tuple[int, int] | None:
    """The version in the first bytes of a .blend: "BLENDER-v304" up to 4.x, "BLENDER17-01v0500" from 5.0 on. None: no .blend."""
    if not head.startswith(b"BLENDER"):
        return None
    digits = head[9:12] if head[7:8] in b"_-" else head[13:17]
    return (int(digits) // 100, int(digits) % 100) if digits.isdigit() else None


def load(request: dict, scripts: bool) -> None:
    """Opens the .blend, or says in one sentence why not."""
    path = request["blend"]
    name = os.path.basename(path)
    try:
        with open(path, "rb") as file:
            head = file.read(32)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path, "rb") as packed:
                head = packed.read(32)
    except EOFError:
        raise Failure("truncated", f"{name} ends too early") from None
    except OSError as error:
        raise Failure("no-file", f"{name} cannot be read: {error.strerror or error}") from None
    packed = head.startswith(b"\x28\xb5\x2f\xfd")  # zstd, RFC 8878
    version = saved_version(head)
    if version is None and not packed:
        raise Failure("not-blend", f"{name} is not a .blend file")
    check_age(name, version)
    failure = "Blender gave no reason"
    try:
        bpy.ops.wm.open_mainfile(filepath=path, load_ui=True, use_scripts=scripts, display_file_selector=False)
    except RuntimeError as error:
        failure = " ".join(str(error).split())
    same = bool(bpy.data.filepath) and os.path.exists(bpy.data.filepath) and os.path.samefile(bpy.data.filepath, path)
    if failure != "Blender gave no reason" or not same:
        if packed and "not a blend" in failure.lower():
            raise Failure("not-blend", f"{name} is not a .blend file, or a newer Blender made it: {failure}")
        raise Failure("truncated", f"{name} is damaged or ends too early: {failure}")
    check_age(name, tuple(bpy.data.version)[:2])


def check_age(name: str, version: Any) -> None:
    """Refuses a file of a newer series: this Blender would quietly drop what it does not know."""
    if version is not None and tuple(version) > tuple(bpy.app.version[:2]):
        made, have = ".".join(map(str, version)), ".".join(map(str, bpy.app.version[:2]))
        raise Failure("too-new", f"{name} was made by Blender {made}; this is Blender {have}")


def take_view(scene: Any, camera: str, layers: list[str]) -> None:
    """Has the scene seen by a camera, whatever markers say, and only some of its view layers rendered; "" and []: as it says."""
    if camera:
        found = scene.objects.get(camera)
        if found is None or found.type != "CAMERA":
            names = ", ".join(one.name for one in scene.objects if one.type == "CAMERA") or "none"
            raise Failure("no-camera", f"the scene {scene.name} has no camera {camera} (it has {names})")
        for marker in scene.timeline_markers:
            marker.camera = None
        scene.camera = found
    if layers:
        lacks = [name for name in layers if name not in scene.view_layers]
        if lacks:
            names = ", ".join(layer.name for layer in scene.view_layers)
            raise Failure("no-scene", f"the scene {scene.name} has no view layer {lacks[0]} (it has {names})")
        for layer in scene.view_layers:
            layer.use = layer.name in layers


def take_engine(scene: Any, name: str) -> None:
    """Has the scene rendered with another engine than its own."""
    plain = name[: -len("_NEXT")] if name.endswith("EEVEE_NEXT") else name
    for one in (name, plain, plain + "_NEXT") if plain.endswith("EEVEE") else (name,):
        try:
            scene.render.engine = one
            return
        except TypeError:
            pass
    raise Failure("no-engine", f"this Blender ({bpy.app.version_string}) does not have the engine {name}")


def describe(scene: Any, engine: str = "") -> dict:
    """The plain facts of a scene; engine is another than its own that will render it."""
    render = scene.render
    width, height = parts.size(render)
    left, top, right, bottom = parts.region(render)
    views = []
    if render.use_multiview:
        views = [view.file_suffix for view in render.views if view.use]
    return {
        "name": scene.name,
        "engine": engine or render.engine,
        "width": width,
        "height": height,
        "picture_width": right - left,
        "picture_height": bottom - top,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "frame_step": scene.frame_step,
        "fps": render.fps / render.fps_base,
        "saved_by": ".".join(map(str, bpy.data.version)),
        "format": render.image_settings.file_format,
        "movie": render.is_movie_format,
        "views": views,
        "samples": samples(scene, engine or render.engine),
    }


def samples(scene: Any, engine: str) -> int:
    """How many samples the engine takes, 0 when it has no such number."""
    if engine == "CYCLES" and hasattr(scene, "cycles"):
        return scene.cycles.samples
    if "EEVEE" in engine:
        return scene.eevee.taa_render_samples
    return 0
