"""Programs that stand in for netrender: each is a Python script of a few lines that prints what the real one would."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Generator
from typing import Any

from netrender.link import Link

LIMIT = 20.0  # seconds until a fact has to be one


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def path(self, *names: str) -> str:
        """A place in the test's folder."""
        return os.path.join(self.folder, *names)

    def link(self, body: str) -> Link:
        """A link to a program of this body; words are those it is called with, say prints an object."""
        path = self.path("program")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f"#!{os.path.realpath(sys.executable)}\nimport json, os, sys, time\nwords = sys.argv[1:]\n"
                "def say(**found): print(json.dumps(found), flush=True)\n" + body
            )
        os.chmod(path, 0o755)
        link = Link(path)

        def kill() -> None:
            for child in link.children:
                child.kill()

        self.addCleanup(kill)
        return link

    def eventually(self, fact: Callable[[], Any], step: Callable[[], Any] = lambda: None) -> None:
        """Waits for a fact; goes on with step meanwhile."""
        until = time.monotonic() + LIMIT
        while not fact():
            self.assertLess(time.monotonic(), until, "it is still not so")
            step()
            time.sleep(0.002)

    def end(self, steps: Generator[None, None, Any]) -> Any:
        """Runs a generator to its end."""
        until = time.monotonic() + LIMIT
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            self.assertLess(time.monotonic(), until, "it does not end")
            time.sleep(0.002)
