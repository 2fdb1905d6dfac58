"""A scene for a colour configuration of its own, project/colour/config.ocio, which is given to Blender as OCIO when it is
rendered: project/colours.blend. Through its table colours look like nothing that Blender has.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kinds
import scene as stage

want = stage.settings(__doc__ or "", frames=6, samples=1, size="64x36")

CONFIG = """ocio_profile_version: 1
search_path: tables/none:tables
strictparsing: true
luma: [0.2126, 0.7152, 0.0722]
roles:
  reference: Linear
  scene_linear: Linear
  rendering: Linear
  default_byte: sRGB
  default_float: Linear
  default_sequencer: sRGB
  color_picking: sRGB
  texture_paint: Linear
  matte_paint: Linear
  color_timing: sRGB
  compositing_log: sRGB
  data: Raw
displays:
  sRGB:
    - !<View> {name: Standard, colorspace: sRGB}
    - !<View> {name: Raw, colorspace: Raw}
active_displays: [sRGB]
active_views: [Standard, Raw]
colorspaces:
  - !<ColorSpace>
    name: Linear
    family: linear
    bitdepth: 32f
    isdata: false
    allocation: uniform
  - !<ColorSpace>
    name: Raw
    family: raw
    bitdepth: 32f
    isdata: true
    allocation: uniform
  - !<ColorSpace>
    name: sRGB
    family: display
    bitdepth: 32f
    isdata: false
    allocation: uniform
    to_reference: !<FileTransform> {src: odd.spi1d, interpolation: linear}
"""


def table(path: str) -> None:
    """Writes a table that darkens the middle, and leads from 0 to 1."""
    with open(path, "w", encoding="ascii") as file:
        file.write("Version 1\nFrom 0.0 1.0\nLength 17\nComponents 1\n{\n")
        file.writelines(f"  {(step / 16) ** 0.5}\n" for step in range(17))
        file.write("}\n")


def main() -> str:
    """Makes the scene."""
    scene = stage.fresh(want)
    stage.save(want, "project/colours")
    board = kinds.Board(scene, want)
    with open(board.path("colour/config.ocio"), "w", encoding="ascii") as file:
        file.write(CONFIG)
    table(board.path("colour/tables/odd.spi1d"))
    board.picture("still.png", 0.1)
    kinds.shown(board.card("Still"), board.image("still.png"))
    _, _, colour = kinds.glowing(board.card("Plain"), "Plain")
    colour.default_value = (0.5, 0.2, 0.1, 1)
    stage.stamp(scene, "colours")
    return stage.save(want, "project/colours")


stage.finish(main())
