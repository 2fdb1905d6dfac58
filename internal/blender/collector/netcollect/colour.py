"""What the scene's colours depend on outside the .blend: a colour configuration (OpenColorIO) of the artist's own."""

from __future__ import annotations

import os
import re

import bpy

from .files import Files, Steps

SOURCE = re.compile(r"""\bsrc:\s*(?:"([^"\n]+)"|'([^'\n]+)'|([^,}\n]+))""")
SEARCH = re.compile(r"^search_path:[ \t]*(.*(?:\n[ \t]*-[ \t]+.*)*)", re.MULTILINE)
VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)|%(\w+)%")
LIMIT = 1 << 24  # bytes; the largest ones that studios publish have a few hundred thousand


def collect(files: Files) -> Steps:
    """Notes the configuration that the environment names, and the tables that it reads."""
    yield
    stored = ""
    if bpy.app.version >= (5, 0, 0):
        stored = os.environ.get("BLENDER_OCIO", "")
    stored = stored or os.environ.get("OCIO", "")
    if not stored:
        return
    config = os.path.abspath(stored)
    if not os.path.isfile(config):  # one that is built in, as ocio://default, or a mistake
        files.warnings.append(f"colours are those of {stored} (the variable OCIO): workers need the same variable, or colours differ")
        return
    files.add(config, config, "colour configuration", files.scene)
    with open(config, encoding="utf-8", errors="replace") as file:
        text = file.read(LIMIT)
    if text.startswith("PK"):  # an archive, .ocioz, holds its tables
        return
    home = os.path.dirname(config)
    folders = _searched(text)
    for found in SOURCE.finditer(text):
        name = (found[1] or found[2] or found[3]).strip()
        for folder in folders:
            stored = os.path.join(folder, name)
            path = os.path.normpath(os.path.join(home, _known(stored)))
            if not os.path.isfile(path):
                continue
            files.add(path, path, "colour table", files.scene)
            if os.path.isabs(_known(stored)) or VARIABLE.search(stored):  # there workers look for it, too
                files.warnings.append(
                    f"{os.path.basename(config)} names its table {stored} by a whole path or a variable: workers need it as it is here, "
                    "or colours differ"
                )
            break


def _searched(text: str) -> list[str]:
    """The folders in which a configuration has its tables looked for, in order."""
    found = SEARCH.search(text)
    names = re.split(r"[:,\n]", found[1]) if found else []
    cleaned = [name.strip().removeprefix("- ").strip(" \t\"'[]") for name in names]
    return [name for name in cleaned if name] or [""]


def _known(text: str) -> str:
    """Text with the variables that are set put in."""
    return VARIABLE.sub(lambda found: os.environ.get(found[1] or found[2] or found[3], found[0]), text)
