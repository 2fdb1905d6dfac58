"""A scene for two eyes whose pictures come in pairs, each of which changes the result: project/stereo.blend.

Pairs of files, files with both eyes, rows of pairs, in shaders and in the compositor.
"""

from __future__ import annotations

import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=6, samples=1, size="64x36")


def pair(board: kinds.Board, name: str, source: str = "FILE") -> Any:
    """A picture of which each eye has a file; name is the left one's."""
    block = board.image(name, source)
    block.use_multiview, block.views_format = True, "INDIVIDUAL"
    block.filepath = board.stored(name)
    return block


def write(board: kinds.Board, stem: str, hue: float) -> None:
    """Both files of a pair."""
    for side, shift in (("L", 0.0), ("R", 0.3)):
        board.picture(f"{stem}_{side}.png", hue + shift)


def both(board: kinds.Board, name: str) -> Any:
    """A picture that has both eyes, side by side."""
    stage.png(board.path(name), 16, 8, lambda x, _: (x, 1 - x, 0.5))
    block = board.image(name)
    block.use_multiview, block.views_format = True, "STEREO_3D"
    block.stereo_3d_format.display_mode = "SIDEBYSIDE"
    block.filepath = board.stored(name)
    return block


def shaders(board: kinds.Board) -> None:
    """Textures: Cycles shows the left one to both eyes."""
    write(board, "skin/skin", 0.1)
    kinds.shown(board.card("Skin"), pair(board, "skin/skin_L.png"))
    kinds.shown(board.card("Both"), both(board, "both.png"))


def compositor(board: kinds.Board) -> None:
    """Pairs laid over the picture."""
    tree, last, end = kinds.compositor(board.scene)
    write(board, "logo/logo", 0.5)
    for frame in range(1, want.frames + 1):
        write(board, f"run/run_{frame:04}", frame / 6)
    for index, image in enumerate(
        (
            pair(board, "logo/logo_L.png"),
            pair(board, "run/run_0001_L.png", "SEQUENCE"),
            both(board, "wide.png"),
        )
    ):
        node = tree.nodes.new("CompositorNodeImage")
        node.image = image
        if image.source == "SEQUENCE":
            kinds.timing(node, want.frames)
        last = kinds.over(tree, last, node.outputs["Image"], 12 * index - 24)
    tree.links.new(last, end)


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/stereo")
    scene.render.use_multiview = True
    scene.render.image_settings.views_format = "INDIVIDUAL"
    board = kinds.Board(scene, want)
    shaders(board)
    compositor(board)
    stage.stamp(scene, "stereo")
    scene.render.image_settings.views_format = "INDIVIDUAL"
    return stage.save(want, "project/stereo")


stage.finish(main())
