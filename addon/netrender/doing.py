"""What a worker or master that was started from Blender does, in a sentence. Nothing here knows Blender."""

from __future__ import annotations

import json
from typing import Any


def read(path: str) -> dict:
    """What the program says in its file; {} while it says nothing."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def worker(said: dict) -> str:
    """A worker's doing."""
    state = said.get("state", "")
    if state == "asks":
        return f"Waits to be let in: somebody accepts the code {said.get('code', '')} on the farm's page"
    if state == "ended":
        return "Has ended"
    if state == "tries":
        return "Tries what Blender can do here, once"
    if state != "works" or not said.get("met"):
        return "Looks for the master"
    parts = []
    for one in said.get("frames") or []:
        what = f"frame {one.get('frame', '?')} of {one.get('name') or 'job ' + str(one.get('job', '?'))}"
        if one.get("phase") == "fetching files":
            parts.append(f"fetches files for {what}")
        else:
            parts.append(f"renders {what}, {number(one.get('fraction')):.0%}")
    if not parts and said.get("barred"):
        parts = [f"gets nothing to do: {said['barred']}"]
    elif not parts and said.get("away"):
        parts = ["the master does not answer; asks again"]
    elif not parts:
        parts = ["hands over what is finished" if said.get("leaves") else "waits for frames"]
    text = ", ".join(parts)
    done, failed = said.get("done") or 0, said.get("failed") or 0
    if done or failed:
        text += f"; {done} frame{'' if done == 1 else 's'} done"
    if failed:
        text += f", {failed} failed"
    if said.get("leaves"):
        text += "; ends then"
    return text[0].upper() + text[1:]


def master(addresses: list[str], workers: int | None, jobs: int) -> str:
    """A master's doing: where it is, how many workers are ready (None: not known) and how many jobs go on."""
    if not addresses:
        return "Starts"
    text = f"Runs at {addresses[0]}"
    if workers is None:
        return text
    text += f"; {workers} worker{'' if workers == 1 else 's'}" if workers else "; no worker is there"
    return text + (f", {jobs} job{' goes' if jobs == 1 else 's go'} on" if jobs else ", no job goes on")


def number(value: Any) -> float:
    """A fraction, 0..1."""
    try:
        return min(1.0, max(0.0, float(value)))
    except (TypeError, ValueError):
        return 0.0
