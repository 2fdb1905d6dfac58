"""What is known of the farm: kept fresh by what the program says, drawn by the panels. Nothing here knows Blender."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime  # here, since lists are drawn with it

from .link import Link, Problem, call

ENDED = {"done", "failed", "canceled"}
LISTED = 100  # jobs
RESTFUL = 1.0  # seconds between two looks at the jobs
WORKERS_EVERY = 5.0
RETRY: tuple[float, ...] = (2.0, 5.0, 10.0, 30.0)  # seconds until the master is looked for again


@dataclass
class Farm:
    """The farm as it was when it was last heard of."""

    state: str = "off"  # off, starting, online, away, offline, stranger, program
    sentence: str = ""  # what is wrong, and what to do
    jobs: list[dict] = field(default_factory=list)
    workers: list[dict] = field(default_factory=list)
    masters: list[dict] = field(default_factory=list)  # that were found: url, name, let_in, here
    looking: bool = False  # for masters
    code: str = ""  # that is shown while somebody has to let this computer in
    changed: int = 0  # counts changes, so that panels are drawn anew only then
    ended: deque[dict] = field(
        default_factory=lambda: deque(maxlen=50)
    )  # jobs that came to an end and were not told yet
    again: bool = False  # the master is to be looked for now
    stale: set[str] = field(default_factory=set)  # jobs, workers: what must be looked at again

    def job(self, number: int) -> dict | None:
        """The job of this number."""
        return next((job for job in self.jobs if job.get("id") == number), None)

    def hear(self, event: dict) -> None:
        """Takes an event in."""
        kind = event.get("kind")
        if kind == "beat":
            return
        if kind in {"worker", "lost"}:
            self.stale.add("workers")
        if kind in {"job", "lost"}:
            self.stale.add("jobs")
        if kind == "frame":
            job = self.job(event.get("job", 0))
            if job is not None and isinstance(event.get("progress"), dict):
                job.update(event["progress"])
                self.changed += 1
            else:
                self.stale.add("jobs")
        if kind == "job" and event.get("state") in ENDED:
            self.ended.append(event)


def works(worker: dict) -> bool:
    """Whether a worker is there and takes frames."""
    return bool(worker.get("online", True) and worker.get("enabled", True) and not worker.get("draining"))


def seconds_left(job: dict, now: float) -> float | None:
    """How long a job will take as it goes on now, in seconds; None when that cannot be said."""
    done, total = job.get("done", 0), job.get("total", 0)
    began = timestamp(job.get("started", ""))
    if not done or not total or began is None or job.get("state") != "active":
        return None
    return max(0.0, (now - began) / done * (total - done))


def timestamp(text: str) -> float | None:
    """Seconds since 1970 of a time as the program writes it (RFC 3339); None when it is none."""
    try:
        head, dot, rest = text.partition(".")
        if dot:  # older Pythons know 3 or 6 digits only
            digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
            text = head + "." + digits[:6].ljust(6, "0") + rest[len(digits) :]
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))  # noqa: FURB162, Python 3.10 knows no Z
    except ValueError:
        return None
    return found.timestamp() if found.year > 1 else None


def span(seconds: float) -> str:
    """A length of time, for people."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def follow(link: Link, farm: Farm) -> Generator[None, None, None]:
    """Keeps the farm fresh, for ever; looks for the master again when it is away."""
    tries = 0
    while True:
        farm.again = False
        if farm.state in {"off", "away", "offline"}:
            farm.state = "starting" if tries == 0 else farm.state
        try:
            yield from _listen(link, farm)
            problem: Problem | None = None
        except Problem as found:
            problem = found
        if problem is None or farm.state == "online":  # it was there
            tries = 0
        _lost(link, farm, problem)
        if farm.state in {"away", "stranger"}:
            for _ in find(link, farm):
                if farm.again:
                    break
                yield
        wait = RETRY[min(tries, len(RETRY) - 1)]
        tries += 1
        until = time.monotonic() + wait
        while time.monotonic() < until and not farm.again:
            yield
        if farm.again:
            tries = 0


def find(link: Link, farm: Farm) -> Generator[None, None, None]:
    """Looks for masters, which takes two seconds; the farm is looked for again meanwhile where that is wished."""
    if farm.looking:
        return
    farm.looking = True
    farm.changed += 1
    try:
        found = yield from call(link, "masters")
        farm.masters = [one for one in found if isinstance(one.get("url"), str)]
    except Problem:
        pass  # it is told where the master itself is looked for
    finally:
        farm.looking = False
        farm.changed += 1


def _lost(link: Link, farm: Farm, problem: Problem | None) -> None:
    farm.changed += 1
    if problem is None:
        farm.state, farm.sentence = "away", "the master went away"
        return
    farm.sentence = str(problem)
    if ":\n" in problem.sentence:  # a list of masters, which the panel has
        farm.sentence = str(Problem(problem.sentence.partition(":\n")[0], problem.hint))
    if problem.kind == "program":
        farm.state = "program"
    elif problem.kind in {"denied", "untrusted"}:
        farm.state = "stranger"
    elif not link.online():
        farm.state = "offline"
        if problem.kind == "offline":  # the panel says what to do
            farm.sentence = ""
    else:
        farm.state = "away"


def _listen(link: Link, farm: Farm) -> Generator[None, None, None]:
    online = link.online()
    watch = link.start("watch")
    looked = {"jobs": 0.0, "workers": 0.0}
    pause = {"jobs": RESTFUL, "workers": WORKERS_EVERY}
    farm.stale |= {"jobs", "workers"}
    try:
        while watch.running and not farm.again and link.online() == online:  # again: there may be another address now
            for event in watch.read():
                farm.hear(event)
            for what in ("workers", "jobs"):
                if what in farm.stale and time.monotonic() - looked[what] >= pause[what]:
                    farm.stale.discard(what)
                    yield from _look(link, farm, what)
                    looked[what] = time.monotonic()
            yield
        while rest := watch.read():
            for event in rest:
                farm.hear(event)
    finally:
        watch.stop()
    if watch.problem and watch.problem.code != 130:
        raise watch.problem


def _look(link: Link, farm: Farm, what: str) -> Generator[None, None, None]:
    words = ("jobs", "--limit", str(LISTED)) if what == "jobs" else ("workers",)
    found = yield from call(link, *words)
    if what == "jobs":
        farm.jobs = [one for one in found if "id" in one]
    else:
        farm.workers = [one for one in found if "name" in one]
    farm.state, farm.sentence = "online", ""
    farm.changed += 1
