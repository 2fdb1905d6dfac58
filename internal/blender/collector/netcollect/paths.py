"""Where stored paths lead, and how the names of sequences are made."""

from __future__ import annotations

import os
import re
from typing import Any

import bpy


def base_of(library: Any) -> str:
    """The absolute path of the .blend that a datablock came from; None is the scene's own."""
    return bpy.data.filepath if library is None else os.path.normpath(bpy.path.abspath(library.filepath))


def absolute(path: str, owner: Any) -> str:
    """Where a path stored in owner leads on this machine; relative ones start at owner's own .blend."""
    if path.startswith("//"):
        path = os.path.join(os.path.dirname(base_of(owner.library)), path[2:].replace("\\", "/"))
    return os.path.normpath(path)


def packed(block: Any) -> bool:
    """Whether the file lies inside the .blend."""
    return bool(getattr(block, "packed_file", None)) or len(getattr(block, "packed_files", ())) > 0


def numbered(path: str) -> tuple[str, int, str]:
    """A path cut at the last digits of its name, as Blender does: what is before, how many digits, what is after."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    found = re.match(r"(.*?)(\d+)(\D*)$", stem)
    if not found:
        return path, 0, ""
    return os.path.join(folder, found[1]), len(found[2]), found[3] + extension


def first_number(path: str) -> int:
    """The number in the name of a file of a sequence."""
    head, digits, _ = numbered(path)
    return int(path[len(head) : len(head) + digits] or 0)


def beside(stored: str, path: str) -> str:
    """The stored path with the name of path."""
    return re.sub(r"[^/\\]*$", lambda _: os.path.basename(path), stored, count=1)


def below(stored: str, inside: str) -> str:
    """The stored path of a folder, with the path of a file inside it."""
    return stored + ("" if stored.endswith(("/", "\\")) else "/") + inside.replace(os.sep, "/")
