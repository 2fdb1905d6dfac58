"""Netrender inside Blender: this computer's scenes are rendered by all the others."""

bl_info = {
    "name": "Netrender",
    "author": "The Netrender authors",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Properties > Render > Network Render",
    "description": "Render on all the computers of your network",
    "category": "Render",
}


def register() -> None:
    pass


def unregister() -> None:
    pass
