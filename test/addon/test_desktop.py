"""Notifications: whatever a job is called, it is one argument and never a part of a command."""

from __future__ import annotations

import json
import unittest

from fake import Case
from netrender.desktop import LENGTH, command, plain, show

HOSTILE = (
    '"; rm -rf ~; "', "'; reboot; '", "$(reboot)", "`reboot`", "$env:PATH; Stop-Computer", '" & do shell script "reboot" & "',
    "line\nline\r\nline", "-l JavaScript", "--json", "%PATH%", "a\0b", "\x1b[31m", "half \ud800 a character",
    "\u202eback", "-", "", "x" * 5000, "ü 漢 🎬", "<b>bold</b> &amp;",
)  # fmt: skip


class Notifications(Case):
    """The words of each system."""

    def test_the_text_is_no_command(self) -> None:
        for system in ("linux", "darwin", "win32", "freebsd14"):
            words, _ = command(system, "/opt/netrender", "harmless")
            for text in HOSTILE:
                with self.subTest(system, text=text):
                    other, others = command(system, "/opt/netrender", f"Job 1 ({text}) is done")
                    self.assertEqual(len(other), len(words))
                    changed = [at for at in range(len(words)) if words[at] != other[at]]
                    self.assertEqual(changed, [] if system == "win32" else [len(words) - 1])
                    self.assertEqual(set(others), {"NETRENDER_TEXT"} if system == "win32" else set())

    def test_the_text(self) -> None:
        for text in HOSTILE:
            with self.subTest(text):
                line = plain(text)
                self.assertTrue(line.isprintable() and line and not line.startswith("-"))
                self.assertLessEqual(len(line), LENGTH)
                line.encode("utf-8")
        self.assertEqual(plain("Job 1 (ü 漢 🎬) is done"), "Job 1 (ü 漢 🎬) is done")

    def test_the_program_gets_it_as_it_is(self) -> None:
        out = self.path("words")
        link = self.link(f"json.dump(words, open({out!r}, 'w'))")
        for text in HOSTILE:
            text = f"Job 1 ({text}) failed"
            child = show("linux", link.program, text)
            assert child is not None
            self.assertEqual(child.wait(20), 0)
            with open(out, encoding="utf-8") as file:
                self.assertEqual(file.read(), json.dumps(["desktop-notify", "--", plain(text)]))
        self.assertIsNone(show("linux", self.path("gone"), "text"))


if __name__ == "__main__":
    unittest.main()
