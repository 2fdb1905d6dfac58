"""The list of files, and who needs them."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import bpy

from .paths import absolute, below, beside, numbered
from .spans import Span, join

Steps = Generator[None, None, None]

WINDOWS = (bpy.types.WindowManager, bpy.types.WorkSpace, bpy.types.Screen)


class Needs:
    """Which datablocks the scenes reach, and who uses whom."""

    def __init__(self, scenes: set[Any]) -> None:
        self._users: dict[Any, set[Any]] = {}
        self._names: dict[Any, list[str]] = {}
        self._reached = scenes
        self._libraries: set[Any] = set()

    def find(self) -> Steps:
        """Finds that out; nothing else works before."""
        self._users = bpy.data.user_map()
        yield
        uses: dict[Any, list[Any]] = {}
        for block, users in self._users.items():
            for user in users:
                uses.setdefault(user, []).append(block)
            yield
        waiting = list(self._reached)
        while waiting:
            yield
            for block in uses.get(waiting.pop(), ()):
                if block not in self._reached:
                    self._reached.add(block)
                    waiting.append(block)
        for block in self._reached:
            yield
            library = block.library
            while library is not None and library not in self._libraries:
                self._libraries.add(library)
                library = library.parent

    def reached(self, block: Any) -> bool:
        """Whether rendering the scene reads block."""
        return block in (self._libraries if isinstance(block, bpy.types.Library) else self._reached)

    def users(self, block: Any) -> set[Any]:
        """The datablocks that use block, but for windows."""
        return {user for user in self._users.get(block, ()) if user != block and not isinstance(user, WINDOWS)}

    def names(self, block: Any) -> list[str]:
        """The datablock and a few that use it, for people."""
        if block not in self._names:
            self._names[block] = list(self._spell(block))
        return self._names[block]

    def _spell(self, block: Any) -> Iterator[str]:
        users = sorted(self.users(block), key=lambda user: user.name_full)
        for one in [block, *users[:8]]:
            yield f"{kind(one)} {one.name_full}"


def kind(block: Any) -> str:
    """A datablock's kind for people: Image, Material, ..."""
    return block.bl_rna.name.removesuffix(" Data-Block") or block.bl_rna.identifier


class Files:
    """The files found so far, by path."""

    def __init__(self, scene: Any, frames: list[int], home: str, others: Sequence[Any] = ()) -> None:
        self.scene, self.needs = scene, Needs({scene, *others})
        self.home = home  # where the .blend lies, or would if it is a copy
        self.frames = frames  # that will be rendered
        self.blurred: bool = any(one.render.use_motion_blur for one in (scene, *others))
        self.found: dict[str, dict] = {}
        self.seen: set[str] = set()  # what Blender itself lists of the things walked here
        self.warnings: list[str] = []
        self.layers: dict[str, list[tuple[str, bool]]] = {}  # what a USD layer refers to
        self._listed: dict[str, list[str]] = {}

    def skip(self, stored: str, owner: Any) -> None:
        """Keeps a path that Blender lists out of the list: no picture needs its file, or something here knows it better."""
        self.seen.add(os.path.normcase(absolute(stored, owner)))

    def place(self, stored: str, what: str, owner: Any, span: Span = None, optional: bool = False) -> None:
        """Notes the file at a path as stored in owner."""
        self.add(absolute(stored, owner), stored, what, owner, span, optional)

    def add(self, path: str, original: str, what: str, owner: Any, span: Span = None, optional: bool = False) -> None:
        """Notes a file; an optional one only if it is there."""
        here = os.path.exists(path)
        self.seen.add(os.path.normcase(path))
        if optional and not here:
            return
        try:
            path.encode()
        except UnicodeEncodeError:
            path, here = path.encode(errors="replace").decode(), False
            self.warnings.append(f"{path} has a name that is not UTF-8: give it another one")
        entry = self.found.setdefault(
            os.path.normcase(path),
            {"path": path, "original": original, "kind": what, "users": [], "missing": not here, "needed": False, "span": span},
        )
        entry["users"] += [name for name in self.needs.names(owner) if name not in entry["users"]]
        entry["needed"] = entry["needed"] or self.needs.reached(owner)
        entry["span"] = join(entry["span"], span)

    def siblings(self, folder: str) -> list[str]:
        """The names in a folder."""
        if folder not in self._listed:
            try:
                self._listed[folder] = sorted(os.listdir(folder))
            except OSError:
                self._listed[folder] = []
        return self._listed[folder]

    def sequence(self, path: str) -> dict[int, str]:
        """The files on disk that differ from path by their number."""
        head, digits, tail = numbered(path)
        if not digits:
            return {0: path} if os.path.exists(path) else {}
        folder, stem = os.path.split(head)
        pattern = re.compile(re.escape(stem) + rf"(\d{{{digits}}}|[1-9]\d{{{digits},}})" + re.escape(tail))
        names = ((name, pattern.fullmatch(name)) for name in self.siblings(folder))
        return {int(found[1]): os.path.join(folder, name) for name, found in names if found}

    def add_numbers(
        self, stored: str, what: str, owner: Any, wanted: dict[int, Span] | None, maybe: dict[int, Span] | None = None
    ) -> None:
        """Notes the files of a sequence that wanted names by number, all on disk for None; those in maybe if they are there."""
        path = absolute(stored, owner)
        self.seen.add(os.path.normcase(path))
        there = self.sequence(path)
        head, digits, tail = numbered(path)
        numbers = dict.fromkeys(there) if wanted is None else dict(wanted)
        for number, span in (maybe or {}).items():
            if number in there:
                numbers[number] = join(numbers.get(number, span), span)
        if not numbers and wanted is None:
            self.add(path, stored, what, owner)
        for number, span in sorted(numbers.items()):
            place = there.get(number) or (f"{head}{number:0{digits}}{tail}" if digits else path)
            self.add(place, beside(stored, place), what, owner, span)

    def add_folder(self, stored: str, what: str, owner: Any, pattern: str = r".*", deep: bool = True, number: str = "") -> bool:
        """Notes the files of a folder; a regular expression that finds a frame's number in a name says which frames need it."""
        folder = absolute(stored, owner)
        self.seen.add(os.path.normcase(folder))
        groups: dict[str, dict[int, str]] = {}
        for inside, folders, names in os.walk(folder):
            folders.sort()
            if not deep:
                folders.clear()
            for name in names:
                if re.fullmatch(pattern, name):
                    path = os.path.join(inside, name)
                    at = re.search(number, name) if number else None
                    key = os.path.join(inside, name[: at.start(1)] + name[at.end(1) :]) if at else path
                    groups.setdefault(key, {})[int(at[1]) if at else 0] = path
        for group in groups.values():
            frames = sorted(group)
            for index, frame in enumerate(frames):
                # between two files Blender blends, before the first and after the last it holds
                span = (frames[index - 1] if index else None, frames[index + 1] if index + 1 < len(frames) else None)
                path = group[frame]
                self.add(path, below(stored, os.path.relpath(path, folder)), what, owner, None if span == (None, None) or not frame else span)
        return bool(groups)
