"""A scene whose picture is its sequencer's, with strips of every kind that reads files: project/strips.blend.

Pictures, rows of pictures (one trimmed, one inside another strip), movies (one with proxies), a clip, words in a font of
the artist's own, a sound, and the strips of another scene.
"""

from __future__ import annotations

import os
import sys
import wave
from typing import Any

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=6, samples=1, size="64x36")


class Track:
    """The strips of a scene, side by side."""

    def __init__(self, holder: Any, used: int = 0) -> None:
        self.strips = holder.strips if hasattr(holder, "strips") else holder.sequences
        self.used = used

    def put(self, strip: Any, size: float = 8) -> Any:
        """Makes a picture of size pixels 8 wide and gives it a place of its own."""
        x, y = self.used % 6 * 10 - 26, self.used // 6 * 10 - 10
        self.used += 1
        strip.blend_type = "ALPHA_OVER"
        strip.transform.scale_x = strip.transform.scale_y = 8 / size
        strip.transform.offset_x, strip.transform.offset_y = x, y
        return strip

    def row(self, board: kinds.Board, name: str, count: int, begin: int) -> Any:
        """A strip of count pictures name/p1.png and so on, from frame begin on."""
        paths = [board.picture(f"{name}/p{number}.png", number / count) for number in range(1, count + 1)]
        strip = self.strips.new_image(name, paths[0], self.used + 1, begin)
        strip.directory = board.stored(name + "/")
        for path in paths[1:]:
            strip.elements.append(os.path.basename(path))
        return self.put(strip)


def pictures(board: kinds.Board, track: Track) -> None:
    """A single picture, rows of them."""
    # Blender 5 takes these two for opaque pictures that hide all that is below.
    early = track.row(board, "early", want.frames + 3, -2)
    early.frame_offset_start = 2
    track.row(board, "late", 3, 4)
    strip = track.put(track.strips.new_image("Logo", board.picture("logo.png", 0.3), track.used + 1, 1))
    strip.directory = board.stored("")
    if hasattr(strip, "right_handle"):
        strip.right_handle = want.frames + 1
    else:
        strip.frame_final_end = want.frames + 1
    track.row(board, "row", want.frames, 1)
    trimmed = track.row(board, "trimmed", want.frames + 4, 1)
    trimmed.animation_offset_start = 3
    back = track.row(board, "back", want.frames, 1)
    back.use_reverse_frames = True


def movies(board: kinds.Board, track: Track) -> None:
    """Movies, one of which has proxies, and a clip."""
    for name in ("film.mp4", "quick.mp4"):
        path = kinds.movie(board, name, want.frames, 0.1 + track.used / 7)
        strip = track.put(track.strips.new_movie(name, path, track.used + 1, 1), 32)
        strip.filepath = board.stored(name)
        if name == "quick.mp4":
            strip.use_proxy = True
            strip.proxy.build_25, strip.proxy.quality = True, 50
    clip = bpy.data.movieclips.load(kinds.movie(board, "clip.mp4", want.frames, 0.9))
    clip.filepath = board.stored("clip.mp4")
    track.put(track.strips.new_clip("Clip", clip, track.used + 1, 1), 32)


def others(board: kinds.Board, track: Track) -> None:
    """Words, a sound, and another scene's strips."""
    font = kinds.font(board, "letters")
    words = kinds.effect(track.strips, "Words", "TEXT", track.used + 1, 1, want.frames)
    words.font, words.text, words.font_size, words.blend_type = font, "iWi", 10, "ALPHA_OVER"
    words.location = (0.5, 0.8)
    track.used += 1
    with wave.open(board.path("bell.wav"), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(range(250)) * 16)
    sound = track.strips.new_sound("Bell", board.path("bell.wav"), track.used + 1, 1)
    sound.sound.filepath = board.stored("bell.wav")
    track.used += 1
    other = bpy.data.scenes.new("Other")
    other.render.resolution_x, other.render.resolution_y, other.render.resolution_percentage = 8, 8, 100
    other.frame_start, other.frame_end = 1, want.frames
    only = Track(other.sequence_editor_create()).row(board, "other", want.frames, 1)
    only.transform.offset_x = only.transform.offset_y = 0
    strip = track.strips.new_scene("Other", other, track.used + 1, 1)
    strip.scene_input = "SEQUENCER"
    track.put(strip)
    meta = track.strips.new_meta("Meta", track.used + 1, 1)
    Track(meta, track.used).row(board, "inner", want.frames, 1)
    for handle in ("right_handle", "frame_final_end"):
        if hasattr(meta, handle):
            setattr(meta, handle, want.frames + 1)
            break
    meta.blend_type = "ALPHA_OVER"


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/strips")
    board = kinds.Board(scene, want)
    track = Track(scene.sequence_editor_create())
    pictures(board, track)
    movies(board, track)
    others(board, track)
    scene.frame_end = want.frames
    stage.stamp(scene, "strips")
    return stage.save(want, "project/strips")


stage.finish(main())
