"""What the scenes share that read a file of every kind: a board of cells, one for each kind, that glow by themselves.

Every cell shows something that comes out of a file, so that a file that is missing changes the picture.
"""

from __future__ import annotations

import colorsys
import glob
import math
import os
import shutil
from typing import Any

import bpy
import scene as stage

COLUMNS, ROWS = 8, 4


class Board:
    """Cells one unit wide before a camera that looks straight at them."""

    def __init__(self, scene: Any, want: stage.Settings) -> None:
        self.scene, self.project, self.used = scene, os.path.join(want.out, "project"), 0
        self.absolute = want.absolute
        eye = stage.camera(scene, (COLUMNS / 2, -20, ROWS / 2), (COLUMNS / 2, 0, ROWS / 2))
        eye.data.type, eye.data.ortho_scale = "ORTHO", COLUMNS
        scene.view_settings.view_transform = "Standard"
        scene.cycles.max_bounces = 1
        scene.cycles.use_adaptive_sampling = False
        if hasattr(scene.cycles, "volume_biased"):  # 5.0; much quicker
            scene.cycles.volume_biased = True

    def place(self) -> tuple[float, float, float]:
        """The middle of the next free cell."""
        column, row = self.used % COLUMNS, self.used // COLUMNS
        self.used += 1
        return (column + 0.5, 0, row + 0.5)

    def card(self, name: str, size: float = 0.9) -> Any:
        """An upright square in the next free cell."""
        mesh = stage.plane(name, size)
        mesh.transform(upright())
        return stage.add(self.scene, name, mesh, self.place())

    def path(self, name: str) -> str:
        """Where a file of the project lies; its folder is made."""
        whole = os.path.join(self.project, *name.split("/"))
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        return whole

    def stored(self, name: str) -> str:
        """How the .blend names a file of the project, or with a / at the end a folder."""
        return os.path.join(self.project, *name.split("/")) if self.absolute else "//" + name

    def picture(self, name: str, hue: float) -> str:
        """Writes a picture of one colour that shades off."""
        low = colorsys.hsv_to_rgb(hue % 1, 0.7, 0.4)
        high = colorsys.hsv_to_rgb(hue % 1, 0.9, 1)
        return stage.png(self.path(name), 8, 8, lambda x, y: [a + (b - a) * x for a, b in zip(low, high)])

    def image(self, name: str, source: str = "FILE") -> Any:
        """The datablock of a picture that lies there."""
        block = bpy.data.images.load(os.path.join(self.project, *name.split("/")))
        block.source, block.filepath = source, self.stored(name)
        return block


def upright() -> Any:
    """What stands a level square up."""
    from mathutils import Matrix

    return Matrix.Rotation(math.radians(90), 4, "X")


def only(thing: Any) -> None:
    """Selects one thing."""
    for one in bpy.context.view_layer.objects:
        one.select_set(one == thing)
    bpy.context.view_layer.objects.active = thing


def glowing(thing: Any, name: str) -> tuple[Any, Any, Any]:
    """Gives a thing a material that only shines; returns its tree, the shader, and the input of its colour."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    tree = made.node_tree
    tree.nodes.clear()
    shader, out = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(shader.outputs[0], out.inputs["Surface"])
    thing.data.materials.append(made)
    return tree, shader, shader.inputs["Color"]


def shown(thing: Any, image: Any) -> Any:
    """Makes a thing shine with an image; returns the texture's node."""
    tree, _, colour = glowing(thing, thing.name)
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    tree.links.new(node.outputs["Color"], colour)
    return node


def timing(user: Any, frames: int, offset: int = 0) -> None:
    """A sequence that runs along with the scene from frame 1 on."""
    user.frame_start, user.frame_duration, user.frame_offset = 1, frames, offset
    if hasattr(user, "use_auto_refresh"):
        user.use_auto_refresh = True


def effect(strips: Any, name: str, kind: str, channel: int, frame: int, length: int) -> Any:
    """A strip that is made up, from frame on."""
    if "length" in strips.bl_rna.functions["new_effect"].parameters:  # 5.0
        return strips.new_effect(name, kind, channel, frame, length=length)
    return strips.new_effect(name, kind, channel, frame, frame_end=frame + length)


def font(board: Board, name: str) -> Any:
    """A font of the artist's own."""
    folder = bpy.utils.system_resource("DATAFILES", path="fonts")
    found = next(path for path in sorted(glob.glob(os.path.join(folder, "*Math*"))) if path.endswith((".ttf", ".woff2")))
    target = board.path(name + os.path.splitext(found)[1])
    shutil.copyfile(found, target)
    made = bpy.data.fonts.load(target)
    made.name = "Letters"
    return made


def movie(board: Board, name: str, frames: int, hue: float) -> str:
    """Writes a movie of plain pictures."""
    scene = bpy.data.scenes.new("Movie")
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 32, 32, 100
    scene.frame_start, scene.frame_end = 1, frames
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for frame in range(1, frames + 1):
        strip = effect(strips, f"Colour {frame}", "COLOR", 1, frame, 1)
        strip.color = colorsys.hsv_to_rgb((hue + frame / 7) % 1, 1, 1)
    if hasattr(render.image_settings, "media_type"):  # 5.0
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec, render.ffmpeg.gopsize = "MPEG4", "MPEG4", 1
    render.filepath = board.path(name)
    render.use_file_extension = False
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.scenes.remove(scene)
    return board.path(name)


def compositor(scene: Any) -> tuple[Any, Any, Any]:
    """A compositor that does nothing yet: its tree, what the scene renders, and the input of the end."""
    if hasattr(scene, "compositing_node_group"):  # 5.0
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        scene.compositing_node_group = tree
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        end = tree.nodes.new("NodeGroupOutput").inputs["Image"]
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        end = tree.nodes.new("CompositorNodeComposite").inputs["Image"]
    return tree, tree.nodes.new("CompositorNodeRLayers").outputs["Image"], end


def over(tree: Any, below: Any, picture: Any, x: float) -> Any:
    """Lays a picture over another one, above its middle and x to the right; returns the output."""
    shift, laid = tree.nodes.new("CompositorNodeTranslate"), tree.nodes.new("CompositorNodeAlphaOver")
    for name, value in (("X", x), ("Y", 12.0)):
        shift.inputs[name].default_value = value
    tree.links.new(picture, shift.inputs["Image"])
    back, front = [one for one in laid.inputs if one.type == "RGBA"][:2]
    tree.links.new(below, back)
    tree.links.new(shift.outputs["Image"], front)
    return laid.outputs["Image"]
