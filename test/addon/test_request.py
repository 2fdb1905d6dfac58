"""What the program is asked for, in words that the real one knows; and what it answers."""

from __future__ import annotations

import os
import subprocess
import unittest
from collections.abc import Generator

from fake import Case
from netrender.gather import Gather
from netrender.link import Link, Problem
from netrender.request import Request, frames
from netrender.sending import Sending, named

PROGRAM = os.environ["PROGRAM"]
OPTIONS = {
    "name": "shot", "priority": 7, "chunk": 3, "tiles": "4x3", "order": "outside-in", "attempts": 5, "timeout": "20m", "exr": "half",
    "threads": 2, "gpu": "optix", "memory": "16GB", "copy_to": "/srv/frames", "tags": "big, new", "allow": "oak",
    "deny": "elm,ash", "outputs": False, "preview": False, "pack": True, "scripts": True, "any_blender": True,
    "allow_missing": True, "samples_split": "", "overscan": 8, "keep_adaptive": True, "film": "webm", "bake": True, "engine": "CYCLES",
}  # fmt: skip


class Words(Case):
    """The words of a call."""

    def test_the_program_knows_them(self) -> None:
        """With --help it looks at all words, and does nothing."""
        for change in (
            {},
            {"pack": False},
            {"tiles": "", "samples_split": "8"},
            {"in_order": True},
            {"film": "", "no_film": True},
        ):
            request = Request("shot.blend", "1-4", "CYCLES", "copy.blend", "files.json", "blender", OPTIONS | change)
            for verb, more in (
                ("submit", []),
                ("check", []),
                ("render", ["--reuse", "--only=exr", f"--out={self.folder}"]),
            ):
                words = [*request.words(verb), *more]
                command = Link(PROGRAM, data=self.path("data")).command(*words, "--help")
                done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
                self.assertEqual(done.returncode, 0, f"{words}\n{done.stderr}")
                self.assertIn("Usage:", done.stdout)

    def test_a_word_that_it_does_not_know(self) -> None:
        """Else the test before says nothing."""
        done = subprocess.run(
            [PROGRAM, "submit", "x.blend", "--nonsense=1", "--help"], capture_output=True, check=False
        )
        self.assertEqual(done.returncode, 2)

    def test_only_what_is_not_usual(self) -> None:
        self.assertEqual(Request("shot.blend").words("submit"), ["submit", "shot.blend", "--progress"])
        words = Request("shot.blend", collected="files.json", options=OPTIONS).words("submit")
        self.assertFalse([word for word in words if "collected" in word], "what is packed is other files")
        self.assertEqual([word for word in words if "tags" in word or "deny" in word],
                         ["--need-tags=big", "--need-tags=new", "--deny=elm", "--deny=ash"])  # fmt: skip

    def test_parts_film_simulations(self) -> None:
        """Each by the program's own flag; what does not go together, or not with the scene, is left out."""
        given = {
            "tiles": "4x3",
            "samples_split": "8",
            "overscan": 8,
            "keep_adaptive": True,
            "film": "mp4",
            "bake": True,
        }
        for change, verb, want in (
            ({}, "submit", "--tiles=4x3 --overscan=8 --film=mp4 --keep-adaptive --bake"),
            ({}, "render", "--tiles=4x3 --overscan=8 --keep-adaptive --bake"),
            ({"tiles": ""}, "check", "--samples-split=8 --film=mp4 --bake"),
            ({"tiles": "auto", "engine": "BLENDER_EEVEE"}, "submit", "--tiles=auto --overscan=8 --film=mp4 --bake"),
            ({"tiles": "", "engine": "BLENDER_EEVEE"}, "submit", "--film=mp4 --bake"),
            ({"in_order": True}, "submit", "--film=mp4 --in-order"),
            ({"film": "", "no_film": True, "bake": False, "tiles": ""}, "submit", "--samples-split=8 --no-film"),
        ):
            request = Request("shot.blend", options=given | change)
            self.assertEqual(request.words(verb), [verb, "shot.blend", "--progress", *want.split()])
        for wanted, in_order in (("-5", False), ("5", False), ("1-5", True)):
            words = Request("shot.blend", wanted, options={"in_order": True}).words("render")
            self.assertEqual("--in-order" in words, in_order, "one frame is looked at, not the animation up to it")

    def test_frames(self) -> None:
        for given, want in (((1, 1), "1"), ((1, 9), "1-9"), ((-5, -1, 2), "-5--1x2"), ((1, 9, 1), "1-9")):
            self.assertEqual(frames(*given), want)


class Answers(Case):
    """Lines of the program, taken in."""

    def test_frames_are_gathered(self) -> None:
        one = Gather(wanted=[1, 2], folder=self.folder)
        one.take({"progress": {"what": "sending", "done": 1, "total": 2}})
        self.assertEqual((one.text, one.fraction), ("Sending", 0.5))
        one.take({"warning": "an old Blender", "why": []})
        one.take({"job": 7, "name": "shot", "frames": 2, "out": self.folder})
        self.assertEqual((one.job, one.own), (7, True))
        one.take({"frame": 2, "paths": ["/f/a.png", "/f/a.exr"], "kinds": ["output", "exr"]})
        self.assertEqual((one.here, one.fraction, one.warnings), ({2: "/f/a.exr"}, 0.5, ["an old Blender"]))
        one.take({"job": 7, "name": "shot", "frames": 2, "out": self.folder, "reused": True})
        self.assertFalse(one.own, "it is another one's: it is not canceled")
        one.take({})

    def test_frames_come_from_the_program(self) -> None:
        link = self.link(
            'say(job=3, name="x", frames=1, out="")\nsay(frame=4, paths=["a"], kinds=["exr"])\nsay(words=words)'
        )
        one = Gather(wanted=[4], folder=self.folder)

        def prepare() -> Generator[None, None, Request]:
            yield
            return Request("shot.blend", "4")

        self.end(one.steps(link, prepare))
        self.assertEqual((one.here, one.over, one.problem, one.job), ({4: "a"}, True, None, 3))

    def test_a_frame_that_failed(self) -> None:
        """Those that came stay; with one missing it is told why."""
        link = self.link(
            'say(frame=1, paths=["a"], kinds=["exr"])\nprint("frame 2 failed", file=sys.stderr); sys.exit(1)'
        )
        for wanted, problem in (([1, 2], "frame 2 failed"), ([1], "None")):
            one = Gather(wanted=wanted, folder=self.folder)
            self.end(one.steps(link, lambda: iter_of(Request("shot.blend"))))
            self.assertEqual((one.here, str(one.problem)), ({1: "a"}, problem))

    def test_a_job_that_is_held_up(self) -> None:
        """Another one takes its place; that is said, and it is this one's own."""
        link = self.link(
            'say(job=3, name="x", frames=1, out="", reused=True)\n'
            'say(job=8, name="x", frames=1, out="", instead=3, why="was paused")\nsys.stdin.read(); sys.exit(130)'
        )
        one = Gather(wanted=[1], folder=self.folder)
        steps = one.steps(link, lambda: iter_of(Request("shot.blend")))
        self.eventually(lambda: one.job == 8, lambda: next(steps))
        self.assertEqual((one.text, one.own), ("Job 3 was paused. Job 8: waiting for the farm", True))
        one.take({"beat": {"frame": 1, "fraction": 0.5}})
        self.assertEqual(one.text, "Job 3 was paused. Job 8: rendering on the farm, 50%")
        one.stop(link, cancel=False)
        self.end(steps)

    def test_a_scene_that_cannot_be_written(self) -> None:
        def prepare() -> Generator[None, None, Request]:
            yield
            raise RuntimeError("no room")

        one = Gather(wanted=[1], folder=self.folder)
        self.end(one.steps(self.link(""), prepare))
        self.assertEqual((str(one.problem), one.over), ("the scene cannot be sent: no room", True))

    def test_given_up(self) -> None:
        link = self.link(
            f'if words[0] == "cancel": open({self.path("canceled")!r}, "w").write(words[1])\n'
            'else: say(job=3, name="x", frames=1, out=""); sys.stdin.read(); sys.exit(130)'
        )
        one = Gather(wanted=[1], folder=self.folder)
        steps = one.steps(link, lambda: iter_of(Request("shot.blend")))
        self.eventually(lambda: one.job, lambda: next(steps))
        one.stop(link, cancel=True)
        self.end(steps)
        self.assertIsNone(one.problem)
        self.eventually(lambda: not link.children[-1].running)
        with open(self.path("canceled"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "3")
        one.close()
        self.assertFalse(os.path.exists(self.folder))
        os.makedirs(self.folder)

    def test_stopped_while_its_files_are_looked_for(self) -> None:
        """Then the program is not called at all."""
        link = self.link("")
        gather, sending = Gather(wanted=[1], folder=self.folder), Sending("Sending")
        for one, steps in (
            (gather, gather.steps(link, lambda: iter_of(Request("shot.blend")))),
            (sending, sending.steps(link, "submit", lambda: iter_of(Request("shot.blend")))),
        ):
            next(steps)
            if isinstance(one, Gather):
                one.stop(link, cancel=True)
            else:
                one.stop()
            self.end(steps)
            self.assertEqual((one.problem, one.over, link.children), (None, True, []))

    def test_sending(self) -> None:
        one = Sending("Sending")
        one.take({"progress": {"what": "sending", "done": 1, "total": 4}})
        one.take({"waiting": "the master is full", "job": 5})
        self.assertEqual((one.text, one.fraction), ("the master is full", 0.25))
        one.take({"missing": {"path": "/a.png", "kind": "image", "users": ["Scene", "Image a"]}})
        one.take({"id": 5, "state": "queued", "total": 3})
        self.assertEqual((one.job, one.summary, one.answer["total"]), (5, "", 3))

    def test_a_check(self) -> None:
        missing = [{"path": "/a.png", "kind": "image", "users": ["Image a"]}]
        one = Sending("Checking")
        one.take({"blend": "x", "missing": missing, "warnings": ["w"],
                  "errors": [{"text": "1 of the scene's files are missing"}]})  # fmt: skip
        self.assertEqual((one.missing, one.warnings), (missing, ["w"]))
        self.assertIn("/a.png, which Image a needs", one.summary)

    def test_the_real_program_refuses(self) -> None:
        """What it says of a scene that is not there."""
        link = Link(PROGRAM, "http://127.0.0.1:1", self.path("data"))
        one = Sending("Sending")
        self.end(one.steps(link, "submit", lambda: iter_of(Request(self.path("gone.blend")))))
        self.assertTrue(one.problem and one.problem.sentence and one.over)
        self.assertNotIn("Usage", one.summary)

    def test_only_missing_files_are_named_with_a_file(self) -> None:
        missing = [{"path": "/a.png", "users": []}]
        self.assertEqual(named(Problem("cannot reach the master"), missing), "cannot reach the master")
        self.assertIn("/a.png, which the scene needs", named(Problem("1 of the scene's files are missing"), missing))


def iter_of(request: Request) -> Generator[None, None, Request]:
    """A preparation that is done at once."""
    yield
    return request


if __name__ == "__main__":
    unittest.main()
