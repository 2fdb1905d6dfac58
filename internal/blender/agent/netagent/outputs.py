"""Sends the files of File Output nodes into a folder of ours, and names them as the artist expects."""

from __future__ import annotations

import ntpath
import os
import re
from collections.abc import Iterator
from typing import Any

import bpy

from .settings import Borrowed


def tree_of(scene: Any) -> Any | None:
    """The node tree that composites the scene; None when there is none."""
    if hasattr(scene, "compositing_node_group"):  # 5.0 and up
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def nodes_of(tree: Any, seen: set[str]) -> Iterator[Any]:
    """Every File Output node of the tree and its groups that would write."""
    for node in tree.nodes:
        if node.mute:
            continue
        if node.bl_idname == "CompositorNodeOutputFile":
            yield node
        elif node.type == "GROUP" and node.node_tree is not None and node.node_tree.name_full not in seen:
            seen.add(node.node_tree.name_full)
            yield from nodes_of(node.node_tree, seen)


class Redirected:
    """Where each node writes meanwhile, and where the artist expects it."""

    def __init__(self, scene: Any, folder: str, borrowed: Borrowed, wanted: bool) -> None:
        self._places: list[tuple[str, str, str]] = []  # folder now, relative folder expected, node's name
        self._linked: list[tuple[str, str]] = []  # of nodes that have something to write: folder, node's name
        tree = tree_of(scene)
        if tree is None or not scene.render.use_compositing:
            return
        for number, node in enumerate(nodes_of(tree, set())):
            if not wanted:
                borrowed.set(node, "mute", True)
                continue
            here = os.path.join(folder, str(number))
            if any(socket.is_linked for socket in node.inputs):
                self._linked.append((here, node.name))
            if hasattr(node, "file_output_items"):
                self._items(scene, node, here, borrowed)
            else:
                self._slots(node, here, borrowed)

    def _slots(self, node: Any, here: str, borrowed: Borrowed) -> None:
        """Up to 4.5: base_path is a folder, or for multilayer the beginning of the file's name."""
        path, last = node.base_path, ""
        if node.format.file_format == "OPEN_EXR_MULTILAYER":
            path, last = split(path)
        else:
            taken: set[str] = set()
            for slot in node.file_slots:
                borrowed.set(slot, "path", free(contained(slot.path), taken))
        self._places.append((here, expected(path), node.name))
        borrowed.set(node, "base_path", literal(os.path.join(here, last)))

    def _items(self, scene: Any, node: Any, here: str, borrowed: Borrowed) -> None:
        """From 5.0 on: a folder, the beginning of the names, and an item for each file."""
        self._places.append((here, expected(expand(scene, node.directory)), node.name))
        borrowed.set(node, "file_name", contained(node.file_name))
        borrowed.set(node, "directory", literal(here + os.sep))

    def files(self) -> Iterator[tuple[str, str, str]]:
        """What the nodes wrote: path, expected name, node's name."""
        for here, folder, node in self._places:
            for path in walk(here):
                name = os.path.relpath(path, here).replace(os.sep, "/")
                yield path, f"{folder}/{name}" if folder else name, node

    def silent(self) -> list[str]:
        """A sentence for each node that ought to have written and has not."""
        return [f"the File Output node {name} wrote no file" for here, name in self._linked if not any(walk(here))]


def split(path: str) -> tuple[str, str]:
    """Folder and last name of a path with either kind of slash."""
    last = ntpath.basename(path)
    return path[: len(path) - len(last)], last


def walk(folder: str) -> Iterator[str]:
    """Every file below the folder, sorted."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(root, name)


def expand(scene: Any, path: str) -> str:
    """Replaces {templates} as Blender would (4.5 and up)."""
    if "{" not in path:
        return path
    with Borrowed() as borrowed:
        borrowed.set(scene.render, "filepath", path.rstrip("/\\") + "/x")
        try:
            return os.path.dirname(scene.render.frame_path())
        except RuntimeError:
            return path


def literal(path: str) -> str:
    """The path as it is, where Blender (4.5 and up) would look for {templates} in it."""
    return path.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5, 0) else path


def contained(path: str) -> str:
    """The path without whatever would lead out of the folder it is joined to."""
    parts = re.split(r"[/\\]+", re.sub(r"^[a-zA-Z]:", "", path))
    kept = "/".join(part for part in parts if part not in ("", ".", ".."))
    return kept + "/" if path.endswith(("/", "\\")) and kept else kept


def free(path: str, taken: set[str]) -> str:
    """The path, changed if another slot of the node writes the same file: "a" and "a####" both make a0001."""
    while True:
        key = re.sub(r"#+(?=[^#]*$)", "", path).casefold()
        if key not in taken:
            taken.add(key)
            return path
        path += "_"


def expected(path: str) -> str:
    """The folder a node names, relative to the results: below the .blend the same, elsewhere its last folder."""
    plain = path.replace("\\", "/")
    if plain.startswith("//") and ".." not in plain.split("/"):
        return contained(plain).rstrip("/")
    if os.path.isabs(path):
        try:
            inside = os.path.relpath(path, os.path.dirname(bpy.data.filepath)).replace(os.sep, "/")
        except ValueError:  # another drive
            inside = ".."
        if ".." not in inside.split("/"):
            return contained(inside).rstrip("/")
    return contained(plain.rstrip("/").rpartition("/")[2])


class Names:
    """Gives every file of a result a name of its own, whatever the case of letters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, name: str, node: str = "") -> str:
        """The name itself, else with the node's name as a folder, else with a number."""
        folder, _, last = name.rpartition("/")
        folder = folder + "/" if folder else ""
        tries = [name, f"{folder}{contained(node).replace('/', '_')}/{last}"] if node else [name]
        stem, dot, end = last.rpartition(".")
        number = 2
        while True:
            for candidate in tries:
                if candidate.casefold() not in self._taken:
                    self._taken.add(candidate.casefold())
                    return candidate
            tries = [f"{folder}{stem or last}-{number}{dot}{end if dot else ''}"]
            number += 1
