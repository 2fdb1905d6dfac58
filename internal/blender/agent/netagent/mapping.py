"""Finds the files of a scene where they lie now, in memory: the .blend on disk is never changed."""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from . import holders


def normal(path: str) -> str:
    """One spelling for a path of any platform; letters' case counts only where it does on the platform it came from."""
    path = re.sub(r"^//\?/(UNC/)?", lambda found: "//" if found[1] else "", path.replace("\\", "/"))
    path = posixpath.normpath(path)
    windows = re.match(r"[a-zA-Z]:/|//[^/]", path)
    return path.casefold() if windows else path


def base(path: str) -> str:
    """The last name of a path of any platform."""
    return ntpath.basename(path)


NUMBER = re.compile(r"\d+|\0")
TOKENS = {"<UDIM>": "\0", "<UVTILE>": "u\0_v\0"}


def family(name: str) -> tuple[str, list[str]]:
    """What names of a row of numbered files have in common, and what tells them apart: numbers, or what stands for them."""
    for token, numbers in TOKENS.items():
        name = name.replace(token, numbers)
    return NUMBER.sub("#", name), NUMBER.findall(name)


def renumbered(name: str, numbers: list[str]) -> str:
    """A name with other numbers in it; the last ones, where it has fewer places for them."""
    rest = iter(numbers[max(len(numbers) - len(NUMBER.findall(name)), 0) :])
    name = NUMBER.sub(lambda found: next(rest, found[0]), name)
    for token, hidden in TOKENS.items():
        if hidden != "\0":
            name = name.replace(hidden, token)
    return name.replace("\0", "<UDIM>")


class Places:
    """Where original paths are now; an answer of None means: leave the path alone."""

    def __init__(self, blend: str, original: str, files: dict[str, str]) -> None:
        self._now = {normal(was): now for was, now in files.items()}
        self._folders: dict[str, str] = {}
        self._families: dict[tuple[str, str], str] = {}
        self.left: set[str] = set()  # paths that are named still and read no more
        self._was = {normal(now): was for was, now in files.items()}
        if original:
            self._was[normal(blend)] = original
        for was, now in files.items():
            folder, name = posixpath.split(normal(was))
            self._families.setdefault((folder, family(name)[0]), now)
            while base(was) == base(now) != "":  # a folder has moved as its files have, as far up as the names agree
                was, now = posixpath.dirname(was.replace("\\", "/")), os.path.dirname(now)
                self._folders.setdefault(normal(was), now)

    def was(self, blend: str) -> str:
        """The original path of a .blend that lies at blend now."""
        return self._was.get(normal(blend), blend)

    def find(self, originals: Iterable[str]) -> str | None:
        """The place of the first of the original paths that is known: a file, a folder of files, one of a row, else a neighbour."""
        originals = list(originals)
        for path in originals:
            if normal(path) in self._now:
                return self._now[normal(path)]
        for path in originals:
            if normal(path) in self._folders:
                return self._folders[normal(path)]
        for path in originals:
            name = base(path)
            common, numbers = family(name)
            now = self._families.get(posixpath.split(normal(path.removesuffix(name) + common)))
            if now is not None and numbers:
                return os.path.join(os.path.dirname(now), renumbered(os.path.basename(now), numbers))
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


def _pictures(places: Places) -> int:
    """Moves strips of pictures, which store one folder and the names in it."""
    moved = 0
    for scene, strip in holders.strips():
        if strip.type != "IMAGE":
            continue
        folder = strip.directory.rstrip("/\\") + "/"
        found = [places.resolve(folder + element.filename, absolute(scene.library)) for element in strip.elements]
        known = next((path for path in found if path is not None), None)
        if known is None:
            continue
        before = bpy.path.abspath(strip.directory, library=scene.library)
        strip.directory = os.path.join(os.path.dirname(known), "")
        for element, path in zip(strip.elements, found):
            here = os.path.normpath(os.path.join(before, element.filename))
            if path is not None or os.path.exists(here):
                element.filename = os.path.relpath(path or here, os.path.dirname(known))
        moved += 1
    return moved


def _fonts(places: Places) -> int:
    """Fonts cannot be given a new path: a new one takes the old one's users."""
    moved = 0
    for font in list(bpy.data.fonts):
        if font.packed_file or font.filepath == "<builtin>":
            continue
        found = places.resolve(font.filepath, absolute(font.library))
        if found is not None and os.path.exists(found):
            new = bpy.data.fonts.load(found)
            for _, strip in holders.strips():  # they read the font when it is given to them
                if strip.type == "TEXT" and strip.font == font:
                    strip.font = new
            font.user_remap(new)
            moved += 1
    return moved


def _pairs(places: Places) -> int:
    """Images of several views remember where each view's file was, and setting their path can crash: new ones take their users."""
    moved = 0
    for image in [one for one in bpy.data.images if one.use_multiview and one.source != "GENERATED" and not one.packed_file]:
        found = places.resolve(image.filepath, absolute(image.library))
        if found is None or not os.path.exists(found):
            continue
        new = bpy.data.images.load(found)
        for name in ("source", "alpha_mode", "use_half_precision", "use_view_as_render", "use_deinterlace", "use_multiview", "views_format"):
            if hasattr(image, name):
                setattr(new, name, getattr(image, name))
        new.colorspace_settings.name = image.colorspace_settings.name
        for setting in image.stereo_3d_format.bl_rna.properties:
            if not setting.is_readonly:
                setattr(new.stereo_3d_format, setting.identifier, getattr(image.stereo_3d_format, setting.identifier))
        new.filepath = found  # by now it knows that there are more views
        image.user_remap(new)
        moved += 1
    return moved


def apply(places: Places) -> int:
    """Changes every path that has a new place; returns how many."""
    moved = _libraries(places) + _pictures(places) + _pairs(places)
    for thing, name, library in list(holders.paths()):
        if isinstance(thing, bpy.types.Image) and thing.use_multiview:
            continue
        path = getattr(thing, name)
        found = places.resolve(path, absolute(library))
        if found is not None:
            if isinstance(thing, bpy.types.Sound):  # a strip keeps a copy of the path, which nothing reads
                places.left.add(_place(thing))
            setattr(thing, name, found + os.sep if path.endswith(("/", "\\")) else found)
            moved += 1
    moved += _fonts(places)
    if hasattr(bpy.data, "file_path_foreach"):  # 4.5 and up: whatever kind of path was not thought of above
        moved += _rest(places)
    return moved


def _rest(places: Places) -> int:
    count = 0

    def visit(owner: Any, path: str, _meta: Any) -> str | None:
        nonlocal count
        if isinstance(owner, (bpy.types.Library, bpy.types.VectorFont)) or isinstance(owner, bpy.types.Image) and owner.use_multiview:
            return None
        found = places.resolve(path, absolute(owner.library))
        if found is not None:
            count += 1
        return found

    bpy.data.file_path_foreach(visit)
    return count


def missing(places: Places) -> list[str]:
    """The files that pictures of the scene may need and that are not there, sorted."""
    lost = set()
    sequences, idle = set(_sequences()), _idle() | places.left
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
    """Where the files lie that no picture shows: texts, sounds, and pictures that nothing uses, or perhaps no frame."""
    shown: set[str] = set()
    idle = {_place(block) for block in (*bpy.data.texts, *bpy.data.sounds)} | set(_strips())
    for block in (*bpy.data.images, *bpy.data.movieclips, *bpy.data.fonts):  # of a font that was mapped the old one stays
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


def _strips() -> Iterator[str]:
    """Where the pictures of strips lie: those that no frame shows are not sent."""
    for scene, strip in holders.strips():
        if strip.type == "IMAGE" and len(strip.elements) > 1:
            folder = bpy.path.abspath(strip.directory, library=scene.library)
            yield from (os.path.normpath(os.path.join(folder, element.filename)) for element in strip.elements)
