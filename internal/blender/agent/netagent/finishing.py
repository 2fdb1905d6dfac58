"""Takes a frame that was put together of parts through the rest of Blender's own pipeline."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import bpy

from . import denoising, exrhead, outputs, parts
from .failure import Failure
from .settings import Borrowed

KINDS = {
    "RGBA": "COLOR",
    "RGB": "COLOR",
    "rgba": "COLOR",
    "rgb": "COLOR",
    "XYZW": "VECTOR",
    "XYZ": "VECTOR",
    "UVA": "VECTOR",
    "UV": "VECTOR",
}
DENOISING = "Denoising "  # how the passes begin that the denoiser reads
NOISY = "Noisy Image"  # what the picture was before it was denoised

_frame: Finish | None = None  # that is being finished


class FinishEngine(bpy.types.RenderEngine):
    """Renders a frame by reading it."""

    bl_idname = "NETRENDER_FINISH"
    bl_label = "Netrender finish"
    bl_use_preview = False
    bl_use_postprocess = True
    bl_use_eevee_viewport = True
    bl_use_spherical_stereo = True

    def update_render_passes(self, scene: Any = None, renderlayer: Any = None) -> None:
        """Says which passes there will be, so that nodes of the compositor keep their sockets."""
        if _frame is not None and scene is not None and renderlayer is not None:
            for name, channels, kind in _frame.passes(renderlayer.name):
                self.register_pass(scene, renderlayer, name, len(channels), channels, kind)

    def render(self, depsgraph: Any) -> None:
        """Called for each view layer."""
        try:
            if _frame is None:
                raise Failure("agent", "nothing is being finished")
            _frame.show(self, depsgraph)
        except Exception as error:  # noqa: BLE001, Blender would print it and go on with a black picture
            traceback.print_exc()
            if _frame is not None and _frame.failure is None:
                _frame.failure = error
            self.error_set(str(error))


class Finish:
    """A with-block in which the scene renders by reading a file."""

    def __init__(self, scene: Any, path: str, scratch: str) -> None:
        self.scene = scene
        self._scratch = scratch
        self._clean: dict[tuple[str, str], Any] = {}  # (layer, view) -> its picture without noise
        self.path = path
        self.failure: Exception | None = None
        try:
            self.head = exrhead.read(path)
        except OSError as error:
            raise Failure("no-file", f"the frame to finish cannot be read: {error.strerror or error}") from None
        except ValueError as error:
            raise Failure("no-file", f"the frame to finish cannot be read: {error}") from None
        parts.check(scene)
        left, top, right, bottom = parts.region(scene.render)
        self.size = right - left, bottom - top
        if (self.head.width, self.head.height) != self.size:
            raise Failure(
                "no-parts",
                f"the frame to finish has {self.head.width} x {self.head.height} pixels, the scene {self.size[0]} x {self.size[1]}",
            )
        for layer in scene.view_layers:
            if layer.use and layer.name not in self.head.passes:
                raise Failure("no-parts", f"the frame to finish has no view layer {layer.name}")
        self._denoised = {layer.name: layer for layer in parts.denoised(scene)}
        if self._denoised and not denoising.can(scene):
            raise Failure("no-denoiser", "the scene is to be denoised, and this Blender has no denoiser")
        self._stored = {layer.name for layer in scene.view_layers if stores(layer)}

    def passes(self, layer: str) -> Iterator[tuple[str, str, str]]:
        """Name, channels and kind of every pass that the scene's own engine would have made."""
        for name, channels in self.head.passes.get(layer, {}).items():
            if not name.startswith(DENOISING) or layer in self._stored:
                yield name, channels, KINDS.get(channels, "VALUE")
        if layer in self._denoised:
            yield NOISY, "RGBA", "COLOR"

    def borrow(self, borrowed: Borrowed) -> None:
        """Changes the scene's settings while it is finished."""
        render = self.scene.render
        # What is drawn already is not drawn again, and nothing has to be evaluated for it. Other scenes that the compositor
        # shows are rendered now.
        others = [scene for scene in composited(self.scene) if scene != self.scene]
        for thing in self.scene.objects:
            if (thing.type in parts.GEOMETRY or thing.instance_type == "COLLECTION") and not any(
                thing.name in scene.objects for scene in others
            ):
                borrowed.set(thing, "hide_render", True)
        borrowed.set(render, "engine", FinishEngine.bl_idname)

    def denoise(self) -> None:
        """Does what Cycles does when all of the frame is there."""
        for name, layer in self._denoised.items():
            for view in views(self.scene.render):
                self._clean[name, view] = denoising.denoise(self.scene, layer, self.path, view, self._scratch)

    def __enter__(self) -> Finish:  # noqa: PYI034, Self is not in the Python 3.10 of Blender 3.4
        global _frame
        _frame = self
        return self

    def __exit__(self, *_: object) -> None:
        global _frame
        _frame = None

    def show(self, engine: Any, depsgraph: Any) -> None:
        """Gives Blender what the file has of a view layer."""
        layer = depsgraph.view_layer.name
        for view in views(depsgraph.scene.render):
            result = engine.begin_result(0, 0, *self.size, layer=layer, view=view)
            there = {one.name for found in result.layers for one in found.passes}
            for name, channels, _ in self.passes(layer):
                if name not in there:
                    engine.add_pass(name, len(channels), channels, layer=layer)
            result.load_from_file(self.path)
            if (layer, view) in self._clean:
                made = result.layers[0].passes
                denoising.swap(
                    made.find_by_name("Combined", view), made.find_by_name(NOISY, view), self._clean[layer, view]
                )
            for name, value in self.head.words.items():
                if name.startswith(("cryptomatte/", "cycles.")):
                    result.stamp_data_add_field(name, value)
            engine.end_result(result)


def composited(scene: Any) -> list[Any]:
    """The scenes whose pictures the compositor shows."""
    tree = outputs.tree_of(scene)
    if tree is None or not scene.render.use_compositing:
        return []
    trees, shown = [tree], []
    for one in trees:
        for node in one.nodes:
            if node.bl_idname == "CompositorNodeRLayers" and node.scene is not None:
                shown.append(node.scene)
            elif node.type == "GROUP" and node.node_tree is not None and node.node_tree not in trees:
                trees.append(node.node_tree)
    return shown


def stores(layer: Any) -> bool:
    """Whether the artist wants to see what the denoiser reads."""
    cycles = getattr(layer, "cycles", None)
    return bool(cycles and cycles.denoising_store_passes)


def views(render: Any) -> list[str]:
    """The views that are rendered; "" for the only one."""
    if not render.use_multiview:
        return [""]
    return [
        view.name for view in (render.views if render.views_format != "STEREO_3D" else render.stereo_views) if view.use
    ]


def register() -> None:
    """Makes the engine known to Blender, once."""
    if not getattr(FinishEngine, "is_registered", False):
        bpy.utils.register_class(FinishEngine)
