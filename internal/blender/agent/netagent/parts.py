"""A frame in parts: what a tile or some of the samples need while they render. Parts are put together elsewhere."""

from __future__ import annotations

import struct
from typing import Any

import bpy

from .failure import Failure
from .settings import Borrowed

GEOMETRY = {"MESH", "CURVE", "CURVES", "SURFACE", "META", "FONT", "VOLUME", "POINTCLOUD", "GPENCIL", "GREASEPENCIL", "HAIR"}
Window = tuple[int, int, int, int]  # left, top, right, bottom in pixels from the top left; the last two are not in it


def single(value: float) -> float:
    """The number in single precision, as Blender keeps it."""
    return struct.unpack("f", struct.pack("f", value))[0]


def size(render: Any) -> tuple[int, int]:
    """Width and height of the whole frame in pixels. Blender counts in whole numbers: 29 % of 100 are 29, not 28."""
    percent = render.resolution_percentage
    return render.resolution_x * percent // 100, render.resolution_y * percent // 100


def region(render: Any) -> Window:
    """What of the frame is rendered: all of it, or the scene's own border."""
    width, height = size(render)
    if not render.use_border:
        return 0, 0, width, height

    def pixel(part: float, of: int) -> int:
        return int(single(part * of))

    left, right = pixel(render.border_min_x, width), pixel(render.border_max_x, width)
    top, bottom = height - pixel(render.border_max_y, height), height - pixel(render.border_min_y, height)
    return left, top, right, bottom


def edge(pixel: int, of: int) -> float:
    """A place of the border that Blender and Cycles round down to this pixel: its middle, so that no rounding matters."""
    return 1.0 if pixel >= of else 0.0 if pixel <= 0 else single((pixel + 0.5) / of)


class Part:
    """A tile of the picture, some of its samples, or both."""

    def __init__(self, scene: Any, request: dict) -> None:
        self.scene = scene
        self.tile: Window | None = tuple(request["tile"]) if request.get("tile") else None
        self.window: Window | None = None  # the tile and its overscan
        self.keep_adaptive: bool = request.get("keep_adaptive", False)
        self.warnings: list[str] = []
        self._check(request)

    def _check(self, request: dict) -> None:
        """Says what is wrong with the part."""
        check(self.scene)
        if self.tile:
            left, top, right, bottom = region(self.scene.render)
            width, height = right - left, bottom - top
            x0, y0, x1, y1 = self.tile
            if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
                raise Failure("no-parts", f"the tile {x0},{y0} to {x1},{y1} does not lie in the picture, which is {width} x {height}")
            more = request["overscan"]
            self.window = max(0, x0 - more), max(0, y0 - more), min(width, x1 + more), min(height, y1 + more)

    def borrow(self, borrowed: Borrowed) -> None:
        """Changes the scene's settings for the render of the part."""
        render = self.scene.render
        # The finish does these, over the whole frame.
        borrowed.set(render, "use_compositing", False)
        borrowed.set(render, "use_sequencer", False)
        if self.window:
            self._border(borrowed, self.window)
        if render.engine == "CYCLES":
            self._cycles(borrowed)

    def _border(self, borrowed: Borrowed, window: Window) -> None:
        render = self.scene.render
        width, height = size(render)
        left, top, _, _ = region(render)
        x0, y0, x1, y1 = window[0] + left, window[1] + top, window[2] + left, window[3] + top
        wanted = {
            "border_min_x": edge(x0, width), "border_max_x": edge(x1, width),
            "border_min_y": edge(height - y1, height), "border_max_y": edge(height - y0, height),
        }  # fmt: skip
        borrowed.set(render, "use_border", True)
        borrowed.set(render, "use_crop_to_border", True)
        # Each pushes the other end along where they would cross.
        for low, high in (("border_min_x", "border_max_x"), ("border_min_y", "border_max_y")):
            order = (low, high) if wanted[low] <= getattr(render, low) else (high, low)
            for name in order:
                borrowed.set(render, name, wanted[name])
        if region(render) != (x0, y0, x1, y1):
            raise Failure("agent", f"the border {x0},{y0} to {x1},{y1} became {region(render)}")

    def _cycles(self, borrowed: Borrowed) -> None:
        cycles = self.scene.cycles
        if cycles.use_adaptive_sampling and not self.keep_adaptive:
            borrowed.set(cycles, "use_adaptive_sampling", False)
            self.warnings.append("adaptive sampling is off: with it the parts of a frame would not fit together")
        for layer in denoised(self.scene):
            borrowed.set(layer.cycles, "denoising_store_passes", True)  # the finish denoises, with these
        borrowed.set(cycles, "use_denoising", False)


def check(scene: Any) -> None:
    """Says why the scene cannot be rendered in parts."""
    if shows_sequencer(scene):
        raise Failure("no-parts", "this picture is made by the video editor, which makes it as a whole: render whole frames")
    if scene.render.use_freestyle and any(layer.use and layer.use_freestyle for layer in scene.view_layers):
        raise Failure("no-parts", "Freestyle draws its lines over the whole frame: render whole frames, or switch it off")
    if denoised(scene) and catches_shadows():
        raise Failure("no-parts", "shadow catchers are denoised apart from the picture: render whole frames, or switch denoising off")


def catches_shadows() -> bool:
    """Whether an object of the file catches shadows."""
    return any(thing.is_shadow_catcher and thing.type in GEOMETRY for thing in bpy.data.objects)  # lights have the mark by default


def denoised(scene: Any) -> list[Any]:
    """The view layers that Cycles would denoise."""
    if scene.render.engine != "CYCLES" or not scene.cycles.use_denoising:
        return []
    return [layer for layer in scene.view_layers if layer.use and layer.cycles.use_denoising]


def shows_sequencer(scene: Any) -> bool:
    """Whether the picture is that of the video editor: Blender looks for a strip that is no sound."""
    editor = scene.sequence_editor
    if editor is None or not scene.render.use_sequencer:
        return False
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return any(strip.type != "SOUND" and not strip.mute for strip in strips)
