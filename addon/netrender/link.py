"""Talks to the netrender program: starts it as a child and reads the JSON that it prints. Nothing here knows Blender.

Link    which program, and with which words it is called
Child   one call that runs; it is looked at now and then, and never waited for
call    a generator that runs to the end of a call: whoever steps it does not wait either
"""

from __future__ import annotations

import ipaddress
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from typing import IO, Any
from urllib.parse import urlsplit

WAITING = 10_000  # lines that are read ahead; then the child has to wait
ALLOW = "turn on Allow Online Access in Preferences > System > Network"

# What the program advises in words of a command line, and what that is here.
ADVICE = {
    "put them in place, or go on without them with --allow-missing": "put them in place, or turn on Allow Missing Files",
    "name one with --master or NETRENDER_MASTER": "choose one in the panel or the preferences",
    "name a Blender that works with --blender or NETRENDER_BLENDER": "name another Blender above or in the preferences",
    "start one with netrender up, or name it with --master HOST": "start one, or name it in the preferences",
    "netrender pair asks to be let in; or give one with --token or NETRENDER_TOKEN": "ask to be let in",
}


class Problem(Exception):
    """Why a call failed: a sentence, and what to do next."""

    def __init__(self, sentence: str, hint: str = "", kind: str = "", code: int = 1) -> None:
        super().__init__(sentence)
        self.sentence, self.hint, self.kind, self.code = sentence, ADVICE.get(hint, hint), kind, code

    def __str__(self) -> str:
        return f"{self.sentence} ({self.hint})" if self.hint else self.sentence


class Child:
    """A call that runs. It ends with this process, however that ends: its standard input ends then."""

    def __init__(self, command: list[str], env: dict[str, str] | None = None) -> None:
        flags = 0
        if os.name == "nt":
            flags = 0x08000000 | 0x00000200  # no console window; no Ctrl-C of ours
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            creationflags=flags,
            start_new_session=os.name != "nt",  # Ctrl-C in Blender's terminal is not for the child
        )
        self._lines: queue.Queue[dict] = queue.Queue(WAITING)
        self.words: list[str] = []  # what it said on the error output that is no JSON, the newest last
        self._error: dict = {}
        self._dropped = False
        self._threads = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode("utf-8", "replace").strip()
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):  # whatever it prints, it is read on: else it would wait for ever
                found = None
            if not isinstance(found, dict):
                if text:
                    self.words = [*self.words[-99:], text]
            elif stream is self.process.stderr and "error" in found:
                self._error = found
            elif not self._dropped:
                self._lines.put(found)
        stream.close()

    @property
    def running(self) -> bool:
        """False once it has ended and everything it printed is here."""
        return any(thread.is_alive() for thread in self._threads) or self.process.poll() is None

    def read(self, most: int = 1000) -> list[dict]:
        """What it printed since the last time, at most so many objects."""
        found: list[dict] = []
        while len(found) < most:
            try:
                found.append(self._lines.get_nowait())
            except queue.Empty:
                break
        return found

    @property
    def problem(self) -> Problem | None:
        """Why it failed; None while it runs and when it did not."""
        code = self.process.poll()
        if code in (None, 0):
            return None
        if self._error:
            return Problem(
                str(self._error.get("error", "")),
                str(self._error.get("hint", "")),
                str(self._error.get("kind", "")),
                code,
            )
        return Problem(self.words[-1] if self.words else f"netrender ended with the code {code}", "", "", code)

    def stop(self) -> None:
        """Asks it to end, as Ctrl-C does, and does not wait."""
        self._dropped = True
        self.read(WAITING)
        try:
            self.process.stdin.close()  # type: ignore[union-attr]
        except OSError:
            pass

    def kill(self) -> None:
        """Ends it at once."""
        self.stop()
        if self.process.poll() is None:
            self.process.kill()


def executable(folder: str = "") -> str:
    """The name of the program in a folder."""
    return os.path.join(folder, "netrender.exe" if os.name == "nt" else "netrender")


def find(wished: str, home: str) -> str:
    """The program: the one that is wished for, the one that came with the add-on at home, or the one on the PATH."""
    if wished:
        return wished if os.path.isfile(wished) else ""
    own = executable(os.path.join(home, "bin"))
    if os.path.isfile(own):
        if not os.access(own, os.X_OK):  # some ways to unpack a zip lose it
            try:
                os.chmod(own, 0o755)
            except OSError:
                return shutil.which("netrender") or ""
        return own
    return shutil.which("netrender") or ""


def copied(program: str, folder: str) -> str:
    """A copy of the program in a folder, from which it is run: Windows lets nobody replace a file that runs, and the add-on
    would not be updated. Copies of other versions are removed when they do not run. The program itself where it cannot
    be copied."""
    try:
        facts = os.stat(program)
        own = os.path.join(folder, f"{facts.st_size:x}-{facts.st_mtime_ns:x}")
        path = os.path.join(own, os.path.basename(program))
        if not os.path.exists(path):
            os.makedirs(own, exist_ok=True)
            part = f"{path}.{os.getpid()}"
            shutil.copy2(program, part)
            os.replace(part, path)
        for name in os.listdir(folder):
            if os.path.join(folder, name) != own:
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    except OSError:
        return program
    return path


def told(home: str) -> str:
    """The master's address that came with the add-on; "" where none did."""
    try:
        with open(os.path.join(home, "farm.json"), encoding="utf-8") as file:
            return str(json.load(file).get("master", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def local(address: str) -> bool:
    """Whether an address leads nowhere but to this computer."""
    try:
        host = urlsplit(address if "://" in address else "//" + address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or none
        return False


class Link:
    """How the program is called. Values may be changed at any time; they count for the next call.

    Where Blender's user does not allow online access, nothing that is called here reaches another computer: a master is
    asked only at an address of this computer, or, where none is named, if it runs here (the program's word is "here").
    """

    def __init__(self, program: str = "", master: str = "", data: str = "") -> None:
        self.program, self.master, self.data = program, master, data
        self.online: Callable[[], bool] = lambda: True  # whether the network may be used
        self.children: list[Child] = []
        self._starting = threading.Lock()  # a renderer starts calls, too
        self._detached: list[subprocess.Popen] = []

    def command(self, *words: str, leashed: bool = True) -> list[str]:
        """The whole command line."""
        found = [self.program, *words, "--json", *(["--leashed"] if leashed else [])]
        if self.data:
            found += ["--data", self.data]
        return found

    def environment(self) -> dict[str, str]:
        """The environment of a call: an address is given here, since not every command takes one."""
        env = dict(os.environ)
        if self.master:
            env["NETRENDER_MASTER"] = self.master
        elif not env.get("NETRENDER_MASTER") and not self.online():
            env["NETRENDER_MASTER"] = "here"
        for name in ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"):  # Blender's own, if any
            env.pop(name, None)
        return env

    def guard(self, *words: str) -> None:
        """Raises Problem where a call would reach other computers and must not."""
        if self.online() or words[0] == "crop":
            return
        hint = ALLOW
        if words[0] == "master":
            listen = next((one.partition("=")[2] for one in words if one.startswith("--listen=")), "")
            fine = local(listen)
            hint += "; or name 127.0.0.1 as its interface"
        else:
            address = self.master or os.environ.get("NETRENDER_MASTER", "")
            fine = words[0] != "masters" and (not address or address == "here" or local(address))
        if not fine:
            raise Problem("Blender's online access is off", hint, "offline")

    def start(self, *words: str) -> Child:
        """Starts a call. Raises Problem when the program is not there or cannot be run, or must not use the network."""
        if not self.program:
            raise Problem(
                "the netrender program was not found",
                "install the add-on from the zip that the master's page offers, or name the program in the preferences",
                "program",
            )
        self.guard(*words)
        try:
            child = Child(self.command(*words), self.environment())
        except OSError as error:
            raise Problem(f"{self.program} cannot be run: {error.strerror or error}", "", "program") from error
        with self._starting:
            self.children = [*(one for one in self.children if one.running), child]
        return child

    def detach(self, output: str, *words: str) -> int:
        """Starts a call that goes on when this process ends; what it says goes to a file. Returns its process id."""
        if not self.program:
            raise Problem("the netrender program was not found", "name it in the preferences", "program")
        self.guard(*words)
        try:
            with open(output, "wb") as file:
                child = subprocess.Popen(
                    self.command(*words, leashed=False),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env=self.environment(),
                    creationflags=0x08000000 | 0x00000200 if os.name == "nt" else 0,
                    start_new_session=os.name != "nt",
                )
        except OSError as error:
            raise Problem(f"{self.program} cannot be started: {error.strerror or error}", "", "program") from error
        self._detached.append(child)
        return child.pid

    def alive(self, pid: int) -> Generator[None, None, bool]:
        """Whether a process that was detached, here or by another Blender, runs."""
        for child in self._detached:
            if child.pid == pid:
                return child.poll() is None
        return (yield from runs(pid))

    def stop(self) -> None:
        """Stops all calls that run."""
        for child in self.children:
            child.stop()


def runs(pid: int) -> Generator[None, None, bool]:
    """Whether a process of this number runs and is the netrender program: numbers are given anew. Where the system cannot
    say, it runs."""
    if pid <= 0:
        return False
    if os.path.isdir("/proc/self"):
        try:
            with open(f"/proc/{pid}/comm", "rb") as file:
                return b"netrender" in file.read()
        except OSError:
            return False
    if os.name == "nt":
        ask = ["tasklist", "/NH", "/FO", "CSV", "/FI", f"PID eq {pid}"]
    else:
        ask = ["ps", "-o", "comm=", "-p", str(pid)]
    return (yield from says(ask, b"netrender"))


def says(ask: list[str], word: bytes) -> Generator[None, None, bool]:
    """Whether a small program says a word. True when it cannot be started or takes longer than 10 s."""
    try:
        child = subprocess.Popen(
            ask,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=0x08000000 if os.name == "nt" else 0,
        )
    except OSError:
        return True
    until = time.monotonic() + 10
    try:
        while child.poll() is None:
            if time.monotonic() > until:
                return True
            yield
        return word in child.stdout.read() if child.stdout else True  # a line: it never fills the pipe
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


def end(pid: int) -> None:
    """Ends a detached process that does not heed its stop file: hard on Windows."""
    if os.name == "nt":
        subprocess.Popen(["taskkill", "/F", "/PID", str(pid)], creationflags=0x08000000)
    else:
        os.kill(pid, signal.SIGTERM)


def call(link: Link, *words: str) -> Generator[None, None, list[dict]]:
    """Calls and gathers what is printed. Raises Problem when the call fails; stops it when it is itself stopped."""
    child = link.start(*words)
    found: list[dict] = []
    try:
        while child.running:
            yield
            found += child.read()
        while more := child.read():
            found += more
    finally:
        if child.running:
            child.stop()
    if child.problem:
        raise child.problem
    return found


def progress(line: dict[str, Any]) -> tuple[str, float] | None:
    """What a line says of how far the call is, and the fraction; None when it says nothing of that."""
    part = line.get("progress")
    if not isinstance(part, dict):
        return None
    total = part.get("total") or 0
    return str(part.get("what", "")), min(1.0, part.get("done", 0) / total) if total else 0.0
