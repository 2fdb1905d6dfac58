"""A scene whose picture is its sequencer's, with strips of every kind that reads files: project/strips.blend.

Pictures, rows of pictures (one trimmed, one inside another strip), movies, a row and a movie with proxies, a clip, words in
a font of the artist's own, a sound, and the strips of another scene.
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

    def __init__(self, scene: Any) -> None:
        self.scene, self.editor, self.used = scene, scene.sequence_editor_create(), 0
        self.strips = self.editor.strips if hasattr(self.editor, "strips") else self.editor.sequences

    def put(self, strip: Any, size: float = 8) -> Any:
        """Makes a picture of size pixels 8 wide and gives it a place of its own."""
        x, y = self.used % 6 * 10 - 26, self.used // 6 * 10 - 12
        self.used += 1
        strip.blend_type = "ALPHA_OVER"
        strip.transform.scale_x = strip.transform.scale_y = 8 / size
        strip.transform.offset_x, strip.transform.offset_y = x, y
        return strip

    def row(self, board: kinds.Board, name: str, count: int, begin: int) -> Any:
        """A strip of count pictures name/p1.png and so on, from frame begin on."""
        for number in range(1, count + 1):
            board.picture(f"{name}/p{number}.png", number / count)
        with self.active():  # strip.elements.append() leaves the sizes of the pictures to chance
            bpy.ops.sequencer.image_strip_add(
                directory=os.path.join(board.project, name, ""),
                files=[{"name": f"p{number}.png"} for number in range(1, count + 1)],
                relative_path=False,
                frame_start=begin,
                channel=self.used + 1,
                fit_method="ORIGINAL",
                set_view_transform=False,
            )
        strip = self.editor.active_strip
        strip.name, strip.directory = name, board.stored(name + "/")
        return self.put(strip)

    def active(self) -> Any:
        """Lets operators work on the scene's strips for a while; its scene is shown from now on."""
        window = bpy.context.window_manager.windows[0]
        window.scene = self.scene
        if hasattr(window.workspace, "sequencer_scene"):  # 5.0
            window.workspace.sequencer_scene = self.scene
        area = window.screen.areas[0]
        area.type = "SEQUENCE_EDITOR"
        return bpy.context.temp_override(window=window, area=area)


def pictures(board: kinds.Board, track: Track) -> None:
    """A single picture, rows of them."""
    # Blender 5 takes these two for opaque pictures that hide all that is below.
    early = track.row(board, "early", want.frames + 3, -2)
    early.frame_offset_start = 2
    track.row(board, "late", 3, 4)
    strip = track.put(track.strips.new_image("Logo", board.picture("logo.png", 0.3), track.used + 1, 1))
    strip.directory = board.stored("")
    lasts(strip)
    track.row(board, "row", want.frames, 1)
    trimmed = track.row(board, "trimmed", want.frames + 4, 1)
    trimmed.animation_offset_start = 3
    back = track.row(board, "back", want.frames, 1)
    back.use_reverse_frames = True


def movies(board: kinds.Board, track: Track) -> None:
    """Movies and a clip."""
    for name in ("film.mp4", "quick.mp4"):
        path = kinds.movie(board, name, want.frames, 0.1 + track.used / 7)
        strip = track.put(track.strips.new_movie(name, path, track.used + 1, 1), 32)
        strip.filepath = board.stored(name)
    clip = bpy.data.movieclips.load(kinds.movie(board, "clip.mp4", want.frames, 0.9))
    clip.filepath = board.stored("clip.mp4")
    track.put(track.strips.new_clip("Clip", clip, track.used + 1, 1), 32)


def proxies(board: kinds.Board, track: Track) -> None:
    """What is played instead of a row and of a movie while the artist works, and is not rendered."""
    for strip in track.strips:
        if strip.name in ("row", "quick.mp4"):
            strip.use_proxy = strip.select = True
            strip.proxy.build_25, strip.proxy.build_100, strip.proxy.quality = True, True, 50
        else:
            strip.select = False
    with track.active():
        bpy.ops.sequencer.rebuild_proxy()
    made = {os.path.splitext(name)[1] for inside, _, names in os.walk(board.project) if "BL_proxy" in inside for name in names}
    if ".jpg" not in made:  # 3.4 makes none of the movie
        raise SystemExit(f"of proxies there are {made}")


def lasts(strip: Any) -> None:
    """Makes a strip last to the end."""
    handle = "right_handle" if hasattr(strip, "right_handle") else "frame_final_end"
    setattr(strip, handle, want.frames + 1)


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
    only = Track(other).row(board, "other", want.frames, 1)
    only.transform.offset_x = only.transform.offset_y = 0
    strip = track.strips.new_scene("Other", other, track.used + 1, 1)
    strip.scene_input = "SEQUENCER"
    track.put(strip)
    meta = track.strips.new_meta("Meta", track.used + 1, 1)
    track.row(board, "inner", want.frames, 1).move_to_meta(meta)
    lasts(meta)
    meta.blend_type = "ALPHA_OVER"


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/strips")
    board = kinds.Board(scene, want)
    track = Track(scene)
    pictures(board, track)
    movies(board, track)
    others(board, track)
    proxies(board, track)
    scene.frame_end = want.frames
    stage.stamp(scene, "strips")
    return stage.save(want, "project/strips")


stage.finish(main())
