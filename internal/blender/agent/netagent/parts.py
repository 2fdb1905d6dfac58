"""A frame in parts: what a tile or some of the samples need while they render. Parts are put together elsewhere."""

from __future__ import annotations

import struct
from typing import Any

import bpy

from .failure import Failure
from .settings import Borrowed

GEOMETRY = {
    "MESH",
    "CURVE",
    "CURVES",
    "SURFACE",
    "META",
    "FONT",
    "VOLUME",
    "POINTCLOUD",
    "GPENCIL",
    "GREASEPENCIL",
    "HAIR",
}
STEADY = {
    "SOBOL",
    "SOBOL_BURLEY",
    "PROGRESSIVE_MULTI_JITTER",
    "TABULATED_SOBOL",
}  # samples do not depend on how many there are
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
    """A tile of the picture, some of its samples, or both; or all of it, but small."""

    def __init__(self, scene: Any, request: dict) -> None:
        self.scene = scene
        self.tile: Window | None = tuple(request["tile"]) if request.get("tile") else None
        self.window: Window | None = None  # the tile and its overscan
        self.samples: tuple[int, int] | None = None  # the first, and how many
        self.percent: int = request.get("percent", 0)  # of the picture's size
        self.size: tuple[int, int] = (0, 0)  # that it became
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
                raise Failure(
                    "no-parts",
                    f"the tile {x0},{y0} to {x1},{y1} does not lie in the picture, which is {width} x {height}",
                )
            more = request["overscan"]
            self.window = max(0, x0 - more), max(0, y0 - more), min(width, x1 + more), min(height, y1 + more)
        if request.get("samples"):
            self._check_samples(*request["samples"])

    def _check_samples(self, first: int, count: int, total: int) -> None:
        """Says why the frame cannot be rendered in parts of its samples."""
        scene = self.scene
        if scene.render.engine != "CYCLES":
            raise Failure(
                "no-parts",
                f"only Cycles renders parts of the samples of a frame, and this scene renders with {scene.render.engine}",
            )
        cycles = scene.cycles
        if total != cycles.samples or not 0 <= first < first + count <= total:
            raise Failure(
                "no-parts",
                f"the samples {first} to {first + count - 1} of {total} are not some of the scene's {cycles.samples}",
            )
        overridden = (
            [layer.name for layer in scene.view_layers if layer.use and layer.samples]
            if cycles.use_layer_samples != "IGNORE"
            else []
        )
        for is_so, text in (
            (cycles.time_limit > 0, "its render ends after a time, whatever the samples are: set the time limit to 0"),
            (overridden, f"the view layer {overridden[0] if overridden else ''} has a number of samples of its own"),
            (catches_shadows(), "what a shadow catcher shows cannot be put together of parts of the samples"),
            (
                cycles.sample_offset or getattr(cycles, "use_sample_subset", False),
                "the scene itself renders a part of its samples only",
            ),
            (
                getattr(cycles, "auto_scrambling_distance", False),
                "its scrambling distance depends on the number of samples",
            ),
        ):
            if is_so:
                raise Failure("no-parts", f"the samples of this scene cannot be shared out: {text}")
        self.samples = first, count

    def borrow(self, borrowed: Borrowed) -> None:
        """Changes the scene's settings for the render of the part."""
        render = self.scene.render
        # The finish does these, over the whole frame.
        borrowed.set(render, "use_compositing", False)
        borrowed.set(render, "use_sequencer", False)
        if self.window:
            self._border(borrowed, self.window)
        if self.percent:
            borrowed.set(render, "resolution_percentage", max(1, render.resolution_percentage * self.percent // 100))
            left, top, right, bottom = region(render)
            self.size = max(1, right - left), max(1, bottom - top)
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
        for name, value in wanted.items():
            borrowed.set(render, name, value)
        if region(render) != (x0, y0, x1, y1):
            raise Failure("agent", f"the border {x0},{y0} to {x1},{y1} became {region(render)}")

    def _cycles(self, borrowed: Borrowed) -> None:
        cycles = self.scene.cycles
        if self.samples:
            self._some_samples(borrowed, *self.samples)
        elif cycles.time_limit > 0:
            self.warnings.append(
                "the scene's time limit counts for each tile, so that a frame may get more samples than as a whole"
            )
        if cycles.use_adaptive_sampling and (self.samples or not self.keep_adaptive):
            borrowed.set(cycles, "use_adaptive_sampling", False)
            self.warnings.append("adaptive sampling is off: with it the parts of a frame would not fit together")
        if bpy.app.version >= (5, 0, 0) and has_volumes(self.scene):
            self.warnings.append(
                "Cycles learns where a volume scatters while it renders: where one is seen, parts are noisy in other ways than the whole"
            )
        if getattr(cycles, "use_guiding", False):
            self.warnings.append(
                "path guiding learns from the whole frame: parts are noisy in other ways than the whole"
            )
        for layer in denoised(self.scene):
            borrowed.set(layer.cycles, "denoising_store_passes", True)  # the finish denoises, with these
        borrowed.set(cycles, "use_denoising", False)

    def _some_samples(self, borrowed: Borrowed, first: int, count: int) -> None:
        cycles = self.scene.cycles
        borrowed.set(cycles, "sample_offset", first)
        if hasattr(cycles, "use_sample_subset"):
            borrowed.set(cycles, "use_sample_subset", True)
            borrowed.set(cycles, "sample_subset_length", count)
        else:
            borrowed.set(cycles, "samples", count)
            if cycles.sampling_pattern not in STEADY:
                before = cycles.sampling_pattern
                borrowed.set(cycles, "sampling_pattern", "TABULATED_SOBOL")
                self.warnings.append(
                    f"the sampling pattern is TABULATED_SOBOL: {before} is another one for each number of samples, whose parts would not fit together"
                )


def has_volumes(scene: Any) -> bool:
    """Whether there may be volumes in the picture."""
    trees = [
        block.node_tree
        for blocks in (bpy.data.materials, (scene.world,))
        for block in blocks
        if block is not None and block.node_tree
    ]
    return any(thing.type == "VOLUME" for thing in scene.objects) or any(
        node.type in {"OUTPUT_MATERIAL", "OUTPUT_WORLD"} and node.inputs["Volume"].is_linked
        for tree in trees
        for node in tree.nodes
    )


def check(scene: Any) -> None:
    """Says why the scene cannot be rendered in parts."""
    if shows_sequencer(scene):
        raise Failure(
            "no-parts", "this picture is made by the video editor, which makes it as a whole: render whole frames"
        )
    if scene.render.use_freestyle and any(layer.use and layer.use_freestyle for layer in scene.view_layers):
        raise Failure(
            "no-parts", "Freestyle draws its lines over the whole frame: render whole frames, or switch it off"
        )
    if scene.render.use_multiview and (4, 4, 0) <= bpy.app.version < (5, 3, 0):
        # 5.2.2 looks for "Layer.Layer.Combined.left.R", warns that it is not there, and goes on with black; 4.3.2 and 5.3.0 do not.
        raise Failure(
            "no-parts",
            f"Blender {bpy.app.version_string} cannot put several views together again: render whole frames, or with 4.3 or 5.3",
        )
    if denoised(scene) and catches_shadows():
        raise Failure(
            "no-parts",
            "shadow catchers are denoised apart from the picture: render whole frames, or switch denoising off",
        )


def catches_shadows() -> bool:
    """Whether an object of the file catches shadows."""
    return any(
        thing.is_shadow_catcher and thing.type in GEOMETRY for thing in bpy.data.objects
    )  # lights have the mark by default


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
