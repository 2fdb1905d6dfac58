"""Notifications of the desktop. Nothing here knows Blender.

The text may hold a job's name, which anybody may have chosen. It is one argument or one variable of the environment, never
a part of a command, and does not begin with a dash.
"""

from __future__ import annotations

import os
import subprocess

LENGTH = 200  # characters that are shown; Windows refuses more than 255

SCRIPT = 'on run argv\ndisplay notification (item 1 of argv) with title "Netrender"\nend run'
TOAST = (
    "Add-Type -AssemblyName System.Windows.Forms,System.Drawing;"
    "$n = New-Object System.Windows.Forms.NotifyIcon;"
    "$n.Icon = [System.Drawing.SystemIcons]::Information; $n.Visible = $true;"
    "$n.ShowBalloonTip(8000, 'Netrender', $env:NETRENDER_TEXT, 'Info'); Start-Sleep 9; $n.Dispose()"
)


def plain(text: str) -> str:
    """The text as a line that every system takes."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    line = line.lstrip("-")
    return (line if len(line) <= LENGTH else line[: LENGTH - 1] + "…") or "Netrender"


def command(system: str, program: str, text: str) -> tuple[list[str], dict[str, str]]:
    """What shows a notification: its words, and what is added to the environment. System is sys.platform, program the
    netrender program."""
    text = plain(text)
    if system == "darwin":
        return ["osascript", "-e", SCRIPT, text], {}
    if system == "win32":
        home = os.environ.get("SystemRoot", "C:\\Windows")  # not whatever has its name in the present folder
        shell = home + "\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
        return [shell, "-NoProfile", "-WindowStyle", "Hidden", "-Command", TOAST], {"NETRENDER_TEXT": text}
    return [program, "desktop-notify", "--", text], {}


def show(system: str, program: str, text: str) -> subprocess.Popen | None:
    """Shows one; None where that cannot be done. Nobody waits for it."""
    words, more = command(system, program, text)
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **more},
            creationflags=0x08000000 if os.name == "nt" else 0,
        )
    except OSError:
        return None
