"""Finds the files of a scene where they lie now, in memory: the .blend on disk is never changed."""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any

import bpy


def normal(path: str) -> str:
    """One spelling for a path of any platform; letters' case counts only where it does on the platform it came from."""
    path = posixpath.normpath(path.replace("\\", "/"))
    windows = re.match(r"[a-zA-Z]:/|//[^/]", path)
    return path.casefold() if windows else path


def base(path: str) -> str:
    """The last name of a path of any platform."""
    return ntpath.basename(path)


class Places:
    """Where original paths are now; an answer of None means: leave the path alone."""

    def __init__(self, blend: str, original: str, files: dict[str, str]) -> None:
        self._now = {normal(was): now for was, now in files.items()}
        self._folders: dict[str, str] = {}
        self._was = {normal(now): was for was, now in files.items()}
        if original:
            self._was[normal(blend)] = original
        for was, now in files.items():
            if base(was) == base(now):
                self._folders.setdefault(posixpath.dirname(normal(was)), os.path.dirname(now))

    def was(self, blend: str) -> str:
        """The original path of a .blend that lies at blend now."""
        return self._was.get(normal(blend), blend)

    def find(self, originals: Iterable[str]) -> str | None:
        """The place of the first of the original paths that is known, else a neighbour's folder that has the file."""
        originals = list(originals)
        for path in originals:
            if normal(path) in self._now:
                return self._now[normal(path)]
        for path in originals:
            folder = self._folders.get(posixpath.dirname(normal(path)))
            if folder is not None:
                return os.path.join(folder, base(path))
        return None

    def resolve(self, path: str, owner: str) -> str | None:
        """The new place of path as stored in the .blend that lies at owner now; None when it is there already."""
        if not path:
            return None
        if path.startswith("//"):
            inside = path[2:].replace("\\", "/")
            here = os.path.normpath(os.path.join(os.path.dirname(owner), inside))
            before = [posixpath.join(self.was(owner).replace("\\", "/").rpartition("/")[0], inside), here]
        else:
            here = path
            before = [path]
        found = self.find(before)
        return None if found is None or normal(found) == normal(here) else found


def absolute(library: Any) -> str:
    """Where a library, or for None the scene's own file, lies."""
    if library is None:
        return bpy.data.filepath
    return os.path.normpath(bpy.path.abspath(library.filepath))


def _libraries(places: Places) -> int:
    """Moves libraries, outermost first: only a library that was read shows the ones it links in turn."""
    moved = 0
    tried: set[str] = set()
    while True:
        waiting = []
        for library in bpy.data.libraries:
            now = absolute(library)
            if now in tried or library.packed_file:
                continue
            depth, parent = 0, library.parent
            while parent is not None and depth < 100:
                depth, parent = depth + 1, parent.parent
            waiting.append((depth, now, library))
        if not waiting:
            return moved
        _, now, library = min(waiting, key=lambda entry: entry[:2])
        tried.add(now)
        originals = [now, library.filepath]
        for owner in (absolute(library.parent), bpy.data.filepath):
            try:
                inside = os.path.relpath(now, os.path.dirname(owner)).replace(os.sep, "/")
            except ValueError:  # another drive
                continue
            originals.append(posixpath.join(posixpath.dirname(places.was(owner).replace("\\", "/")), inside))
        found = places.find(path for path in originals if not path.startswith("//"))
        if found is None or normal(found) == normal(now) or not os.path.exists(found):
            continue
        tried.add(os.path.normpath(found))
        library.filepath = found
        library.reload()
        moved += 1


def _holders() -> Iterator[tuple[Any, str, Any]]:
    """Every thing that stores a path of a file, as (thing, property, library it came from)."""
    for image in bpy.data.images:
        if image.source in {"FILE", "SEQUENCE", "MOVIE", "TILED"} and not image.packed_file:
            yield image, "filepath", image.library
    for blocks in (bpy.data.movieclips, bpy.data.sounds, bpy.data.volumes, bpy.data.cache_files):
        for block in blocks:
            if not getattr(block, "packed_file", None):
                yield block, "filepath", block.library
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            for name in ("filepath", "bake_directory"):
                if getattr(modifier, name, ""):
                    yield modifier, name, thing.library
            for bake in getattr(modifier, "bakes", ()):
                if bake.use_custom_path:
                    yield bake, "directory", thing.library
            domain = getattr(modifier, "domain_settings", None)
            if domain is not None:
                yield domain, "cache_directory", thing.library
        for system in getattr(thing, "particle_systems", ()):
            if system.point_cache.use_external:
                yield system.point_cache, "filepath", thing.library
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        if editor is None:
            continue
        for strip in editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all:
            if strip.type == "MOVIE":
                yield strip, "filepath", scene.library
            elif strip.type == "IMAGE":
                yield strip, "directory", scene.library
    for tree in _trees():
        for node in tree.nodes:
            if node.type in {"TEX_IES", "SCRIPT"} and node.mode == "EXTERNAL":
                yield node, "filepath", tree.library


def _trees() -> Iterator[Any]:
    yield from bpy.data.node_groups
    for blocks in (bpy.data.materials, bpy.data.worlds, bpy.data.lights):
        for block in blocks:
            if block.node_tree is not None:
                yield block.node_tree


def _fonts(places: Places) -> int:
    """Fonts cannot be given a new path: a new one takes the old one's users."""
    moved = 0
    for font in list(bpy.data.fonts):
        if font.packed_file or font.filepath == "<builtin>":
            continue
        found = places.resolve(font.filepath, absolute(font.library))
        if found is not None and os.path.exists(found):
            font.user_remap(bpy.data.fonts.load(found))
            moved += 1
    return moved


def apply(places: Places) -> int:
    """Changes every path that has a new place; returns how many."""
    moved = _libraries(places)
    for thing, name, library in list(_holders()):
        path = getattr(thing, name)
        folder = name == "directory"
        found = places.resolve(path.rstrip("/\\") + "/-" if folder else path, absolute(library))
        if found is not None:
            setattr(thing, name, os.path.dirname(found) + os.sep if folder else found)
            moved += 1
    moved += _fonts(places)
    if hasattr(bpy.data, "file_path_foreach"):  # 4.5 and up: whatever kind of path was not thought of above
        moved += _rest(places)
    return moved


def _rest(places: Places) -> int:
    count = 0

    def visit(owner: Any, path: str, _meta: Any) -> str | None:
        nonlocal count
        if isinstance(owner, (bpy.types.Library, bpy.types.VectorFont)):
            return None
        found = places.resolve(path, absolute(owner.library))
        if found is not None:
            count += 1
        return found

    bpy.data.file_path_foreach(visit)
    return count


def missing() -> list[str]:
    """The files that pictures of the scene may need and that are not there, sorted."""
    lost = set()
    sequences, idle = set(_sequences()), _idle()
    for path in bpy.utils.blend_paths(absolute=True, packed=False, local=False):
        path = os.path.normpath(path)
        if path in idle or os.path.exists(path):
            continue
        pattern = ""
        if re.search(r"<UDIM>|<UVTILE>", path):
            pattern = re.sub(r"<UDIM>|<UVTILE>", r".+", re.escape(base(path)).replace("\\<", "<").replace("\\>", ">"))
        elif path in sequences:  # the frames that are rendered may need others than the first
            parts = re.fullmatch(r"(.*?)\d+(\D*)", base(path))
            pattern = re.escape(parts[1]) + r"\d+" + re.escape(parts[2]) if parts else ""
        folder = os.path.dirname(path)
        if pattern and os.path.isdir(folder) and any(re.fullmatch(pattern, name) for name in os.listdir(folder)):
            continue
        lost.add(path)
    return sorted(lost)


def _place(block: Any) -> str:
    return os.path.normpath(bpy.path.abspath(block.filepath, library=block.library))


def _idle() -> set[str]:
    """Where the files lie that no picture shows: texts, sounds, and pictures that nothing uses."""
    shown: set[str] = set()
    idle = {_place(block) for block in (*bpy.data.texts, *bpy.data.sounds)}
    for block in (*bpy.data.images, *bpy.data.movieclips):
        (shown if block.users > block.use_fake_user else idle).add(_place(block))
    return idle - shown


def _sequences() -> Iterator[str]:
    """Where the files lie that stand for a row of numbered ones."""
    for block in (*bpy.data.images, *bpy.data.movieclips):
        if block.source == "SEQUENCE":
            yield _place(block)
    for block in (*bpy.data.volumes, *bpy.data.cache_files):
        if block.is_sequence:
            yield _place(block)
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        if editor is None:
            continue
        for strip in editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all:
            if strip.type == "IMAGE":
                folder = bpy.path.abspath(strip.directory, library=scene.library)
                yield from (os.path.normpath(os.path.join(folder, element.filename)) for element in strip.elements)
