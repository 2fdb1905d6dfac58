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
AWAITED = 0.01  # the same while a renderer waits for one
WORTH = 0.01  # seconds that all steps of one turn may take before the rest has to wait for the next
BUSY = "busy"  # what a generator yields that waits for nothing: it goes on as soon as Blender has looked after its window

Steps = Generator[Any, None, Any]


def sliced(steps: Steps, unchanged: Callable[[], bool] = lambda: True) -> Steps:
    """Takes many short steps as fewer ones of WORTH seconds. What unchanged says is asked before each of them: False ends all
    with Changed, and so does a datablock that is no more."""
    try:
        while True:
            until = time.perf_counter() + WORTH
            while True:
                next(steps)
                if time.perf_counter() >= until:
                    break
            yield BUSY
            if not unchanged():
                raise Changed
    except StopIteration as end:
        return end.value
    except ReferenceError as error:
        raise Changed from error
    finally:
        steps.close()


class Changed(Exception):
    """What was looked at became another meanwhile."""


class Task:
    """A generator that is being stepped."""

    def __init__(self, steps: Steps, done: Callable[[Any, Exception | None], None] | None = None) -> None:
        self.steps, self.done = steps, done
        self.result: Any = None
        self.error: Exception | None = None
        self.over = threading.Event()
        self.busy = False  # it waits for nothing
        self.awaited = False  # a renderer waits for it

    def step(self) -> None:
        """Goes on for one step."""
        try:
            self.busy = next(self.steps) == BUSY
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
            try:
                self.done(self.result, self.error)
            except Exception:  # noqa: BLE001, Blender takes away a timer that raises, and all others would stand still
                traceback.print_exc()
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
    """As start, from a thread of Blender's own: the renderer's, which waits for over."""
    task = Task(steps, lambda _result, _error: None)
    task.awaited = True
    _wishes.put(task)
    return task


def run(steps: Steps) -> Any:
    """Waits for a generator: without a window there is nobody who would be kept waiting."""
    while True:
        try:
            busy = next(steps) == BUSY
        except StopIteration as end:
            return end.value
        if not busy:
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
    if any(task.busy for task in _tasks):
        return 0.0  # Blender takes its turn between two calls of a timer, however short the time is
    return AWAITED if any(task.awaited for task in _tasks) else STEP


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
