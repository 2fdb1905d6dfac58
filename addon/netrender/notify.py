"""Tells the artist what happened: in the status bar, and on the desktop."""

from __future__ import annotations

import time
from collections.abc import Generator

import bpy

from . import pump

SECONDS = 8  # that a message stays


def show(text: str, bad: bool = False) -> None:
    """Shows a message for a while; one that is bad also as a pop-up."""
    if bpy.app.background:
        print(text)
        return
    _write(text)
    pump.start(_clear(text))
    if bad:

        def draw(menu: bpy.types.UIPopupMenu, _context: bpy.types.Context) -> None:
            menu.layout.label(text=text)

        bpy.context.window_manager.popup_menu(draw, title="Netrender", icon="ERROR")


def status(text: str) -> None:
    """Says what goes on, until something else is said; "": nothing does."""
    if not bpy.app.background:
        _write(text)


_shown = ""


def _write(text: str) -> None:
    global _shown
    _shown = text
    for window in bpy.context.window_manager.windows:
        window.workspace.status_text_set(text or None)


def _clear(text: str) -> Generator[None, None, None]:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        yield
    if _shown == text:
        _write("")
