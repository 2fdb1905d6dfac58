"""Netrender inside Blender: the open scene is rendered by all the computers of the network.

link, farm, request, gather, exr,
desktop, doing                     know nothing of Blender: the program, the farm, and what is said between them
pump                               steps generators from a timer, so that Blender never waits
settings, scene, engine, ...       Blender's side
"""

bl_info = {
    "name": "Netrender",
    "author": "The Netrender authors",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Properties > Render > Network Render",
    "description": "Render on all the computers of your network",
    "category": "Render",
}

from contextlib import suppress
from typing import Any

PARTS: tuple[Any, ...] = ()

try:
    import bpy  # noqa: F401
except ImportError:  # the files that know nothing of Blender are tested without it
    pass
else:
    from . import engine, jobs, panels, pump, scene, send, serve, settings, steer, thumbs, watch

    PARTS = (settings, pump, scene, engine, send, steer, serve, panels, thumbs, jobs, watch)


def register() -> None:
    """Registers all parts, or none."""
    begun: list[Any] = []
    try:
        for part in PARTS:
            begun.append(part)
            part.register()
    except Exception:
        for part in reversed(begun):
            with suppress(Exception):  # it was registered by half; what is told is why
                part.unregister()
        raise


def unregister() -> None:
    """Takes all parts away."""
    for part in reversed(PARTS):
        part.unregister()
