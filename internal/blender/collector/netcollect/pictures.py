"""Pictures: single ones, sequences, tiles, movies, and the other eyes of stereo pairs."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import bpy

from . import blocks
from .files import Files, Steps
from .paths import packed
from .spans import Span, join, merged, near, spans


@dataclass(frozen=True)
class Timing:
    """Which picture of a sequence is shown when: what Blender keeps as an ImageUser."""

    frame_start: int
    frame_duration: int
    frame_offset: int
    use_cyclic: bool
    stays: int | None  # the number that is shown where it does not follow the frames

    @classmethod
    def of(cls, user: Any) -> Timing:
        """The values of an ImageUser, or of a node that has the same ones."""
        stays = None if user.use_auto_refresh else getattr(user, "frame_current", None)
        return cls(user.frame_start, user.frame_duration, user.frame_offset, user.use_cyclic, stays)


def collect(files: Files) -> Steps:
    """Notes the files of every picture."""
    timings = yield from image_timings(files)
    for image in list(bpy.data.images):
        yield
        if image.source not in {"FILE", "SEQUENCE", "MOVIE", "TILED"} or not image.filepath:
            continue
        if packed(image) and image.source not in {"SEQUENCE", "MOVIE"}:  # those are read from disk all the same
            continue
        for path in eyes(image, image.filepath, files.scene):
            if image.source == "SEQUENCE":
                add_pictures(files, path, image, timings.get(image, [None]))
                if image.use_multiview:  # by its first pictures Blender tells which views there are
                    files.place(path, "image sequence", image)
            elif image.source == "TILED":
                files.skip(path, image)
                for tile in image.tiles:
                    u, v = (tile.number - 1001) % 10 + 1, (tile.number - 1001) // 10 + 1
                    one = path.replace("<UDIM>", str(tile.number)).replace("<UVTILE>", f"u{u}_v{v}")
                    files.place(one, "image tile", image)
            elif image.source == "MOVIE":
                files.place(path, "movie", image)
                add_indices(files, path, image)
            else:
                files.place(path, "image", image)


def eyes(block: Any, stored: str, scene: Any) -> Iterator[str]:
    """The stored path, and those of the other eyes where each has a file."""
    yield stored
    if block.use_multiview and block.views_format == "INDIVIDUAL":
        stem, extension = os.path.splitext(stored)
        views = [view.file_suffix for view in scene.render.views]
        eye = next((view for view in views if view and stem.endswith(view)), "")
        yield from (stem.removesuffix(eye) + view + extension for view in views if eye and view != eye)


def add_indices(files: Files, stored: str, owner: Any, folder: str = "") -> None:
    """Notes what Blender finds the pictures of a movie by, where it has been made: BL_proxy/MOVIE/*.blen_tc."""
    cut = max(stored.rfind("/"), stored.rfind("\\")) + 1
    files.add_folder(folder or f"{stored[:cut]}BL_proxy/{stored[cut:]}", "movie index", owner, r".*\.blen_tc", deep=False)


def image_timings(files: Files) -> Generator[None, None, dict[Any, list[Timing | None]]]:
    """For each sequence of pictures how its users show it; None among them: some user whose timing is not known."""
    timings: dict[Any, list[Timing | None]] = {}
    known: dict[Any, set[Any]] = {}

    def note(image: Any, user: Any, owner: Any) -> None:
        if image.source == "SEQUENCE":
            timings.setdefault(image, []).append(None if user is None else Timing.of(user))
            known.setdefault(image, set()).add(owner)

    for tree, owner in blocks.trees():
        yield
        moves = blocks.animated(tree, owner)
        for node in tree.nodes:
            image = getattr(node, "image", None)
            if image is not None:
                user = getattr(node, "image_user", node)
                note(image, user if hasattr(user, "frame_duration") and not moves else None, owner)
            for socket in node.inputs:
                if socket.type == "IMAGE" and getattr(socket, "default_value", None) is not None:
                    note(socket.default_value, None, owner)  # the number is computed
    for texture in list(bpy.data.textures):
        yield
        if getattr(texture, "image", None) is not None:
            note(texture.image, None if texture.animation_data else texture.image_user, texture)
    for thing in list(bpy.data.objects):
        yield
        if thing.type == "EMPTY" and isinstance(thing.data, bpy.types.Image):
            note(thing.data, thing.image_user, thing)
    for camera in list(bpy.data.cameras):
        yield
        for background in camera.background_images:
            if background.image is not None:
                note(background.image, background.image_user, camera)
    for image, owners in known.items():
        yield
        if files.needs.users(image) - owners:  # a modifier's input, a stroke's filling, what will come
            timings[image].append(None)
    return timings


def image_number(user: Timing, frame: int) -> int:
    """The number of a sequence's picture at a frame of the scene; BKE_image_user_frame_get is the source."""
    at, length = frame - user.frame_start + 1, user.frame_duration
    at = (at - 1) % max(length, 1) + 1 if user.use_cyclic else min(max(at, 0), length)
    return at + user.frame_offset


def add_pictures(files: Files, path: str, image: Any, users: list[Timing | None]) -> None:
    """Notes the pictures of a sequence that its users show."""
    wanted: dict[int, Span] = {}
    maybe: dict[int, Span] = {}
    for user in users:
        if user is None:
            files.add_numbers(path, "image sequence", image, None)
            return

        def number(frame: int, one: Timing = user) -> int:
            return image_number(one, frame)

        shown = spans(files.frames, number)
        if files.blurred:  # textures move meshes between frames, too
            maybe = merged(maybe, near(files.frames, number))
        early = shown.pop(user.frame_offset, None)
        if early:  # before its start a sequence shows the picture before its first, or the first, or nothing
            maybe |= {user.frame_offset: None, user.frame_offset + 1: early}
        if user.stays is not None:  # some engines stay where the artist left it
            maybe[user.stays] = None
        for at, span in shown.items():
            wanted[at] = join(wanted.get(at, span), span)
    files.add_numbers(path, "image sequence", image, wanted, maybe)
