"""Steps generators from a timer of Blender, so that nothing ever waits; without a window it waits for them instead."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Generator
from typing import Any

import bpy

STEP = 0.05  # seconds between two steps
WORTH = 0.01  # seconds that all steps of one turn may take before the rest has to wait for the next

Steps = Generator[None, None, Any]


class Task:
    """A generator that is being stepped."""

    def __init__(self, steps: Steps, done: Callable[[Any, Exception | None], None] | None = None) -> None:
        self.steps, self.done = steps, done
        self.result: Any = None
        self.error: Exception | None = None
        self.over = threading.Event()

    def step(self) -> None:
        """Goes on for one step."""
        try:
            next(self.steps)
        except StopIteration as end:
            self.result = end.value
            self._end()
        except Exception as error:  # noqa: BLE001, whoever started it is told
            self.error = error
            self._end()

    def stop(self) -> None:
        """Breaks it off; what it cleans up, it cleans up now."""
        if not self.over.is_set():
            self.steps.close()
            self.over.set()

    def _end(self) -> None:
        self.over.set()
        if self.done:
            self.done(self.result, self.error)
        elif self.error:
            traceback.print_exception(self.error)


_tasks: list[Task] = []
_wishes: queue.SimpleQueue[Task] = queue.SimpleQueue()


def start(steps: Steps, done: Callable[[Any, Exception | None], None] | None = None) -> Task:
    """Has a generator stepped until it ends; done is then called with what it returned, or raised."""
    task = Task(steps, done)
    _tasks.append(task)
    return task


def ask(steps: Steps) -> Task:
    """As start, from a thread of Blender's own: the renderer's. It may wait for over."""
    task = Task(steps, lambda _result, _error: None)
    _wishes.put(task)
    return task


def run(steps: Steps) -> Any:
    """Waits for a generator: without a window there is nobody who would be kept waiting."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        time.sleep(0.005)


def turn() -> float:
    """One turn of the timer."""
    while not _wishes.empty():
        _tasks.append(_wishes.get())
    began = time.perf_counter()
    for task in list(_tasks):
        if not task.over.is_set():
            task.step()
        if time.perf_counter() - began > WORTH:
            _tasks.append(_tasks.pop(0))  # another one is first next time
            break
    _tasks[:] = [task for task in _tasks if not task.over.is_set()]
    return STEP


def register() -> None:
    """Starts the timer; without a window run does its work."""
    if not bpy.app.background:
        bpy.app.timers.register(turn, first_interval=0.5, persistent=True)


def unregister() -> None:
    """Stops everything."""
    if bpy.app.timers.is_registered(turn):
        bpy.app.timers.unregister(turn)
    for task in _tasks:
        task.stop()
    _tasks.clear()
