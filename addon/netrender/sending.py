"""Calls that go on while the artist works: a scene that is sent, a check, frames that are fetched. Nothing here knows Blender."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from .link import Child, Link, Problem, progress
from .request import Request

Prepare = Callable[[], Generator[Any, None, Request]]


@dataclass
class Sending:
    """A call that a panel shows."""

    title: str
    text: str = ""
    fraction: float = 0.0
    over: bool = False
    job: int = 0
    problem: Problem | None = None
    warnings: list[str] = field(default_factory=list)
    missing: list[dict] = field(default_factory=list)  # path, kind, users
    errors: list[dict] = field(default_factory=list)  # text, hint
    answer: dict = field(default_factory=dict)  # the last line that is neither progress nor a note
    child: Child | None = None

    def steps(self, link: Link, verb: str, prepare: Prepare) -> Generator[Any, None, Sending]:
        """Prepares the scene and calls render, submit or check with it."""
        self.text = "Looking for the scene's files"
        request = yield from prepare()
        if self.over:  # it was stopped
            return self
        return (yield from self.call(link, *request.words(verb)))

    def call(self, link: Link, *words: str) -> Generator[None, None, Sending]:
        """Calls, and takes in what is said, until the end."""
        try:
            self.child = link.start(*words)
            while True:
                running = self.child.running
                for line in self.child.read(1_000_000 if not running else 1000):
                    self.take(line)
                if not running:
                    break
                yield
            self.problem = self.child.problem
        except Problem as problem:
            self.problem = problem
        finally:
            if self.child and self.child.running:
                self.child.stop()
            self.over = True
        return self

    def take(self, line: dict) -> None:
        """Takes in a line."""
        bar = progress(line)
        if bar:
            self.text, self.fraction = bar[0].capitalize(), bar[1]
        elif "warning" in line:
            self.warnings.append(str(line["warning"]))
        elif isinstance(line.get("missing"), dict):
            self.missing.append(line["missing"])
        elif "waiting" in line:
            self.text = str(line["waiting"])
        else:
            self.answer = line
            self.missing += line.get("missing") or [] if isinstance(line.get("missing"), list) else []
            self.warnings += [str(one) for one in line.get("warnings") or []]
            self.errors += line.get("errors") or []
            self.job = line.get("job") or line.get("id") or self.job

    def stop(self) -> None:
        """Breaks it off. What was sent stays, and the next time goes on from there."""
        if self.child:
            self.child.stop()
        self.over = True

    @property
    def summary(self) -> str:
        """How it ended, in a sentence."""
        problem = self.problem
        if self.errors:
            first = self.errors[0]
            problem = Problem(str(first.get("text", "")), str(first.get("hint", "")))
        if problem is None:
            return ""
        return named(problem, self.missing)


def named(problem: Problem, missing: list[dict]) -> str:
    """A problem in words; where it is that files are missing, with the first of them."""
    if not missing or "missing" not in problem.sentence:
        return str(problem)
    users = missing[0].get("users") or ["the scene"]
    return f"{problem}. The first is {missing[0].get('path', '')}, which {users[-1]} needs"
