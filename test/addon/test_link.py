"""Calls of the program: whatever it prints, however it ends."""

from __future__ import annotations

import json
import os
import unittest

from fake import Case
from netrender.link import Link, Problem, call, copied, executable, find, local, progress, runs, says, told


class Calls(Case):
    """One program, one call."""

    def fails(self, body: str) -> Problem:
        """How a program of this body fails."""
        with self.assertRaises(Problem) as found:
            self.end(call(self.link(body), "jobs"))
        return found.exception

    def test_objects_are_returned_in_their_order(self) -> None:
        link = self.link("for i in range(3): say(i=i, words=words)")
        link.data = self.path("data")
        found = self.end(call(link, "jobs", "--limit", "3"))
        self.assertEqual([one["i"] for one in found], [0, 1, 2])
        self.assertEqual(found[0]["words"], ["jobs", "--limit", "3", "--json", "--leashed", "--data", link.data])

    def test_junk_is_left_out(self) -> None:
        body = (
            'print("junk"); print("[1]"); print("null"); print("{\\"a\\":")\n'
            'print("[" * 200000); print("{\\"a\\":" * 200000)\n'  # deeper than a parser goes
            'sys.stdout.flush(); sys.stdout.buffer.write(b"\\xff\\xfe\\n\\n{}\\n"); sys.stdout.flush()\nsay(good="ü")'
        )
        self.assertEqual(self.end(call(self.link(body), "jobs")), [{}, {"good": "ü"}])

    def test_much_is_read_whole(self) -> None:
        """More than is read ahead, on both outputs."""
        body = 'for i in range(30000):\n    print(json.dumps({"i": i}))\n    print("note", i, file=sys.stderr)'
        self.assertEqual([one["i"] for one in self.end(call(self.link(body), "jobs"))], list(range(30000)))

    def test_an_error_is_told_with_its_hint(self) -> None:
        error = {"error": "no job 7", "hint": "netrender jobs lists them", "kind": "missing"}
        problem = self.fails(f"say(x=1); print({json.dumps(error)!r}, file=sys.stderr); sys.exit(3)")
        self.assertEqual((problem.kind, problem.code), ("missing", 3))
        self.assertEqual(str(problem), "no job 7 (netrender jobs lists them)")

    def test_the_last_words_are_the_reason(self) -> None:
        self.assertEqual(str(self.fails('print("first\\nlast", file=sys.stderr); sys.exit(1)')), "last")
        self.assertEqual(str(self.fails("sys.exit(4)")), "netrender ended with the code 4")
        self.assertLess(self.fails("os.kill(os.getpid(), 9)").code, 0)

    def test_advice_is_that_of_the_panels(self) -> None:
        hint = "put them in place, or go on without them with --allow-missing"
        self.assertNotIn("--", str(Problem("2 files are missing", hint)))

    def test_an_end_of_its_input_stops_it(self) -> None:
        link = self.link('say(up=1); sys.stdin.read(); open(os.environ["ENDED"], "w").close(); sys.exit(130)')
        os.environ["ENDED"] = self.path("ended")
        self.addCleanup(os.environ.pop, "ENDED")
        child = link.start("watch")
        self.eventually(child.read)
        self.assertIsNone(child.problem)
        child.stop()
        self.eventually(lambda: not child.running)
        self.assertTrue(os.path.exists(self.path("ended")))
        child.stop()  # once more does no harm

    def test_one_that_is_full_of_words_is_stopped(self) -> None:
        """Its reader waits for room; nobody reads any more."""
        body = (
            "import threading\nthreading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()\n"
            "while True: say(i=1)"
        )
        child = self.link(body).start("watch")
        self.eventually(child._lines.full)
        child.stop()
        self.eventually(lambda: not child.running)

    def test_a_call_that_is_given_up_stops_it(self) -> None:
        link = self.link("sys.stdin.read()")
        steps = call(link, "watch")
        next(steps)
        steps.close()
        self.eventually(lambda: not link.children[0].running)

    def test_all_are_stopped(self) -> None:
        link = self.link("sys.stdin.read()")
        children = [link.start("watch") for _ in range(3)]
        link.stop()
        self.eventually(lambda: not any(child.running for child in children))

    def test_one_that_does_not_listen_is_killed(self) -> None:
        child = self.link("say(up=1)\nwhile True: time.sleep(1)").start("watch")
        self.eventually(child.read)
        child.kill()
        self.eventually(lambda: not child.running)

    def test_no_program(self) -> None:
        with open(self.path("no program"), "w", encoding="utf-8") as file:
            file.write("text")
        for path in ("", self.path("gone"), self.path("no program"), self.folder):
            with self.subTest(path), self.assertRaises(Problem) as found:
                self.end(call(Link(path), "jobs"))
            self.assertEqual(found.exception.kind, "program")
            self.assertIn(path, str(found.exception))

    def test_without_online_access_nothing_leaves_the_computer(self) -> None:
        """Only a master here is spoken to; without an address the program is told to look no farther."""
        link = self.link('say(words=words, at=os.environ.get("NETRENDER_MASTER"))')
        os.environ.pop("NETRENDER_MASTER", None)
        self.assertIsNone(self.end(call(link, "jobs"))[0]["at"])
        allowed = False
        link.online = lambda: allowed

        def refused(*words: str) -> bool:
            try:
                self.end(call(link, *words))
            except Problem as problem:
                self.assertEqual(problem.kind, "offline")
                self.assertIn("Allow Online Access", str(problem))
                with self.assertRaises(Problem):
                    link.detach(self.path("log"), *words)
                return True
            return False

        self.assertEqual(self.end(call(link, "jobs"))[0]["at"], "here")
        self.assertTrue(refused("masters"))
        self.assertTrue(refused("master", "--listen=:8420"))
        self.assertFalse(refused("master", "--listen=127.0.0.1:8420"))
        link.master = "http://localhost:8420"
        self.assertFalse(refused("worker", "--cache=1GB"))
        link.master = "http://oak:8420"
        self.assertTrue(refused("watch"))
        self.assertFalse(refused("crop", "a", "b"))
        link.master, os.environ["NETRENDER_MASTER"] = "", "oak:8420"
        self.addCleanup(os.environ.pop, "NETRENDER_MASTER")
        self.assertTrue(refused("jobs"))
        allowed = True
        self.assertEqual(self.end(call(link, "jobs"))[0]["at"], "oak:8420")
        self.assertFalse(refused("masters"))

    def test_addresses_of_this_computer(self) -> None:
        for address in ("localhost", "http://localhost:8420", "127.0.0.1:8420", "https://127.1.2.3/#pin", "http://[::1]:8420"):
            self.assertTrue(local(address), address)
        for address in ("", ":8420", "0.0.0.0:8420", "oak", "http://oak:8420", "http://localhost.oak", "http://[fe80::1]:8420",
                        "http://localhost@oak", "http://[::1", "127.0.0.1.oak:8420"):  # fmt: skip
            self.assertFalse(local(address), address)

    def test_one_that_goes_on(self) -> None:
        """It is there until it ends, and nobody waits for that answer."""
        link = self.link('sys.stdin.close()\nwhile not os.path.exists(words[1]): time.sleep(0.01)\nprint("over")')
        stop = self.path("stop")
        pid = link.detach(self.path("log"), "worker", stop)
        self.assertTrue(self.end(link.alive(pid)))
        self.assertFalse(self.end(Link(link.program).alive(pid)), "it is no netrender program")
        with open(stop, "w", encoding="utf-8"):
            pass
        self.eventually(lambda: not self.end(link.alive(pid)))
        with open(self.path("log"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "over\n")
        self.assertFalse(self.end(runs(pid)))
        self.assertFalse(self.end(runs(0)))

    def test_a_small_program_is_not_waited_for(self) -> None:
        """Where the system says which processes run, and takes its time."""
        link = self.link(
            'print("12 netrender.exe" if words else "")\nwhile not os.path.exists(__file__ + ".go"): time.sleep(0.01)'
        )
        steps = says([link.program, "x"], b"netrender")
        for _ in range(3):
            next(steps)
        with open(link.program + ".go", "w", encoding="utf-8"):
            pass
        self.assertTrue(self.end(steps))
        self.assertFalse(self.end(says([link.program], b"netrender")))
        self.assertTrue(self.end(says([self.path("gone")], b"netrender")), "nobody can say")

    def test_the_environment(self) -> None:
        link = self.link('say(**{name: os.environ.get(name, "") for name in ("NETRENDER_MASTER", "PYTHONHOME")})')
        link.master = "http://farm:8420"
        os.environ["PYTHONPATH"] = os.environ["LD_LIBRARY_PATH"] = self.folder  # as some ways to start Blender do
        self.addCleanup(os.environ.pop, "PYTHONPATH")
        self.addCleanup(os.environ.pop, "LD_LIBRARY_PATH")
        self.assertFalse({"PYTHONPATH", "LD_LIBRARY_PATH"} & set(link.environment()))
        self.assertEqual(self.end(call(link, "x")), [{"NETRENDER_MASTER": "http://farm:8420", "PYTHONHOME": ""}])


class Places(Case):
    """Where the program and what came with the add-on are found."""

    def test_the_program(self) -> None:
        os.makedirs(self.path("bin"))
        own, other = executable(self.path("bin")), self.path("other")
        elsewhere = executable(self.path("path"))
        os.makedirs(self.path("path"))
        before = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", before)
        os.environ["PATH"] = self.path("path")
        self.assertEqual(find("", self.folder), "")
        for path in (elsewhere, own, other):
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n")
        self.assertEqual(find("", self.folder), own)
        self.assertTrue(os.access(own, os.X_OK), "a zip may lose that it can be run")
        self.assertEqual(find(other, self.folder), other)
        self.assertEqual(find(self.path("gone"), self.folder), "")
        os.remove(own)
        os.chmod(elsewhere, 0o755)
        self.assertEqual(find("", self.folder), elsewhere)

    def test_the_copy_that_is_run(self) -> None:
        """It is made once, another version's goes, and the add-on's own is free to be replaced."""
        own, folder = executable(self.path()), self.path("copies")
        for text in ("first", "the second"):
            with open(own, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(own, 0o755)
            path = copied(own, folder)
            self.assertEqual(copied(own, folder), path)
            self.assertEqual(os.path.basename(path), os.path.basename(own))
            self.assertTrue(path.startswith(folder) and os.access(path, os.X_OK))
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), text)
            self.assertEqual(len(os.listdir(folder)), 1)
        with open(self.path("file"), "w", encoding="utf-8"):
            pass
        self.assertEqual(copied(own, self.path("file", "x")), own, "it cannot be copied")

    def test_the_master_that_it_came_from(self) -> None:
        for text, want in (
            ("", ""),
            ("[]", ""),
            ("{", ""),
            ("{}", ""),
            ('{"master": "http://farm:8420"}', "http://farm:8420"),
        ):
            with open(self.path("farm.json"), "w", encoding="utf-8") as file:
                file.write(text)
            self.assertEqual(told(self.folder), want, text)
        self.assertEqual(told(self.path("gone")), "")

    def test_progress(self) -> None:
        self.assertIsNone(progress({"frame": 1}))
        self.assertEqual(progress({"progress": {"what": "sending", "done": 1, "total": 4}}), ("sending", 0.25))
        self.assertEqual(progress({"progress": {"what": "sending", "done": 1, "total": 0}}), ("sending", 0.0))
        self.assertEqual(progress({"progress": {"what": "sending", "done": 9, "total": 4}}), ("sending", 1.0))


if __name__ == "__main__":
    unittest.main()
