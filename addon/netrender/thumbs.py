"""Small pictures of finished frames of the job that is chosen in the panel."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import bpy
import bpy.utils.previews

from . import pump, scene, send, settings
from .link import Problem, call

MOST = 6

_pictures: Any = None
_job = 0  # whose pictures are shown
_shown: dict[int, int] = {}  # frame -> icon
_done = -1  # frames of it that were finished when it was last looked at
_task: pump.Task | None = None


def want(job: dict | None) -> None:
    """Has pictures of a job fetched, where they are not here yet."""
    global _job, _done, _task
    if job is None or bpy.app.background or (_task is not None and not _task.over.is_set()):
        return
    number, done = job["id"], job.get("done", 0)
    if number != _job:
        _job, _done = number, 0
        _shown.clear()
    if done == _done or not (job.get("options") or {}).get("preview"):
        return
    _done = done
    _task = pump.start(_fetch(number), lambda _result, _error: send.redraw())


def _fetch(number: int) -> Generator[None, None, None]:
    """Fetches some frames' pictures, spread over the job, and loads them."""
    try:
        view = (yield from call(settings.the_link, "job", str(number)))[-1]
        frames = spread(scene.numbers((view.get("frame_states") or {}).get("done", "")), MOST)
        if not frames:
            return
        folder = os.path.join(scene.folder(), f"previews-{number}")
        words = ("--only=preview", f"--frames={','.join(map(str, frames))}", f"--out={folder}")
        lines = yield from call(settings.the_link, "fetch", str(number), *words)
    except Problem:  # a job without pictures is a job without pictures
        return
    found: dict[int, int] = {}
    for line in lines:
        for path in (line.get("paths") or [])[:1]:
            name = f"{number}/{line['frame']}/{os.path.getmtime(path)}"
            picture = _pictures.get(name) or _pictures.load(name, path, "IMAGE")
            if tuple(picture.image_size) != (0, 0):  # asking reads it now, not while it is drawn
                found[line["frame"]] = picture.icon_id
            yield
    if number == _job:
        _shown.clear()
        _shown.update(sorted(found.items()))


def spread(frames: list[int], most: int) -> list[int]:
    """At most so many, the first and the last among them."""
    if len(frames) <= most:
        return frames
    return [frames[at * (len(frames) - 1) // (most - 1)] for at in range(most)]


def draw(layout: Any, number: int) -> None:
    """Draws them."""
    if number != _job or not _shown:
        return
    grid = layout.grid_flow(row_major=True, columns=3, even_columns=True, even_rows=True)
    for frame, icon in _shown.items():
        column = grid.column(align=True)
        column.template_icon(icon_value=icon, scale=4.0)
        row = column.row()
        row.alignment = "CENTER"
        row.label(text=str(frame))


def register() -> None:
    """Makes room for pictures."""
    global _pictures
    _pictures = bpy.utils.previews.new()


def unregister() -> None:
    """Frees them."""
    global _pictures, _job, _done, _task
    if _task is not None:
        _task.stop()
    _shown.clear()
    _job, _done, _task = 0, -1, None
    bpy.utils.previews.remove(_pictures)
    _pictures = None
