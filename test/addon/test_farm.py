"""What is known of the farm, as a program that plays the master tells it."""

from __future__ import annotations

import os
import unittest

from fake import Case
from netrender import farm as farms
from netrender.farm import Farm, follow, seconds_left, span, timestamp

# The state file says how the master is: up, away, stranger. What is printed is what the real program prints.
PLAY = """
import threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(130)), daemon=True).start()
def state(): return open(STATE).read()
if words[0] == "masters":
    say(url="http://oak:8420", name="oak", let_in=True)
    say(url="http://elm:8420", name="elm")
    say(odd=1)
    sys.exit(0)
if state() == "several":
    text = "several masters were found:\\n  http://oak:8420  oak\\n  http://elm:8420  elm"
    print(json.dumps({"error": text, "hint": "name one with --master or NETRENDER_MASTER", "kind": "invalid"}), file=sys.stderr)
    sys.exit(1)
if state() == "away":
    print(json.dumps({"error": "cannot reach the master", "hint": "start it", "kind": "unreachable"}), file=sys.stderr)
    sys.exit(3)
if state() == "stranger":
    print(json.dumps({"error": "the master wants a token", "hint": "pair", "kind": "denied"}), file=sys.stderr)
    sys.exit(3)
if words[0] == "jobs":
    say(id=1, name="shot", state="active", total=4, done=1)
    if state() == "two": say(id=2, name="other", state="queued", total=1, done=0)
if words[0] == "workers": say(id=1, name="oak")
if words[0] == "watch":
    was = ""
    while state() in ("up", "two"):
        if state() == "two" != was:
            say(kind="job", job=2, state="queued")
            say(kind="frame", job=1, frame=2, state="done", progress={"total": 4, "done": 2})
        was = state()
        time.sleep(0.01)
    say(kind="job", job=1, state="done")
    sys.exit(0 if state() == "gone" else 3)
"""


class Following(Case):
    """The farm is followed for ever."""

    def setUp(self) -> None:
        super().setUp()
        retry, restful = farms.RETRY, farms.RESTFUL
        self.addCleanup(setattr, farms, "RETRY", retry)
        self.addCleanup(setattr, farms, "RESTFUL", restful)
        farms.RETRY, farms.RESTFUL = (0.05, 100.0), 0.01
        self.farm = Farm()
        self.master("up")
        self.play = self.link(f"STATE = {self.path('state')!r}\n{PLAY}")
        self.steps = follow(self.play, self.farm)
        self.addCleanup(self.steps.close)

    def master(self, state: str) -> None:
        """How the master is from now on."""
        with open(self.path("new"), "w", encoding="utf-8") as file:
            file.write(state)
        os.replace(self.path("new"), self.path("state"))

    def until(self, state: str) -> None:
        """Follows until it is known how the master is."""
        self.eventually(lambda: self.farm.state == state, lambda: next(self.steps))

    def test_online(self) -> None:
        next(self.steps)
        self.assertEqual(self.farm.state, "starting")
        self.until("online")
        self.eventually(lambda: self.farm.jobs and self.farm.workers, lambda: next(self.steps))
        self.assertEqual(self.farm.workers, [{"id": 1, "name": "oak"}])
        self.assertEqual(self.farm.job(1), self.farm.jobs[0])
        self.assertIsNone(self.farm.job(9))

    def test_a_new_job_is_listed_although_frames_of_another_finish(self) -> None:
        self.until("online")
        self.eventually(lambda: self.farm.job(1), lambda: next(self.steps))
        self.master("two")
        self.eventually(lambda: self.farm.job(2), lambda: next(self.steps))

    def test_away_and_back(self) -> None:
        for _ in range(3):  # each time as soon as the first: it was there in between
            self.master("up")
            self.until("online")
            self.eventually(lambda: self.farm.jobs, lambda: next(self.steps))
            self.master("away")
            self.until("away")
        self.assertTrue(self.farm.sentence)

    def test_it_goes_away_in_peace(self) -> None:
        self.until("online")
        self.eventually(lambda: self.farm.jobs, lambda: next(self.steps))
        self.master("gone")
        self.until("away")
        self.assertEqual(self.farm.sentence, "the master went away")
        self.assertEqual([event["job"] for event in self.farm.ended], [1], "what was said last is heard, too")

    def test_not_there_at_first(self) -> None:
        self.master("away")
        self.until("away")
        self.assertEqual(self.farm.sentence, "cannot reach the master (start it)")
        self.master("up")
        self.until("online")
        self.assertEqual(self.farm.sentence, "")

    def test_a_stranger(self) -> None:
        self.master("stranger")
        self.until("stranger")
        for _ in range(100):
            next(self.steps)
        self.assertEqual(self.farm.state, "stranger")
        self.master("up")
        self.farm.again = True  # as when it was let in
        self.until("online")

    def test_online_access(self) -> None:
        """While it is off no master is looked for; the one that runs here is followed all the same."""
        online = False
        self.play.online = lambda: online
        self.play.master = "http://oak:8420"
        self.until("offline")
        for _ in range(100):
            next(self.steps)
        self.assertEqual((self.farm.state, self.farm.sentence, self.farm.masters), ("offline", "", []))
        self.play.master = ""
        self.farm.again = True
        self.until("online")
        self.master("away")
        self.until("offline")
        self.eventually(lambda: self.farm.sentence == "cannot reach the master (start it)", lambda: next(self.steps))
        self.assertFalse(self.farm.looking or self.farm.masters)
        online = True
        self.farm.again = True
        self.until("away")
        self.eventually(lambda: self.farm.masters, lambda: next(self.steps))

    def test_several_masters(self) -> None:
        """They are listed; one that is chosen is asked."""
        self.master("several")
        self.until("away")
        self.eventually(lambda: self.farm.masters, lambda: next(self.steps))
        self.assertEqual(
            [(one["url"], one.get("let_in", False)) for one in self.farm.masters],
            [("http://oak:8420", True), ("http://elm:8420", False)],
        )
        self.assertEqual(self.farm.sentence, "several masters were found (choose one in the panel or the preferences)")
        self.master("up")
        self.farm.again = True
        self.until("online")

    def test_a_search_is_broken_off(self) -> None:
        self.master("away")
        self.until("away")
        self.eventually(lambda: self.farm.looking, lambda: next(self.steps))
        self.farm.again = True
        self.eventually(lambda: not self.farm.looking, lambda: next(self.steps))

    def test_no_program(self) -> None:
        self.play.program = self.path("gone")
        self.until("program")

    def test_nothing_goes_on_once_it_is_closed(self) -> None:
        self.until("online")
        self.steps.close()
        self.eventually(lambda: not any(child.running for child in self.play.children))


class Events(unittest.TestCase):
    """What each event changes."""

    def test_events(self) -> None:
        farm = Farm(jobs=[{"id": 1, "done": 0}])
        farm.hear({"kind": "beat", "job": 1})
        self.assertEqual((farm.stale, farm.changed), (set(), 0))
        farm.hear({"kind": "frame", "job": 1, "progress": {"done": 3}})
        self.assertEqual((farm.jobs[0]["done"], farm.stale, farm.changed), (3, set(), 1))
        farm.hear({"kind": "frame", "job": 7, "progress": {"done": 3}})
        self.assertEqual(farm.stale, {"jobs"})
        farm.hear({"kind": "worker", "worker": 1, "state": "online"})
        self.assertEqual(farm.stale, {"jobs", "workers"})
        farm.stale.clear()
        farm.hear({"kind": "lost"})
        self.assertEqual(farm.stale, {"jobs", "workers"})
        for state in ("active", "done", "failed", "canceled"):
            farm.hear({"kind": "job", "job": 1, "state": state})
        self.assertEqual([event["state"] for event in farm.ended], ["done", "failed", "canceled"])
        farm.hear({})


class Words(unittest.TestCase):
    """Times."""

    def test_timestamp(self) -> None:
        for text, want in (
            ("1970-01-01T00:00:10Z", 10),
            ("1970-01-01T00:00:10.5Z", 10.5),
            ("1970-01-01T00:00:10.123456789Z", 10.123456),
            ("1970-01-01T02:00:10.25+02:00", 10.25),
            ("0001-01-01T00:00:00Z", None),
            ("", None),
            ("yesterday", None),
        ):
            self.assertEqual(timestamp(text), want, text)

    def test_seconds_left(self) -> None:
        job = {"state": "active", "started": "1970-01-01T00:00:10Z", "done": 2, "total": 6}
        self.assertEqual(seconds_left(job, 30.0), 40.0)
        self.assertEqual(seconds_left(job, 0.0), 0.0)
        for change in ({"done": 0}, {"state": "paused"}, {"started": ""}, {"total": 0}):
            self.assertIsNone(seconds_left({**job, **change}, 30.0), change)

    def test_span(self) -> None:
        for seconds, want in (
            (-1, "0 s"),
            (59.4, "59 s"),
            (59.6, "1 min 00 s"),
            (3599.6, "1 h 00 min"),
            (5400, "1 h 30 min"),
        ):
            self.assertEqual(span(seconds), want)


if __name__ == "__main__":
    unittest.main()
