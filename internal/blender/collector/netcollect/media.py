"""Movie clips, sounds, fonts and the strips of the sequencer."""

from __future__ import annotations

from typing import Any

import bpy

from . import blocks
from .files import Files, Steps
from .paths import below, first_number, packed
from .pictures import add_indices, eyes
from .spans import Span, spans


def collect(files: Files) -> Steps:
    """Notes the files of all of them."""
    for clip in list(bpy.data.movieclips):
        yield
        if clip.source == "MOVIE":
            files.place(clip.filepath, "movie clip", clip)
            add_indices(files, clip.filepath, clip, clip.proxy.directory if clip.use_proxy_custom_directory else "")
        elif clip.source == "SEQUENCE":
            first = first_number(clip.filepath) + clip.frame_offset
            shown = {at + first - clip.frame_start: span for at, span in spans(files.frames, int).items()}
            inside = {number: span for number, span in shown.items() if first <= number < first + clip.frame_duration}
            files.add_numbers(clip.filepath, "movie clip", clip, inside, shown)
            files.place(clip.filepath, "movie clip", clip)  # by this one Blender tells a sequence from a movie
    for block in list(bpy.data.sounds):
        yield
        if not packed(block) and block.filepath:
            files.place(block.filepath, "sound", block)
    for block in list(bpy.data.fonts):
        yield
        if not packed(block) and block.filepath and block.filepath != "<builtin>":
            files.place(block.filepath, "font", block)
    for scene in list(bpy.data.scenes):
        yield
        steady = steady_strips(scene) if scene == files.scene else set()
        for strip in blocks.strips(scene):
            if strip.type == "MOVIE":
                for path in eyes(strip, strip.filepath, scene):
                    files.place(path, "strip", scene)
                    add_indices(files, path, scene, index_folder(strip, path))
            elif strip.type == "IMAGE":
                add_elements(files, scene, strip, strip in steady)


def index_folder(strip: Any, stored: str) -> str:
    """Where a strip keeps what its movie's pictures are found by; "" for the usual place."""
    proxy = strip.proxy
    if strip.use_proxy and proxy is not None and proxy.use_proxy_custom_directory and proxy.directory:
        return proxy.directory
    return ""


def steady_strips(scene: Any) -> set[Any]:
    """Strips of pictures that show one picture a frame, in order: nothing plays them faster, backwards or inside others."""
    editor = scene.sequence_editor
    if editor is None or any(strip.type == "SCENE" and strip.scene == scene for strip in blocks.strips(scene)):
        return set()
    every = blocks.strips(scene)
    fast = {strip.input_1 for strip in every if strip.type == "SPEED"}
    return {
        strip
        for strip in (editor.strips if hasattr(editor, "strips") else editor.sequences)
        if strip.type == "IMAGE"
        and strip not in fast
        and not strip.use_reverse_frames
        and strip.strobe <= 1
        and not len(getattr(strip, "retiming_keys", ()))
        and getattr(strip, "speed_factor", 1) == 1
    }


def add_elements(files: Files, scene: Any, strip: Any, steady: bool) -> None:
    """Notes the pictures of a strip; of a steady one only those that frames show."""
    shown: dict[int, Span] = {}
    if steady:
        shown = spans(files.frames, lambda frame: element(strip, frame))
    for index, one in enumerate(strip.elements):
        stored = below(strip.directory, one.filename)
        for path in eyes(strip, stored, scene):
            if not steady or len(strip.elements) == 1:
                files.place(path, "strip", scene)
            elif index in shown:
                files.place(path, "strip", scene, shown[index])
            else:
                files.skip(path, scene)


def element(strip: Any, frame: int) -> int | None:
    """The index of a strip's picture at a frame; SEQ_render_give_stripelem is the source. None: the strip is not there."""
    begin, end, start, skipped = (
        getattr(strip, new if hasattr(strip, new) else old)
        for new, old in (
            ("left_handle", "frame_final_start"),
            ("right_handle", "frame_final_end"),
            ("content_start", "frame_start"),
            ("content_trim_start", "animation_offset_start"),
        )
    )
    if not begin <= frame < end:
        return None
    last = len(strip.elements) - 1
    return min(max(frame - int(start), 0) + skipped, last)
