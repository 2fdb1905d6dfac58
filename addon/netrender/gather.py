"""Brings frames of the open scene from the farm: one call of the program that is looked at until a frame is here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from .link import Child, Link, Problem, progress
from .request import Request
from .sending import named


@dataclass
class Gather:
    """Frames that are awaited. What it says may be read by any thread; steps is run by one."""

    wanted: list[int]
    folder: str  # where they are put
    text: str = "Preparing"  # what is going on
    fraction: float = 0.0  # of it, 0..1
    job: int = 0  # 0: not known yet
    own: bool = False  # the job was made for this
    instead: str = ""  # of which job, and why, as "Job 12 was paused"
    here: dict[int, str] = field(default_factory=dict)  # frame -> its multilayer EXR
    warnings: list[str] = field(default_factory=list)
    missing: list[dict] = field(default_factory=list)
    problem: Problem | None = None
    over: bool = False  # nothing more comes
    child: Child | None = None
    given_up: bool = False
    turn: int | None = None  # the frame that is shown
    made: list[str] = field(default_factory=list)  # of its file, to show it

    def steps(self, link: Link, prepare: Callable[[], Generator[Any, None, Request]]) -> Generator[Any, None, None]:
        """Sends the scene where it is not on the farm, and takes frames in until all are here."""
        try:
            request = yield from prepare()
            if self.given_up:
                return
            self.child = link.start(*request.words("render"), "--reuse", "--only=exr", f"--out={self.folder}")
            if self.given_up:  # by the renderer's thread, at this very moment
                self.child.stop()
            while self.child.running:
                for line in self.child.read():
                    self.take(line)
                yield
            for line in self.child.read(1_000_000):
                self.take(line)
            problem = self.child.problem
            if problem and not self.given_up and (problem.code != 1 or len(self.here) < len(self.wanted)):
                self.problem = Problem(named(problem, self.missing), "", problem.kind, problem.code)
        except Problem as problem:
            self.problem = problem
        except Exception as error:  # noqa: BLE001, whatever Blender raises
            self.problem = Problem(f"the scene cannot be sent: {error}")
        finally:
            if self.child and self.child.running:
                self.child.stop()
            self.over = True

    def take(self, line: dict) -> None:
        """Takes in a line of netrender render --json."""
        bar = progress(line)
        if bar:
            self.text, self.fraction = bar[0].capitalize(), bar[1]
        elif "paths" in line and "frame" in line:
            for path, kind in zip(line["paths"], line.get("kinds", []), strict=False):
                if kind == "exr":
                    self.here[line["frame"]] = path
            self._count()
        elif "warning" in line:
            self.warnings.append(str(line["warning"]))
        elif "waiting" in line:
            self.text = str(line["waiting"])
        elif isinstance(line.get("missing"), dict):
            self.missing.append(line["missing"])
        elif "out" in line and "job" in line:
            self.job, self.own = line["job"], not line.get("reused", False)
            if line.get("instead"):
                self.instead = f"Job {line['instead']} {line.get('why', '')}. "
            self._count()
        elif isinstance(line.get("beat"), dict):
            beat = line["beat"]
            if beat.get("frame") in self.wanted and len(self.wanted) == 1:
                self.fraction = min(1.0, max(0.0, float(beat.get("fraction") or 0.0)))
                self.text = f"{self.instead}Job {self.job}: rendering on the farm, {self.fraction:.0%}"

    def _count(self) -> None:
        if len(self.wanted) > 1:
            self.fraction = len(self.here) / len(self.wanted)
            self.text = f"{self.instead}Job {self.job}: {len(self.here)} of {len(self.wanted)} frames are here"
        else:
            self.text, self.fraction = f"{self.instead}Job {self.job}: waiting for the farm", 0.0

    def stop(self, link: Link, cancel: bool) -> None:
        """Stops waiting; a job that was made for this is canceled where that is wished."""
        self.given_up = True
        if self.child:
            self.child.stop()
        if cancel and self.own and self.job:
            try:
                link.start("cancel", str(self.job))
            except Problem:
                pass

    def drop(self, frame: int) -> None:
        """Removes the files of frames that were shown: now it is the turn of this one, which may be shown more than once."""
        if self.turn is not None and self.turn != frame and self.turn in self.here:
            path = self.here[self.turn]
            for one in {path, *self.made}:
                try:
                    os.remove(one)
                except OSError:  # another program looks at it; the folder goes in the end
                    pass
            self.made.clear()
        self.turn = frame

    def close(self) -> None:
        """Removes what is here."""
        shutil.rmtree(self.folder, ignore_errors=True)
