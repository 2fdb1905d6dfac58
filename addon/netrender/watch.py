"""Keeps what the panels show fresh, and tells of jobs that ended."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from typing import Any

import bpy

from . import farm, jobs, notify, pump, send, settings, thumbs

PACE = 0.25  # seconds between two drawings

_tasks: list[pump.Task] = []


def look() -> Generator[None, None, None]:
    """Has panels drawn anew when something changed, for ever."""
    seen: Any = None
    while True:
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
        name = job.get("name") or f"Job {number}"
        text = f"{name} (job {number}) is done" if state == "done" else f"{name} (job {number}) failed"
        notify.show(text, state == "failed")
        desktop(text)


def desktop(text: str) -> None:
    """A notification of the desktop, as well as it can be had; nobody waits for it."""
    if sys.platform == "darwin":
        script = 'on run argv\ndisplay notification (item 1 of argv) with title "Netrender"\nend run'
        command = ["osascript", "-e", script, text]
    elif os.name == "nt":
        command = ["powershell", "-NoProfile", "-WindowStyle", "Hidden", "-Command", TOAST]
    else:
        command = ["notify-send", "--app-name=Netrender", "--", "Netrender", text]
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NETRENDER_TEXT": text},
            creationflags=0x08000000 if os.name == "nt" else 0,
        )
    except OSError:
        return
    pump.start(_reap(child))


def _reap(child: Any) -> Generator[None, None, None]:
    while child.poll() is None:
        yield


# The text comes in the environment: nothing of it is read as a command.
TOAST = (
    "Add-Type -AssemblyName System.Windows.Forms,System.Drawing;"
    "$n = New-Object System.Windows.Forms.NotifyIcon;"
    "$n.Icon = [System.Drawing.SystemIcons]::Information; $n.Visible = $true;"
    "$n.ShowBalloonTip(8000, 'Netrender', $env:NETRENDER_TEXT, 'Info'); Start-Sleep 9; $n.Dispose()"
)


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
