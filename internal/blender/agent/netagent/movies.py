"""What Blender can encode, and scenes of its sequencer for that."""

from __future__ import annotations

import os
from typing import Any

import bpy

# Of FFmpegSettings, in the order in which they depend on one another.
FFMPEG = ("format", "codec", "video_bitrate", "minrate", "maxrate", "muxrate", "buffersize", "packetsize", "constant_rate_factor",
          "custom_constant_rate_factor", "ffmpeg_preset", "ffmpeg_prores_profile", "gopsize", "use_max_b_frames", "max_b_frames",
          "use_lossless_output", "audio_codec", "audio_bitrate", "audio_volume", "audio_mixrate", "audio_channels")  # fmt: skip
EVEN = {"H264", "H265", "AV1", "WEBM", "MPEG4", "MPEG2", "MPEG1", "FLASH", "THEORA", "DNXHD", "PRORES"}  # half as many colours as pixels


class Kind:
    """A way to encode a film."""

    def __init__(self, name: str, values: dict[str, Any], colours: tuple[str, str] = ("RGB", "8")) -> None:
        self.name = name
        self.values = values
        self.colours = colours

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size of a film of pictures of a size: the last row or column is cut off where a codec needs even numbers."""
        if self.values["codec"] not in EVEN:
            return size
        return max(2, size[0] - size[0] % 2), max(2, size[1] - size[1] % 2)

    def apply(self, scene: Any) -> None:
        """Has the scene write such a film."""
        image = scene.render.image_settings
        if hasattr(image, "media_type"):  # 5.0 and up
            image.media_type = "VIDEO"
        image.file_format = "FFMPEG"
        for name in FFMPEG:
            if name in self.values and hasattr(scene.render.ffmpeg, name):
                setattr(scene.render.ffmpeg, name, self.values[name])
        image.color_mode = self.colours[0]
        if any(depth.identifier == self.colours[1] for depth in image.bl_rna.properties["color_depth"].enum_items):
            try:
                image.color_depth = self.colours[1]
            except TypeError:  # not of this codec
                image.color_depth = "8"
        scene.render.ffmpeg.use_autosplit = False


QUALITY: dict[str, Any] = {"constant_rate_factor": "HIGH", "ffmpeg_preset": "GOOD", "gopsize": 18, "video_bitrate": 6000, "maxrate": 9000, "minrate": 0, "buffersize": 1792, "audio_bitrate": 192}  # fmt: skip
H264 = Kind("H.264", {**QUALITY, "format": "MPEG4", "codec": "H264", "audio_codec": "AAC"})
VP9 = Kind("VP9", {**QUALITY, "format": "WEBM", "codec": "WEBM", "audio_codec": "OPUS"})
AV1 = Kind("AV1", {**QUALITY, "format": "WEBM", "codec": "AV1", "audio_codec": "OPUS"})
FFV1 = Kind("FFV1", {**QUALITY, "format": "MKV", "codec": "FFV1", "audio_codec": "FLAC"})
KNOWN = (H264, VP9, AV1, FFV1)


def choices(scene: Any, wanted: str) -> list[Kind]:
    """The ways to encode a film of the scene, the best first."""
    if wanted == "scene" or not wanted and scene.render.is_movie_format:
        return [own(scene)]
    ways = {"": [H264, VP9, AV1], "mp4": [H264], "webm": [VP9, AV1], "lossless": [FFV1]}
    sound = {name: getattr(scene.render.ffmpeg, name) for name in ("audio_volume", "audio_mixrate", "audio_channels")}
    return [Kind(kind.name, {**kind.values, **sound}, kind.colours) for kind in ways[wanted]]


def own(scene: Any) -> Kind:
    """As the scene's own settings say."""
    ffmpeg, image = scene.render.ffmpeg, scene.render.image_settings
    values = {name: getattr(ffmpeg, name) for name in FFMPEG if hasattr(ffmpeg, name)}
    if values["codec"] == "NONE":
        return Kind("no video", values)
    colours = (image.color_mode, image.color_depth) if scene.render.is_movie_format else ("RGB", "8")
    return Kind(f"{values['codec']} in {values['format']}, the scene's own settings", values, colours)


def plain_colours(scene: Any) -> None:
    """Has the scene show pictures of a display as they are."""
    for owner, name, value in (
        (scene.display_settings, "display_device", "sRGB"), (scene.view_settings, "view_transform", "Standard"),
        (scene.view_settings, "look", "None"), (scene.sequencer_colorspace_settings, "name", "sRGB"),
    ):  # fmt: skip
        try:
            setattr(owner, name, value)
        except TypeError:  # a colour configuration with other names
            pass
    scene.view_settings.exposure, scene.view_settings.gamma = 0.0, 1.0
    scene.view_settings.use_curve_mapping = False


def effect(strips: Any, name: str, kind: str, channel: int, start: int, end: int) -> Any:
    """A strip that shows no file, from frame start to before end."""
    if "length" in strips.bl_rna.functions["new_effect"].parameters:  # 5.0 and up
        return strips.new_effect(name, kind, channel, start, length=end - start)
    return strips.new_effect(name, kind, channel, start, frame_end=end)


def centre(words: Any) -> None:
    """Has a text strip's text begin in the middle of its location."""
    for name, value in (("align_x", "CENTER"), ("align_y", "CENTER"), ("anchor_x", "CENTER"), ("anchor_y", "CENTER"), ("alignment_x", "CENTER")):  # fmt: skip
        if hasattr(words, name):
            setattr(words, name, value)


class Scratch:
    """A with-block with scenes of its own, of which nothing is left behind."""

    def __init__(self) -> None:
        self._before: dict[str, set[Any]] = {}
        self._made: list[Any] = []

    def scene(self, name: str) -> Any:
        """A scene to show something."""
        made = bpy.data.scenes.new(name)
        self._made.append(made)
        return made

    def clear(self) -> None:
        """Removes all that was made in the block."""
        for scene in self._made:
            bpy.data.scenes.remove(scene)
        self._made.clear()
        for name, before in self._before.items():
            things = getattr(bpy.data, name)
            for thing in list(things):
                if thing.as_pointer() not in before:
                    things.remove(thing)

    def __enter__(self) -> Scratch:  # noqa: PYI034, Self is not in the Python 3.10 of Blender 3.4
        self._before = {name: {thing.as_pointer() for thing in getattr(bpy.data, name)} for name in ("sounds", "images", "fonts")}
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


def encodes(folder: str) -> list[str]:
    """Names of the codecs that this Blender encodes with, of those that films are made with. It tries each out."""
    if not bpy.app.build_options.codec_ffmpeg:
        return []
    found = []
    for kind in KNOWN:
        with Scratch() as scratch:
            scene = scratch.scene("Netrender trial")
            render = scene.render
            render.resolution_x, render.resolution_y, render.resolution_percentage = 128, 128, 100
            render.use_sequencer, render.use_compositing = True, False
            scene.frame_start = scene.frame_end = 1
            editor = scene.sequence_editor_create() or scene.sequence_editor
            effect(editor.strips if hasattr(editor, "strips") else editor.sequences, "plain", "COLOR", 1, 1, 2)
            kind.apply(scene)
            target = os.path.join(folder, "film-" + kind.name)
            os.makedirs(target, exist_ok=True)
            render.filepath = os.path.join(target, "film")
            try:
                bpy.ops.render.render(animation=True, scene=scene.name)
            except RuntimeError:
                continue
            if any(os.path.getsize(os.path.join(target, name)) for name in os.listdir(target)):
                found.append(kind.name)
    return found
