"""Makes a film of pictures that were rendered before, with the sound of the open scene."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from . import memory, movies, settings
from .channel import Channel
from .failure import Failure
from .opening import Session
from .outputs import literal, walk
from .settings import BorrowedFormat

REPORTS = 0.25  # seconds between two reports of progress
STRIP = 1000  # pictures of a strip: adding one more takes time for all that are there
LINEAR = {".exr", ".hdr"}  # endings of pictures whose colours are those of the scene, not of a display


def film(session: Session, link: Channel, request: dict) -> dict:
    """Encodes the film that request's plan describes and answers with its file.

    The plan is a JSON file: first, last and step of the frames, their pictures by frame, and the format wanted. Pictures lie
    beside it.
    """
    begun = time.monotonic()
    scene = session.scene()
    session.used = True  # what sound does to a scene is undone before a frame that depends on it
    with open(request["film"], encoding="utf-8") as file:
        plan = json.load(file)
    reel = Reel(scene, plan, os.path.dirname(request["film"]), request["out_dir"])
    path = reel.encode(link)
    now, peak = memory.usage()
    if shutil.disk_usage(request["out_dir"]).free < 64 << 10:
        raise Failure("no-space", "the disk was full when the film was written")
    done = time.monotonic()
    return {
        "files": [{"kind": "film", "path": path, "name": plan["name"] + os.path.splitext(path)[1], "size": os.path.getsize(path)}],
        "warnings": reel.warnings,
        "script_errors": session.watch.end(drivers=False),
        "seconds": done - begun,
        "render": done - begun,
        "exr": 0.0,
        "preview": 0.0,
        "reopened": False,
        "memory": now,
        "peak": peak,
        "window": None,
    }


class Reel:
    """The pictures of a film, its sound, and the scene of Blender's sequencer that shows them."""

    def __init__(self, scene: Any, plan: dict, folder: str, out: str) -> None:
        self.scene = scene
        self.out = out
        self.work = os.path.join(out, "shown")  # the pictures' own folder may not be written
        self.first: int = plan["first"]
        self.last: int = plan["last"]
        self.step: int = plan["step"]
        self.format: str = plan["format"]
        self.pictures: dict[int, str] = {int(frame): os.path.join(folder, name) for frame, name in plan["pictures"].items()}
        self.warnings: list[str] = []
        self._wav = os.path.join(self.work, "sound.wav")
        if not self.pictures:
            raise Failure("no-frame", "there are no pictures to make a film of")

    # -- what it is made of

    def _shown(self) -> Iterator[tuple[int, str | None]]:
        """For each frame of the film the path of its picture; None where it is missing."""
        for frame in range(self.first, self.last + 1):
            yield frame, self.pictures.get(frame - (frame - self.first) % self.step)

    def _develop(self) -> tuple[int, int]:
        """Makes pictures of linear colours such as a display shows, as the scene would. Answers with the size of the film."""
        size = (0, 0)
        ready: dict[str, str] = {}
        values = settings.picture("PNG", color_mode="RGB", color_depth="8", compression=0)
        for frame, path in self.pictures.items():
            linear = os.path.splitext(path)[1].lower() in LINEAR
            if size != (0, 0) and not linear:
                continue
            image = bpy.data.images.load(literal(path))
            try:
                width, height = image.size
                if not width or not height:
                    raise Failure("no-file", f"the picture of frame {frame} cannot be read")
                if size == (0, 0):
                    size = width, height
                if linear and path not in ready:
                    target = os.path.join(self.work, os.path.splitext(os.path.basename(path))[0] + ".png")
                    with BorrowedFormat(self.scene.render.image_settings, **values):
                        image.save_render(literal(target), scene=self.scene)
                    ready[path] = target
            finally:
                bpy.data.images.remove(image)
            if linear:
                self.pictures[frame] = ready[path]
        return size

    def _mix(self) -> bool:
        """Writes the scene's sound, from the first frame to the last. False: the scene has none."""
        if self.last < 0 or not any(sound.users for sound in bpy.data.sounds):
            return False
        scene = self.scene
        first, last, preview = scene.frame_start, scene.frame_end, scene.use_preview_range
        try:
            # Start before end, or the one would push the other. A scene's range does not begin before 0.
            scene.frame_start, scene.frame_end, scene.use_preview_range = max(self.first, 0), self.last, False
            with bpy.context.temp_override(scene=scene):
                bpy.ops.sound.mixdown(filepath=literal(self._wav), check_existing=False, container="WAV", codec="PCM", format="F32")
        except RuntimeError as error:
            raise Failure("refused", "the scene's sound cannot be mixed: " + " ".join(str(error).split())) from None
        finally:
            scene.frame_start, scene.frame_end, scene.use_preview_range = first, last, preview
        if not os.path.exists(self._wav):
            raise Failure("no-space", "Blender mixed the scene's sound and wrote no file")
        return True

    # -- the scene that shows it

    def _stage(self, size: tuple[int, int], fresh: Callable[[str], Any]) -> Any:
        film = fresh("Netrender film")
        render, own = film.render, self.scene.render
        render.fps, render.fps_base = own.fps, own.fps_base
        render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
        render.pixel_aspect_x, render.pixel_aspect_y = own.pixel_aspect_x, own.pixel_aspect_y
        render.use_sequencer, render.use_compositing = True, False
        render.use_file_extension, render.use_overwrite, render.use_stamp = True, True, False
        render.dither_intensity = 0.0
        movies.plain_colours(film)
        film.frame_start, film.frame_end = 1, self.last - self.first + 1
        return film

    def _cut(self, film: Any, size: tuple[int, int], sound: bool) -> None:
        editor = film.sequence_editor_create() or film.sequence_editor
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # 4.4 and up
        # A strip's pictures lie in one folder.
        for folder, run in itertools.groupby(self._shown(), key=lambda shown: shown[1] and os.path.dirname(shown[1])):
            frames = list(run)
            if not folder:
                self._mark(strips, frames[0][0], frames[-1][0], size)
                continue
            for at in range(0, len(frames), STRIP):
                self._lay(strips, folder, frames[at : at + STRIP])
        if sound:
            strips.new_sound("sound", literal(self._wav), 4, max(self.first, 0) - self.first + 1)

    def _lay(self, strips: Any, folder: str, frames: list[tuple[int, str | None]]) -> None:
        start = frames[0][0] - self.first + 1
        names = [os.path.basename(path) for _, path in frames if path is not None]
        strip = strips.new_image("frames", literal(os.path.join(folder, names[0])), 1, start, fit_method="ORIGINAL")
        for name in names[1:]:
            strip.elements.append(name)
        if strip.frame_final_duration != len(names):
            strip.frame_final_duration = len(names)
        strip.blend_type = "REPLACE"

    def _mark(self, strips: Any, first: int, last: int, size: tuple[int, int]) -> None:
        """Shows which frames are missing in their place."""
        text = f"frame {first} is missing" if first == last else f"frames {first} to {last} are missing"
        if len(self.warnings) < 20:
            self.warnings.append(f"in the film, {text}")
        start, end = first - self.first + 1, last - self.first + 2
        plain = movies.effect(strips, "missing", "COLOR", 1, start, end)
        plain.color = (0.5, 0.0, 0.25)
        words = movies.effect(strips, "words", "TEXT", 2, start, end)
        words.text = text
        words.font_size = max(8, min(size[1] // 8, size[0] // 14))
        words.location = (0.5, 0.5)
        movies.centre(words)
        words.blend_type = "ALPHA_OVER"

    # -- encoding

    def encode(self, link: Channel) -> str:
        """Writes the film. Of formats that are equally good the first that this Blender can encode is taken."""
        os.makedirs(self.work, exist_ok=True)
        try:
            return self._encode(link)
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def _encode(self, link: Channel) -> str:
        size = self._develop()
        tries = movies.choices(self.scene, self.format)
        sound = self._mix()
        refused = ""
        with movies.Scratch() as scratch:
            for kind in tries:
                made = kind.size(size)
                film = self._stage(made, scratch.scene)
                kind.apply(film)
                self._cut(film, made, sound)
                try:
                    with Counted(link, film, film.frame_end):
                        path = self._run(film)
                except Refused as error:
                    refused = refused or f"{kind.name}: {error}"
                    scratch.clear()
                    continue
                if made != size:
                    self.warnings.append(f"the film is {made[0]} x {made[1]} pixels, its frames {size[0]} x {size[1]}: {kind.name} takes even numbers only")
                return path
        raise Failure("refused", f"Blender could not encode the film as {refused}")

    def _run(self, film: Any) -> str:
        folder = os.path.join(self.out, "film")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        film.render.filepath = literal(os.path.join(folder, "film"))
        try:
            bpy.ops.render.render(animation=True, scene=film.name)
        except RuntimeError as error:
            raise Refused(" ".join(str(error).split())) from None
        files = [path for path in walk(folder) if os.path.getsize(path)]
        if len(files) != 1:
            raise Refused(f"it wrote {len(files)} files")
        return files[0]


class Refused(Exception):
    """Blender does not encode with these settings."""


class Counted:
    """Tells the other side how many frames of the film are encoded, a few times a second."""

    def __init__(self, link: Channel, film: Any, frames: int) -> None:
        self._link = link
        self._name = film.name
        self._frames = frames
        self._last = 0.0

    def _report(self, scene: Any = None, *_: Any) -> None:
        now = time.monotonic()
        if scene is None or scene.name != self._name or now - self._last < REPORTS:
            return
        self._last = now
        used = memory.usage()
        text = f"Encoding | Sample {min(scene.frame_current, self._frames)}/{self._frames}"
        self._link.send({"event": "progress", "frame": scene.frame_current, "text": text, "memory": used[0], "peak": used[1]})

    def __enter__(self) -> None:
        bpy.app.handlers.render_post.append(self._report)

    def __exit__(self, *_: object) -> None:
        if self._report in bpy.app.handlers.render_post:
            bpy.app.handlers.render_post.remove(self._report)
