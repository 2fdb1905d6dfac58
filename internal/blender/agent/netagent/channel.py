"""The private line to the program that started Blender: one JSON object a line, both ways."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any


class Channel:
    """A connected line. send may be called from any thread, receive from one."""

    def __init__(self, line: socket.socket) -> None:
        line.set_inheritable(False)  # what Blender starts has no business here
        self._line = line
        self._reader = line.makefile("rb")
        self._sending = threading.Lock()

    def send(self, message: dict) -> None:
        """Writes one message whole."""
        text = json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
        with self._sending:
            self._line.sendall(text)

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other side is gone."""
        try:
            text = self._reader.readline()
        except OSError:
            return None
        return json.loads(text) if text.endswith(b"\n") else None


def connect(handover: dict) -> Channel:
    """The inherited socket that handover names, or a call to its loopback port that begins with its secret."""
    if handover.get("fd"):
        return Channel(socket.socket(fileno=handover["fd"]))
    line = socket.create_connection(("127.0.0.1", handover["port"]), timeout=30)
    line.settimeout(None)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link = Channel(line)
    link.send({"secret": handover["secret"]})
    return link
