"""What a worker or master does, in a sentence."""

from __future__ import annotations

import unittest

from fake import Case
from netrender.doing import master, read, worker


class Sentences(Case):
    """Of what the program says."""

    def test_a_worker(self) -> None:
        shot = {"job": 3, "name": "shot", "frame": 12, "fraction": 0.4}
        met = {"state": "works", "met": True}
        for said, want in (
            ({}, "Looks for the master"),
            ({"state": "looking"}, "Looks for the master"),
            ({"state": "works", "met": False, "away": True}, "Looks for the master"),
            (
                {"state": "asks", "code": "ABC-DEF"},
                "Waits to be let in: somebody accepts the code ABC-DEF on the farm's page",
            ),
            ({"state": "ended"}, "Has ended"),
            ({**met, "frames": [], "done": 0}, "Waits for frames"),
            ({**met, "frames": None}, "Waits for frames"),
            ({**met, "away": True}, "The master does not answer; asks again"),
            ({**met, "barred": "its disk is full"}, "Gets nothing to do: its disk is full"),
            ({**met, "frames": [shot], "done": 3}, "Renders frame 12 of shot, 40%; 3 frames done"),
            ({**met, "frames": [shot], "away": True}, "Renders frame 12 of shot, 40%"),
            ({**met, "frames": [{**shot, "phase": "fetching files"}]}, "Fetches files for frame 12 of shot"),
            (
                {**met, "frames": [shot, {"job": 4, "frame": -1, "fraction": 7}], "done": 1, "failed": 2},
                "Renders frame 12 of shot, 40%, renders frame -1 of job 4, 100%; 1 frame done, 2 failed",
            ),
            ({**met, "frames": [shot], "leaves": True}, "Renders frame 12 of shot, 40%; ends then"),
            ({**met, "leaves": True, "done": 1}, "Hands over what is finished; 1 frame done; ends then"),
        ):
            self.assertEqual(worker(said), want)

    def test_a_master(self) -> None:
        at = ["http://oak:8420", "http://10.0.0.5:8420"]
        self.assertEqual(master([], None, 0), "Starts")
        self.assertEqual(master(at, None, 0), "Runs at http://oak:8420")
        self.assertEqual(master(at, 0, 0), "Runs at http://oak:8420; no worker is there, no job goes on")
        self.assertEqual(master(at, 1, 1), "Runs at http://oak:8420; 1 worker, 1 job goes on")
        self.assertEqual(master(at, 3, 2), "Runs at http://oak:8420; 3 workers, 2 jobs go on")

    def test_the_file(self) -> None:
        self.assertEqual(read(self.path("gone")), {})
        for text, want in (
            ("", {}),
            ("[]", {}),
            ("{", {}),
            ("[" * 100000, {}),
            ('{"state": "works"}', {"state": "works"}),
        ):
            with open(self.path("doing"), "w", encoding="utf-8") as file:
                file.write(text)
            self.assertEqual(read(self.path("doing")), want)


if __name__ == "__main__":
    unittest.main()
