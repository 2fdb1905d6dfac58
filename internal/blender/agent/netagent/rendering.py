"""Renders one frame and saves what was asked for."""

from __future__ import annotations

import os
import re
import shutil
import time
import traceback
from contextlib import nullcontext, suppress
from typing import Any

import bpy

from . import baking, finishing, memory, parts, settings
from .channel import Channel
from .failure import Failure
from .opening import Session
from .outputs import Names, Redirected, literal, walk
from .settings import Borrowed, BorrowedFormat

PREVIEW_WIDTH = 640  # pixels
FULL = 64 << 10  # bytes free, below which a file may have been cut short: from 5.0 on Blender says nothing of it
REPORTS = 0.25  # seconds between two reports of progress
SAMPLES = 0.05  # the same for reports that count samples: Cycles makes one or two, then none for half a minute
DISPLAY_FORMATS = {"PNG", "JPEG", "BMP", "TARGA", "TARGA_RAW", "WEBP", "JPEG2000"}


def render(session: Session, link: Channel, request: dict) -> dict:
    """Renders request's frame into its folder and answers with the files."""
    begun = time.monotonic()
    scene = session.scene()
    in_order = bool(session.stateful and session.request.get("in_order"))
    reopened = session.baked.stale(request["frame"], session.used)
    if session.used and session.stateful:
        reopened = reopened or not in_order or session.reached is None or request["frame"] > session.reached
    if reopened:
        session.again()
        scene = session.scene()
    session.baked.check(request["frame"])
    if in_order:
        baking.play(session, scene, request["frame"])
    first = not session.used or reopened
    session.used = True
    frame = Frame(scene, request, session)
    with Progress(link, request["frame"]):
        frame.render()
    rendered = time.monotonic()
    frame.save_exr()
    saved = time.monotonic()
    frame.save_preview()
    if shutil.disk_usage(frame.folder).free < FULL:
        raise Failure("no-space", f"the disk was full when frame {frame.number} was written")
    done = time.monotonic()
    now, peak = memory.usage()
    return {
        "files": frame.files(),
        "warnings": frame.warnings,
        "script_errors": session.watch.end(drivers=first),
        "seconds": done - begun,
        "render": rendered - begun,
        "exr": saved - rendered,
        "preview": done - saved,
        "reopened": reopened,
        "memory": now,
        "peak": peak,
        "window": frame.part.window if frame.part else None,
        "size": frame.part.size if frame.part else (0, 0),
    }


def number(frame: int) -> str:
    """The frame with four digits or more, as Blender writes it."""
    return f"{'-' if frame < 0 else ''}{abs(frame):04d}"


class Progress:
    """Tells the other side what Blender says while it renders, a few times a second."""

    def __init__(self, link: Channel, frame: int) -> None:
        self._link = link
        self._frame = frame
        self._last = 0.0

    def _report(self, text: Any = None, *_: Any) -> None:
        if not isinstance(text, str):  # up to 3.x the text stands in the log only
            return
        now = time.monotonic()
        if now - self._last >= (SAMPLES if "ample" in text else REPORTS):
            self._last = now
            used = memory.usage()
            self._link.send({"event": "progress", "frame": self._frame, "text": text[:2000], "memory": used[0], "peak": used[1]})

    def __enter__(self) -> None:
        bpy.app.handlers.render_stats.append(self._report)

    def __exit__(self, *_: object) -> None:
        if self._report in bpy.app.handlers.render_stats:  # opening a scene clears the list
            bpy.app.handlers.render_stats.remove(self._report)


class Frame:
    """One frame of a scene and the files it becomes."""

    def __init__(self, scene: Any, request: dict, session: Session) -> None:
        self.scene = scene
        self._still = session.range_is_seen
        self.number: int = request["frame"]
        self.folder: str = request["out_dir"]
        self.exr: str = request["exr"]
        self.outputs: bool = request["outputs"]
        self.preview: bool = request["preview"]
        self.finish = finishing.Finish(scene, request["finish"], session.scratch) if request.get("finish") else None
        self.part = parts.Part(scene, request) if any(request.get(name) for name in ("tile", "samples", "percent")) else None
        self.warnings: list[str] = []
        self._made: list[tuple[str, str, str, str]] = []  # kind, path, expected name, node
        self._exr_path = os.path.join(self.folder, "exr", number(self.number) + ".exr")
        self._direct = not self.outputs and self.exr != "none"  # Blender's own saving writes the EXR

    # -- render

    def render(self) -> None:
        """Renders as "blender -b FILE -f N" does, with the files led into our folder."""
        render = self.scene.render
        folder = os.path.join(self.folder, "output")
        os.makedirs(folder, exist_ok=True)
        with self.finish or nullcontext(), Borrowed() as borrowed:
            # These decide whether a file is written; persistent data keeps passes of the frame before.
            for name, value in (("use_overwrite", True), ("use_placeholder", False), ("use_persistent_data", False),
                                ("save_output", True), ("use_file_extension", self._direct or render.use_file_extension)):  # fmt: skip
                borrowed.set(render, name, value)
            if self.part:
                self.part.borrow(borrowed)
                self.warnings += self.part.warnings
            if self.finish:
                self.finish.denoise()
                self.finish.borrow(borrowed)
            nodes = Redirected(self.scene, os.path.join(self.folder, "nodes"), borrowed, self.outputs)
            path, values = self._target(folder)
            with BorrowedFormat(render.image_settings, **values) if values else Borrowed():
                self._run(path, borrowed)
            self.warnings += nodes.silent()
            for path, name, node in nodes.files():
                self._made.append(("node", path, name, node))
        if self.outputs:
            written = list(walk(folder))
            if not written:
                raise Failure("no-frame", f"Blender ended frame {self.number} without a word of error and wrote no file")
            self._made[:0] = [("output", path, os.path.basename(path), "") for path in written]

    def _target(self, folder: str) -> tuple[str, dict]:
        """The path for render.filepath, and the image settings to borrow."""
        render = self.scene.render
        if self._direct:
            os.makedirs(os.path.dirname(self._exr_path), exist_ok=True)
            folder = os.path.dirname(self._exr_path) + os.sep  # Blender adds the number and the ending itself
            return literal(folder), settings.multilayer("16" if self.exr == "half" else "32")
        folder = literal(folder)
        if not self.outputs:
            return os.path.join(folder, "scratch"), settings.picture("PNG", color_depth="8", compression=0)
        if render.is_movie_format:
            stem = re.sub(r"\.(mp4|mkv|mov|avi|mpe?g|ogv|ogg|webm|flv|dv|m4v)$", "_", last_name(render.filepath), flags=re.IGNORECASE)
            depth = {"color_mode": "RGB", "color_depth": "8", "compression": 15}
            return os.path.join(folder, stem), settings.picture("PNG", **depth)
        return os.path.join(folder, last_name(render.filepath)), {}

    def _run(self, path: str, borrowed: Borrowed) -> None:
        """One frame through the animation operator: what -f does. It names and writes the file itself."""
        render = self.scene.render
        borrowed.set(render, "filepath", path)
        operator = bpy.ops.render.render
        ranged = "frame_start" in operator.get_rna_type().properties  # 5.x
        try:
            if not ranged and (self.number < 0 or self._still):
                self._run_still(borrowed)
            elif ranged:
                operator(animation=True, frame_start=self.number, frame_end=self.number)
            else:
                # End before start, or the one would push the other; both come back with the block.
                first, last = self.scene.frame_start, self.scene.frame_end
                try:
                    self.scene.frame_start, self.scene.frame_end = self.number, self.number
                    operator(animation=True)
                finally:
                    self.scene.frame_start, self.scene.frame_end = first, last
        except RuntimeError as error:
            self._unfinished()
            raise refusal(str(error), self.number) from None
        self._unfinished()
        if self._direct and not os.path.exists(self._exr_path):
            raise Failure("no-frame", f"Blender ended frame {self.number} without a word of error and wrote no file")

    def _unfinished(self) -> None:
        """Raises what kept the frame from being finished."""
        if self.finish and self.finish.failure:
            raise self.finish.failure

    def _run_still(self, borrowed: Borrowed) -> None:
        """The still operator neither needs the range nor clamps negative frames, but leaves the name to us."""
        render = self.scene.render
        path = literal(self._exr_path if self._direct else render.frame_path(frame=self.number))
        borrowed.set(render, "filepath", path)
        before = self.scene.frame_current
        try:
            self.scene.frame_set(self.number)
            bpy.ops.render.render(write_still=True)
        finally:
            self.scene.frame_current = before

    # -- save

    def save_exr(self) -> None:
        """The multilayer EXR with every pass, from the render result as it lies in memory."""
        if self.exr == "none":
            return
        if not self._direct:
            os.makedirs(os.path.dirname(self._exr_path), exist_ok=True)
            values = settings.multilayer("16" if self.exr == "half" else "32")
            same = self._own_is(values)
            if same:
                share(same, self._exr_path)
            else:
                with BorrowedFormat(self.scene.render.image_settings, **values):
                    self._save(self._exr_path)
        self._made.append(("exr", self._exr_path, f"exr/{number(self.number)}.exr", ""))

    def _own_is(self, values: dict) -> str | None:
        """The scene's own output, where its settings say the same as values: it need not be packed twice."""
        image_settings = self.scene.render.image_settings
        views = {"views_format"} if not self.scene.render.use_multiview else set()
        wanted = {**values, "color_management": "FOLLOW_SCENE"}
        if any(getattr(image_settings, name, wanted[name]) != wanted[name] for name in wanted if name not in views):
            return None
        own = [path for kind, path, _, _ in self._made if kind == "output"]
        return own[0] if len(own) == 1 else None

    def _save(self, path: str) -> None:
        try:
            try:
                result().save_render(path, scene=self.scene)
            except RuntimeError:
                if not self.scene.render.use_multiview:
                    raise
                # The image learns only from the first attempt that it has several views (3.4 to 5.2).
                result().save_render(path, scene=self.scene)
        except RuntimeError as error:
            raise refusal(str(error), self.number) from None
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            raise Failure("no-space", f"Blender could not write {os.path.basename(path)} of frame {self.number}")

    def save_preview(self) -> None:
        """A small JPEG, through Blender's own colour management. A frame without one is a frame all the same."""
        if not self.preview:
            return
        try:
            self._make_preview()
        except Exception as error:
            if self.exr == "none" and not self.outputs:
                raise
            traceback.print_exc()
            shutil.rmtree(os.path.join(self.folder, "preview"), ignore_errors=True)
            self.warnings.append("the preview could not be made: " + " ".join(str(error).split()))

    def _make_preview(self) -> None:
        path = os.path.join(self.folder, "preview", number(self.number) + ".jpg")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        jpeg = settings.picture("JPEG", color_mode="RGB", quality=90, views_format="INDIVIDUAL")
        source, linear = self._readable()
        if source is None:
            source = path
            with BorrowedFormat(self.scene.render.image_settings, **jpeg):
                self._save_first_view(path)
        image = bpy.data.images.load(source)
        try:
            width, height = image.size
            if width > PREVIEW_WIDTH:
                image.scale(PREVIEW_WIDTH, max(1, round(height * PREVIEW_WIDTH / width)))
            if linear:
                with BorrowedFormat(self.scene.render.image_settings, **jpeg):
                    image.save_render(path, scene=self.scene)
            else:
                image.filepath_raw, image.file_format = path, "JPEG"
                image.save()
        finally:
            bpy.data.images.remove(image)
        self._made.append(("preview", path, f"preview/{number(self.number)}.jpg", ""))

    def _save_first_view(self, path: str) -> None:
        with suppress(RuntimeError):  # with several views the one without a suffix is missed
            result().save_render(path, scene=self.scene)
        if not os.path.exists(path):
            folder, stem = os.path.split(path[:-4])
            views = sorted(name for name in os.listdir(folder) if name.startswith(stem) and name.endswith(".jpg"))
            if not views:
                raise Failure("no-space", f"Blender could not write the preview of frame {self.number}")
            os.replace(os.path.join(folder, views[0]), path)
            for name in views[1:]:
                os.unlink(os.path.join(folder, name))

    def _readable(self) -> tuple[str | None, bool]:
        """The scene's own output where it is quick to read again, and whether its colours are still linear."""
        image_settings = self.scene.render.image_settings
        own = next((path for kind, path, _, _ in self._made if kind == "output"), None)
        if image_settings.color_management != "FOLLOW_SCENE" or image_settings.color_mode == "BW":
            return None, False
        if image_settings.file_format == "OPEN_EXR":
            return own, True
        if image_settings.file_format in DISPLAY_FORMATS and image_settings.color_depth == "8":
            return own, False
        return None, False

    def files(self) -> list[dict]:
        """Every file made, each with a name of its own."""
        names = Names()
        order = {"output": 0, "exr": 1, "preview": 2, "node": 3}
        return [
            {"kind": kind, "path": path, "name": names.give(name, node), "size": os.path.getsize(path)}
            for kind, path, name, node in sorted(self._made, key=lambda made: order[made[0]])
        ]


def share(path: str, other: str) -> None:
    """Makes other the same file as path, or a copy of it."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def last_name(path: str) -> str:
    """What follows the last slash of either kind."""
    return re.split(r"[/\\]", path)[-1]


def result() -> Any:
    """The image that holds what was rendered last."""
    return next(image for image in bpy.data.images if image.type == "RENDER_RESULT")


def refusal(text: str, frame: int) -> Failure:
    """Blender's reports as a kind and one sentence."""
    text = " ".join(text.split())
    lower = text.lower()
    if "no camera" in lower:
        return Failure("no-camera", f"frame {frame} cannot be rendered: the scene has no camera")
    if "no space" in lower or "could not write" in lower or "cannot save" in lower or "couldn't create" in lower:
        return Failure("no-space", f"frame {frame} could not be written: {text}")
    if "out of memory" in lower or "alloc" in lower:
        return Failure("no-memory", f"frame {frame} ran out of memory: {text}")
    return Failure("refused", f"Blender refused to render frame {frame}: {text}")
