"""Finds outputs of a scene that would overwrite one another: the farm keeps them all, under names of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from . import blocks


def clashes(scene: Any, tree: Any | None, home: str) -> list[str]:
    """A sentence for each file that two outputs write in every frame. tree is the scene's compositor, or None."""
    taken: dict[str, str] = {}
    found = []
    for path, who in _outputs(scene, tree):
        key = _key(path, home)
        if key in taken:
            found.append(f"{taken[key]} and {who} write the same file, {path}: the farm gives one of them another name")
        taken.setdefault(key, who)
    return list(dict.fromkeys(found))


def _key(path: str, home: str) -> str:
    """The same for paths that make the same file, where the case of letters may not count."""
    if path.startswith("//"):
        path = os.path.join(os.path.dirname(home), path[2:])
    folder, name = os.path.split(os.path.normpath(path.replace("\\", "/")))
    if "#" not in name:  # Blender adds the frame's number at the end
        name += "####"
    return os.path.join(folder, re.sub(r"#+", "#", name)).casefold()


def _outputs(scene: Any, tree: Any | None) -> Iterator[tuple[str, str]]:
    """Every path that is written, with what writes it. Endings count: a picture and an EXR of one name are two files."""
    render = scene.render
    if not render.is_movie_format:
        yield render.filepath + _ending(render.image_settings), "the scene's output"
    for node in blocks.file_outputs(tree) if tree is not None and render.use_compositing else ():
        if hasattr(node, "file_output_items"):  # 5.0
            if node.format.file_format == "OPEN_EXR_MULTILAYER":
                yield os.path.join(node.directory, node.file_name) + ".exr", f"the node {node.name}"
                continue
            for number, item in enumerate(node.file_output_items):
                form = item.format if item.override_node_format else node.format
                yield os.path.join(node.directory, node.file_name + item.name) + _ending(form), f"{_slot(node, number)}"
        elif node.format.file_format == "OPEN_EXR_MULTILAYER":
            yield node.base_path + ".exr", f"the node {node.name}"
        else:
            for number, slot in enumerate(node.file_slots):
                form = node.format if slot.use_node_format else slot.format
                yield os.path.join(node.base_path, slot.path) + _ending(form), f"{_slot(node, number)}"


def _slot(node: Any, number: int) -> str:
    return f"the node {node.name} (file {number + 1})"


def _ending(form: Any) -> str:
    """Tells formats apart that have endings of their own."""
    return "." + form.file_format.lower().removesuffix("_multilayer").replace("open_exr", "exr")
