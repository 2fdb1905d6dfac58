"""Files that nodes name by themselves: IES profiles, OSL scripts, what geometry nodes import."""

from __future__ import annotations

import importlib
import os
import re
from typing import Any

import bpy

from . import blocks
from .files import Files, Steps
from .paths import absolute, beside

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"\n]+)"', re.MULTILINE)
LITERAL = re.compile(r'"([^"\n]+\.(?:png|exr|tx|jpe?g|tiff?|hdr|ptc|bin|txt))"', re.IGNORECASE)


def collect(files: Files) -> Steps:
    """Notes the files of all of them."""
    for tree, owner in blocks.trees():
        yield
        for node in tree.nodes:
            if node.type == "TEX_IES" and node.mode == "EXTERNAL" and node.filepath:
                files.place(node.filepath, "IES light", owner)
            elif node.type == "SCRIPT":
                if node.mode == "EXTERNAL" and node.filepath:
                    add_script(files, node.filepath, owner)
                for socket in node.inputs:  # a picture that the script reads
                    path = socket.default_value if socket.type == "STRING" else ""
                    if path and os.path.isabs(path) and os.path.isfile(path):
                        files.place(path, "OSL file", owner)
        add_imports(files, tree, owner)
    for camera in list(bpy.data.cameras):
        yield
        if getattr(camera, "custom_mode", "") == "EXTERNAL" and camera.custom_filepath:
            add_script(files, camera.custom_filepath, camera)


def add_imports(files: Files, tree: Any, owner: Any) -> None:
    """Notes the files that nodes of a tree import."""
    # The agent's package lies beside this one, but is found only when the request was read.
    sources = importlib.import_module((__package__ or "").removesuffix("netcollect") + "netagent.sources")
    for node, kept in sources.imports(tree):
        for one in kept:
            if one is None:
                files.warnings.append(f"the file that {node.name} in {tree.name} imports is computed and not collected")
            elif path := getattr(*one):
                files.place(path, "imported geometry", owner)


def add_script(files: Files, stored: str, owner: Any) -> None:
    """Notes an OSL script, and the files that it includes and those include; the compiled one is made anew."""
    files.place(stored, "OSL script", owner)
    waiting, done = [stored], set()
    while waiting:
        one = waiting.pop()
        path = absolute(one, owner)
        if path in done or not path.endswith((".osl", ".h", ".oslh")):
            continue
        done.add(path)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read(1 << 24)
        except OSError:
            continue
        for name in INCLUDE.findall(text):
            inner = beside(one, "") + name if not os.path.isabs(name) else name
            if os.path.isfile(absolute(inner, owner)):  # else it comes with Blender
                files.place(inner, "OSL script", owner)
                waiting.append(inner)
        for name in LITERAL.findall(text):
            if os.path.isabs(name) and os.path.exists(name):
                files.warnings.append(
                    f"{os.path.basename(path)} names {name} in its text, where it cannot be mapped: "
                    "make it a parameter of the script"
                )
