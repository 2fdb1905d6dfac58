"""Lists of jobs and workers in the panel "Network Render"."""

# mypy: disable-error-code="misc"

import os
import time
from typing import Any

import bpy

from . import farm, panels, send, settings, thumbs

ICONS = {
    "collecting": "IMPORT", "queued": "TIME", "active": "PLAY", "paused": "PAUSE",
    "done": "CHECKMARK", "failed": "ERROR", "canceled": "X",
}  # fmt: skip

_jobs: dict[int, dict] = {}  # by their number, so that a line is drawn without a search


def ours(job: dict) -> bool:
    """Whether a job is of the file that is open, or was sent from here."""
    if job.get("id") in send.sent:
        return True
    name = os.path.basename(bpy.data.filepath)
    if not name:
        return False
    wished = bpy.context.scene.netrender.name
    return os.path.basename(str(job.get("blend", ""))) == name or (bool(wished) and job.get("name") == wished)


def stale(state: Any) -> bool:
    """Whether the lists were lost, as with a file that was opened."""
    return len(state.workers) != len(settings.the_farm.workers)


def fill(state: Any) -> None:
    """Puts what the farm said last into the lists; the chosen job stays chosen."""
    known = settings.the_farm
    was = chosen(state)
    if state.last != state.followed and known.job(state.last):  # the job that was just sent is the one to look at
        was = state.followed = state.last
    found = [job for job in known.jobs if state.every_job or ours(job)]
    _jobs.clear()
    _jobs.update((job["id"], job) for job in found)
    numbers = [job["id"] for job in found]
    if [row.number for row in state.jobs] != numbers:
        state.jobs.clear()
        for number in numbers:
            state.jobs.add().number = number
        state.job = -1
    if numbers and (not chosen(state) or was != chosen(state)):
        state.job = numbers.index(was) if was in numbers else 0
    while len(state.workers) < len(known.workers):
        state.workers.add()
    while len(state.workers) > len(known.workers):
        state.workers.remove(len(state.workers) - 1)
    send.redraw()


def shown(state: Any) -> dict | None:
    """The chosen job."""
    return _jobs.get(chosen(state))


def chosen(state: Any) -> int:
    """Number of the chosen job; 0: none."""
    return state.jobs[state.job].number if 0 <= state.job < len(state.jobs) else 0


class NETRENDER_UL_jobs(bpy.types.UIList):
    """A line for each job."""

    def draw_item(self, _c: Any, layout: Any, _d: Any, item: Any, _i: Any, _a: Any, _name: Any) -> None:
        """Draws a job."""
        job = _jobs.get(item.number)
        if job is None:
            return
        row = layout.row()
        row.label(text=f"{item.number}  {job.get('name', '')}", icon=ICONS.get(job.get("state", ""), "DOT"))
        side = row.row()
        side.alignment = "RIGHT"
        left = farm.seconds_left(job, time.time())
        text = f"{job.get('done', 0)}/{job.get('total', 0)}"
        side.label(text=f"{text}  {farm.span(left)}" if left is not None else text)


class NETRENDER_UL_workers(bpy.types.UIList):
    """A line for each worker."""

    def draw_item(self, _c: Any, layout: Any, _d: Any, _it: Any, _i: Any, _a: Any, _name: Any, index: int) -> None:
        """Draws a worker."""
        one = worker(index)
        if one is None:
            return
        row = layout.row()
        row.label(text=str(one.get("name", "")), icon="DESKTOP" if farm.works(one) else "CANCEL")
        side = row.row()
        side.alignment = "RIGHT"
        side.label(text=condition(one))


def worker(at: int) -> dict | None:
    """The worker in this line."""
    known = settings.the_farm.workers
    return known[at] if 0 <= at < len(known) else None


def condition(one: dict) -> str:
    """What a worker does, in a word."""
    if not one.get("online", True):
        return "away"
    if not one.get("enabled", True):
        return "disabled"
    if one.get("draining"):
        return "leaves"
    return "renders" if one.get("running") else "ready"


class NETRENDER_PT_jobs(panels.Folded, bpy.types.Panel):
    """Jobs."""

    bl_label = "Jobs"

    def draw(self, context: Any) -> None:
        """Draws the list, and what can be done with the chosen job."""
        layout, state = self.layout, context.window_manager.netrender
        layout.prop(state, "every_job")
        layout.template_list("NETRENDER_UL_jobs", "", state, "jobs", state, "job", rows=3)
        job = shown(state)
        if job is None:
            layout.label(text="No jobs" if state.every_job else "No jobs of this file")
            return
        number, condition = job["id"], job.get("state", "")
        if job.get("total"):
            panels.bar(
                layout, f"{condition}, {job.get('done', 0)} of {job['total']} frames", job.get("done", 0) / job["total"]
            )
        if job.get("reason"):
            panels.said(layout, str(job["reason"]), "INFO")
        grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
        if condition not in farm.ENDED:
            what = "resume" if condition == "paused" else "pause"
            steer(grid, number, what, what.capitalize(), "PLAY" if what == "resume" else "PAUSE")
            steer(grid, number, "cancel", "Cancel", "X")
        if condition in {"failed", "canceled"} or job.get("failed"):
            steer(grid, number, "retry", "Retry", "FILE_REFRESH")
        if job.get("failed"):
            log = grid.operator("netrender.show_log", icon="TEXT")
            log.job, log.first = number, True
        if job.get("done"):
            grid.operator("netrender.fetch", icon="IMPORT").job = number
        grid.operator("netrender.open_page", icon="URL").job = number
        thumbs.draw(layout, number)


def steer(layout: Any, number: int, what: str, text: str, icon: str) -> None:
    """A button that steers a job."""
    button = layout.operator("netrender.steer", text=text, icon=icon)
    button.job, button.what = number, what


class NETRENDER_PT_workers(panels.Folded, bpy.types.Panel):
    """Workers."""

    bl_label = "Workers"

    def draw(self, context: Any) -> None:
        """Draws the list, and the facts of the chosen one."""
        layout, state = self.layout, context.window_manager.netrender
        layout.template_list("NETRENDER_UL_workers", "", state, "workers", state, "worker", rows=3)
        one = worker(state.worker)
        if one is None:
            return
        facts = one.get("facts") or {}
        column = layout.column(align=True)
        for name, text in (
            ("Processor", f"{facts.get('cores', '?')} cores, {facts.get('cpu', '')}".rstrip(", ")),
            ("Memory", f"{facts.get('memory_mb', 0) / 1024:.0f} GB"),
            ("GPUs", ", ".join(sorted({str(gpu.get("name", "")) for gpu in facts.get("gpus") or []})) or "none"),
            ("Blender", ", ".join(str(found.get("version", "")) for found in facts.get("blenders") or []) or "none"),
        ):
            panels.said(column, f"{name}: {text}")
        if one.get("reason"):
            panels.said(layout, str(one["reason"]), "INFO")


CLASSES = (NETRENDER_UL_jobs, NETRENDER_UL_workers, NETRENDER_PT_jobs, NETRENDER_PT_workers)


def register() -> None:
    """Registers the lists."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    """Takes them away."""
    settings.drop(*CLASSES)
    _jobs.clear()
