"""Where the text that a socket of geometry nodes gets is kept: in the socket, in a node, in a group node or a modifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

Kept = tuple[Any, str]  # thing, property


class _Item:
    """An input of a modifier as Blender kept it before 5.1: by a name in brackets."""

    def __init__(self, modifier: Any, name: str) -> None:
        self._modifier, self._name = modifier, name

    @property
    def value(self) -> str:
        return self._modifier[self._name]

    @value.setter
    def value(self, text: str) -> None:
        self._modifier[self._name] = text


def imports(tree: Any) -> Iterator[tuple[Any, list[Kept | None]]]:
    """Each node of a tree that imports a file, with what may hold its path; None among that: a path that is computed."""
    for node in tree.nodes:
        if node.bl_idname.startswith("GeometryNodeImport") and "Path" in node.inputs:
            yield node, list(_sources(tree, node.inputs["Path"], frozenset()))


def _sources(tree: Any, socket: Any, seen: frozenset[Any]) -> Iterator[Kept | None]:
    if not socket.is_linked:
        yield socket, "default_value"
        return
    link = socket.links[0]
    node = link.from_node
    if node.type == "REROUTE":
        yield from _sources(tree, node.inputs[0], seen)
    elif hasattr(node, "string"):
        yield node, "string"
    elif node.type == "GROUP_INPUT" and tree not in seen:
        yield from _given(tree, link.from_socket.identifier, seen | {tree})
    elif node.bl_idname.endswith("Switch"):
        for one in node.inputs:
            if one.type == "STRING":
                yield from _sources(tree, one, seen)
    else:
        yield None


def _given(tree: Any, identifier: str, seen: frozenset[Any]) -> Iterator[Kept | None]:
    """What users of a tree give it as one of its inputs."""
    for outer in bpy.data.node_groups:
        for node in outer.nodes:
            if node.type == "GROUP" and node.node_tree == tree:
                for socket in node.inputs:
                    if socket.identifier == identifier:
                        yield from _sources(outer, socket, seen)
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.type != "NODES" or modifier.node_group != tree:
                continue
            if hasattr(modifier, "properties"):
                kept = getattr(modifier.properties.inputs, identifier, None)
                if kept is not None:
                    yield kept, "value"
            elif identifier in modifier:
                yield _Item(modifier, identifier), "value"
