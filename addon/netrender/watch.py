"""Keeps what the panels show fresh, and tells of jobs that ended."""

import sys
import time
from collections.abc import Generator
from typing import Any

import bpy

from . import desktop, farm, jobs, notify, pump, send, settings, thumbs

PACE = 0.25  # seconds between two drawings

_tasks: list[pump.Task] = []


def look() -> Generator[None, None, None]:
    """Has panels drawn anew when something changed, for ever."""
    seen: Any = None
    online = settings.online()
    while True:
        if online != settings.online():
            online = not online
            settings.the_farm.again = True
        state = bpy.context.window_manager.netrender
        now = (settings.the_farm.changed, settings.the_farm.state, state.every_job, bpy.data.filepath, len(send.sent))
        going = any(not one.over for one in send.running) or (send.checked is not None and not send.checked.over)
        if now != seen or jobs.stale(state):
            jobs.fill(state)
            seen, going = now, True
        if going:
            send.redraw()
        thumbs.want(jobs.shown(state))
        tell_ended()
        until = time.monotonic() + PACE
        while time.monotonic() < until:
            yield


def tell_ended() -> None:
    """Tells of jobs of this file, or that were sent from here, that came to an end."""
    found = settings.preferences()
    while settings.the_farm.ended:
        event = settings.the_farm.ended.popleft()
        number, state = event.get("job", 0), event.get("state", "")
        job = settings.the_farm.job(number) or {"id": number}
        if (found and not found.notify) or state == "canceled" or not jobs.ours(job):
            continue
        text = f"Job {number}"
        if job.get("name"):
            text += f" ({job['name']})"
        text += " is done" if state == "done" else " failed"
        notify.show(desktop.plain(text), state == "failed")
        tell(text)


def tell(text: str) -> None:
    """A notification of the desktop, as well as it can be had."""
    child = desktop.show(sys.platform, settings.the_link.program, text)
    if child:
        pump.start(_reap(child))


def _reap(child: Any) -> Generator[None, None, None]:
    while child.poll() is None:
        yield


def register() -> None:
    """Begins to listen to the farm; without a window nobody would see it."""
    if not bpy.app.background:
        _tasks.append(pump.start(farm.follow(settings.the_link, settings.the_farm)))
        _tasks.append(pump.start(look()))


def unregister() -> None:
    """Ends that."""
    for task in _tasks:
        task.stop()
    _tasks.clear()
