"""A scene for two eyes whose picture is its sequencer's, with a file for each eye: project/eyes.blend.

Pairs of pictures and of movies. Blender cannot keep such pictures as multilayer EXR.
"""

from __future__ import annotations

import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=6, samples=1, size="64x36")


def place(strip: Any, x: float, scale: float) -> None:
    """Shows a strip beside the others; from here on each eye has a file of its own."""
    strip.blend_type = "ALPHA_OVER"
    strip.transform.offset_x = x
    strip.transform.scale_x = strip.transform.scale_y = scale
    handle = "right_handle" if hasattr(strip, "right_handle") else "frame_final_end"
    setattr(strip, handle, want.frames + 1)
    strip.use_multiview, strip.views_format = True, "INDIVIDUAL"


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/eyes")
    scene.render.use_multiview = True
    board = kinds.Board(scene, want)
    for side, hue in (("L", 0.2), ("R", 0.7)):
        board.picture(f"still/still_{side}.png", hue)
        kinds.movie(board, f"films/film_{side}.mp4", want.frames, hue)
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    still = strips.new_image("Still", board.path("still/still_L.png"), 1, 1)
    still.directory = board.stored("still/")
    place(still, -20, 1)
    film = strips.new_movie("Film", board.path("films/film_L.mp4"), 2, 1)
    film.filepath = board.stored("films/film_L.mp4")
    place(film, 20, 0.25)
    scene.frame_end = want.frames
    stage.stamp(scene, "eyes")
    scene.render.image_settings.views_format = "INDIVIDUAL"
    return stage.save(want, "project/eyes")


stage.finish(main())
