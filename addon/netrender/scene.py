"""What is sent of the scene that is open: its file or a copy with unsaved changes, and the list of the files that it reads.

Everything here runs where Blender allows its data to be touched: in an operator, a timer, or without a window.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from typing import Any

import bpy

from . import notify, pump, settings
from .link import Problem
from .request import Request, frames

_changes = 0  # of the data, since Blender was started
_saved: tuple[int, int] | None = None  # changes and fingerprint when the file was read or written; None: not known yet
_file: tuple[str, int, int] | None = None  # the file as it was then
_frames: dict[str, int] = {}  # scene -> the frame that was shown then
_clean = True  # Blender held the file for unchanged when that was looked at last
_moved = False  # that it does not any more is because another frame was gone to, which is no change
_opened = 0  # files, since Blender was started
_lent: tuple[str, int, int] | None = None  # a file that was written while a scene in it had another engine
_copying = False  # what is written now is a copy of our own
_copies: dict[tuple, str] = {}  # what a copy is of -> its file; the last one only
_folder = ""


def folder() -> str:
    """A folder of this process, for what goes to and comes from the farm; removed when the add-on is disabled."""
    global _folder
    if not _folder or not os.path.isdir(_folder):
        _folder = tempfile.mkdtemp(prefix="netrender-", dir=bpy.app.tempdir or None)
    return _folder


def new_folder(name: str) -> str:
    """A fresh folder in it."""
    return tempfile.mkdtemp(prefix=name + "-", dir=folder())


def real_engine(scene: Any) -> str:
    """The engine that renders the scene."""
    return scene.render.engine if scene.render.engine != settings.ID else scene.netrender.engine


def needs_copy(scene: Any) -> bool:
    """Whether the scene is not as its file is. What Python changes is no change to Blender, and is counted here; without a
    window nothing can be."""
    if not bpy.data.filepath:
        return True
    return scene.netrender.unsaved and (dirty() or bpy.app.background or not untouched())


def dirty() -> bool:
    """Whether Blender holds the file for changed, and not only because another frame was gone to: for that it does, too. Then
    what was changed afterwards is known from untouched alone."""
    _look()
    return bpy.data.is_dirty and not _moved


def _look() -> float:
    """Notes why Blender holds the file for changed, as soon as it does."""
    global _clean, _moved
    if not bpy.data.is_dirty:
        _clean, _moved = True, False
    elif _clean:
        _clean, _moved = False, _frames != shown() and untouched()
    return 0.1


def shown() -> dict[str, int]:
    """The frame that each scene shows."""
    return {scene.name: scene.frame_current for scene in bpy.data.scenes}


def untouched() -> bool:
    """Whether nothing was changed since the file was read or written."""
    return _saved == (_changes, fingerprint()) and same_file()


def same_file() -> bool:
    """Whether the file on the disk is the one that was read or written here."""
    return _file is not None and _file == file()


def file() -> tuple[str, int, int] | None:
    """The open file as it is on the disk: path, time of its last change in ns, size in bytes; None where it is not."""
    try:
        found = os.stat(bpy.data.filepath)
    except OSError:
        return None
    return bpy.data.filepath, found.st_mtime_ns, found.st_size


def as_saved() -> None:
    """Takes what is open now for what the file is."""
    global _saved, _file, _frames
    _saved, _file, _frames = (_changes, fingerprint()), file(), shown()


Before = tuple[int, int | None, tuple[str, int, int] | None]


def before() -> Before:
    """What given_back needs to know, before something is set that will be set back."""
    return _opened, (fingerprint() if untouched() else None), file()


def same_session(was: Before) -> bool:
    """Whether no other file was opened since."""
    return was[0] == _opened


def changes() -> int:
    """How often something was changed since Blender was started."""
    return _changes


def seen(count: int) -> Generator[None, None, None]:
    """Waits until Blender has told of what was set when there were so many changes, at most 2 s: it does so when it evaluates the
    scene, which a machine that is busy puts off."""
    until = time.monotonic() + 2
    while _changes == count and time.monotonic() < until:
        yield
    for _ in range(5):  # and of what follows from that
        yield


def given_back(was: Before) -> None:
    """What was set since, and set back, is no change of the scene. What the artist set meanwhile is one; and a file that was
    saved meanwhile holds what was set back since."""
    global _lent
    _, clean, on_disk = was
    if not same_session(was):
        return
    if file() != on_disk:
        _lent = file()
        _changed()
        if same_file():
            notify.show("The file was saved with the farm as its engine: save it again")
    elif clean == fingerprint() and not dirty() and same_file():
        as_saved()


def prepare(scene: Any, wanted: str) -> Generator[Any, None, Request]:
    """Makes what the program needs to send the scene; wanted are frames, "" for the options' or the scene's own."""
    others = {window.scene.name for window in bpy.context.window_manager.windows} - {scene.name}
    if others:  # the file opens with the scene of a window, and that is the one that is rendered
        raise Problem(
            f"another window shows the scene {min(others)}, and a file is sent with one",
            f"show {scene.name} in all windows",
        )
    options = scene.netrender.as_options() | {"engine": real_engine(scene)}
    wanted = wanted or scene.netrender.frames or frames(scene.frame_start, scene.frame_end, scene.frame_step)
    request = Request(
        blend=bpy.data.filepath or os.path.join(folder(), "untitled.blend"),
        frames=wanted,
        engine=real_engine(scene) if scene.render.engine == settings.ID else "",
        blender=bpy.app.binary_path,
        options=options,
    )
    yield
    name, engine = scene.name, real_engine(scene)
    if needs_copy(scene):
        request.copy = copy()
    elif _lent and _lent == file():
        request.engine = engine
    known = state()
    if options["pack"]:
        return request
    try:
        request.collected = yield from collected(scene, request, known)
    except pump.Changed as changed:
        # The artist went on working. What is sent is the scene as it was when it was asked for, and the program can look
        # for its files itself, in those very bytes; only where it cannot all is done anew, at once.
        if engine in BUILT_IN and request.blender and (request.copy or file() == known[-1]):
            return request
        if name not in bpy.data.scenes or (bpy.data.filepath or request.blend) != request.blend:
            raise Problem("the scene was closed before its files were found", "send it again") from changed
        scene = bpy.data.scenes[name]
        request.copy = copy() if needs_copy(scene) else ""
        request.collected = pump.run(collected(scene, request, state()))
    return request


# Engines of every Blender, also of the one that the program starts: that one has no add-ons of the artist's.
BUILT_IN = {"CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH"}


def state() -> tuple:
    """What differs when somebody changed the data that is open, as far as Blender tells."""
    return (*quick_state(), fingerprint(), hash(tuple(bpy.utils.blend_paths(absolute=False, packed=True, local=False))), file())


def quick_state() -> tuple:
    """The part of it that costs nothing."""
    data = bpy.data
    sizes = [len(each) for each in (data.objects, data.images, data.materials, data.node_groups, data.libraries, data.scenes)]
    return _changes, data.is_dirty, data.filepath, *sizes


def copy() -> str:
    """A copy of what is open, as it is; the one made last time where nothing was changed since."""
    global _copying
    key = (bpy.data.filepath, _changes, fingerprint())
    if bpy.app.background or key not in _copies or not os.path.exists(_copies[key]):
        name = os.path.basename(bpy.data.filepath) or "untitled.blend"
        path = os.path.join(new_folder("unsaved"), name)
        paths = bpy.context.preferences.filepaths
        pictured, paths.file_preview_type = paths.file_preview_type, "NONE"  # to draw one takes longer than to write the copy
        _copying = True
        try:
            bpy.ops.wm.save_as_mainfile(filepath=path, copy=True, relative_remap=True, compress=False)
        finally:
            _copying, paths.file_preview_type = False, pictured
        for old in _copies.values():
            shutil.rmtree(os.path.dirname(old), ignore_errors=True)
        _copies.clear()
        _copies[key] = path
    return _copies[key]


def collected(scene: Any, request: Request, known: tuple) -> Generator[Any, None, str]:
    """A file that says what the scene reads, as the program's own collector writes it. Raises pump.Changed when the data is
    not any more as known says."""
    yield from _imported()
    from .netagent import opening
    from .netcollect import facts

    quick = quick_state()
    steps = facts.steps(scene, opening, numbers(request.frames), request.blend, request.engine)
    answer = yield from pump.sliced(steps, lambda: quick_state() == quick)
    if state() != known:
        raise pump.Changed
    if known[-1] and not request.copy:  # which bytes the list is of: the program reads them later than now
        _, changed, size = known[-1]
        answer["file"] = {"mtime_ns": changed, "size": size}
    path = os.path.join(new_folder("collected"), "collected.json")
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps(answer))  # much faster than to write it piece by piece
    return path


def _imported() -> Generator[Any, None, None]:
    """Imports the collector, a module at a time: the first time Python compiles them, which takes longer than a step may."""
    for package in ("netagent.opening", "netagent.caches", "netcollect"):
        importlib.import_module(f"{__package__}.{package}")
        yield pump.BUSY
    folder = os.path.dirname(importlib.import_module(f"{__package__}.netcollect").__file__ or "")
    modules = {name[:-3] for name in os.listdir(folder) if name.endswith(".py") and name != "__init__.py"}
    first = [name for name in ("paths", "spans", "blocks", "walk", "files") if name in modules]  # what the others stand on
    for name in (*first, *sorted(modules - {*first, "facts"}), "facts"):
        if f"{__package__}.netcollect.{name}" not in sys.modules:
            importlib.import_module(f"{__package__}.netcollect.{name}")
            yield pump.BUSY


def numbers(text: str) -> list[int]:
    """The frames of a range such as 1-250, 1,5,9 or -10--5x5; [] when it is none, which the program will say."""
    import re

    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?\s*", part)
        if not match:
            return []
        first = int(match[1])
        found += range(first, int(match[2] or first) + 1, max(1, int(match[3] or 1)))
    return found


def fingerprint() -> int:
    """Of settings that may change without Blender counting it as a change of its data."""
    found: list[Any] = sorted({window.scene.name for window in bpy.context.window_manager.windows})  # one more is no change
    for scene in bpy.data.scenes:
        holders = [
            scene.render,
            scene.render.image_settings,
            scene.view_settings,
            scene.display_settings,
            scene.netrender,
        ]
        holders += [getattr(scene, name) for name in ("cycles", "eevee") if hasattr(scene, name)]
        holders += list(scene.view_layers)
        for holder in holders:
            for prop in holder.bl_rna.properties:
                if prop.type in {"BOOLEAN", "INT", "FLOAT", "STRING", "ENUM"} and prop.identifier != "engine":
                    value: Any = getattr(holder, prop.identifier, None)
                    found.append(tuple(value) if getattr(prop, "is_array", False) else str(value))
        found.append((scene.name, scene.frame_start, scene.frame_end, scene.frame_step))
        found += [(one.frame, one.camera.name if one.camera else "") for one in scene.timeline_markers]
    return hash(tuple(found))


@bpy.app.handlers.persistent
def _changed(*_: Any) -> None:
    global _changes
    _changes += 1


@bpy.app.handlers.persistent
def _written(path: Any = None, *_: Any) -> None:
    """The file was saved, or a copy of it; older Blenders do not tell which. The file may be another program's by now."""
    copied = _copying or (isinstance(path, str) and path and not same(path, bpy.data.filepath))
    if not copied and _file != file():
        as_saved()


def same(one: str, other: str) -> bool:
    """Whether two paths are of the same file."""
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


@bpy.app.handlers.persistent
def _read(*_: Any) -> None:
    global _saved, _file, _opened
    _saved, _file = None, file()
    _opened += 1
    _changed()
    if not bpy.app.background:
        pump.start(_settled())


def _settled() -> Generator[None, None, None]:
    """Blender's first evaluation of what it read is no change."""
    until = time.monotonic() + 1
    while time.monotonic() < until:
        yield
    if _saved is None and not bpy.data.is_dirty and _file == file():
        as_saved()


@bpy.app.handlers.persistent
def _updated(_scene: Any, depsgraph: Any = None) -> None:
    if depsgraph is None or depsgraph.updates:
        _changed()


# NEEDED is what a scene is sent with, those first that others are made of.
NEEDED = ("netcollect.colour", "netcollect.files", "netcollect.pictures", "netcollect.media", "netcollect.walk", "netcollect.facts", "netagent.opening")


def _need() -> float | None:
    """Reads one of them: at once they would hold up the start of Blender, or the first scene that is sent."""
    for name in NEEDED:
        name = f"{__package__}.{name}"
        if name not in sys.modules:
            importlib.import_module(name)
            return 0.1
    return None


def register() -> None:
    """Begins to count changes."""
    if not bpy.app.background:
        bpy.app.timers.register(_need, first_interval=2)
        bpy.app.timers.register(_look, first_interval=1, persistent=True)
    bpy.app.handlers.depsgraph_update_post.append(_updated)
    bpy.app.handlers.undo_post.append(_changed)
    bpy.app.handlers.redo_post.append(_changed)
    bpy.app.handlers.load_post.append(_read)
    bpy.app.handlers.save_post.append(_written)


def unregister() -> None:
    """Stops that, and removes what was made."""
    global _folder
    for timer in (_need, _look):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    settings.unlisten(bpy.app.handlers.depsgraph_update_post, _updated)
    settings.unlisten(bpy.app.handlers.undo_post, _changed)
    settings.unlisten(bpy.app.handlers.redo_post, _changed)
    settings.unlisten(bpy.app.handlers.load_post, _read)
    settings.unlisten(bpy.app.handlers.save_post, _written)
    _copies.clear()
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
        _folder = ""
