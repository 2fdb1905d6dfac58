"""Bakes simulations: goes through the timeline once and hands the files of their caches on as they are complete.

Everything else that the scene simulates is computed along and not kept, so that what acts on one another does so as in the
artist's own Blender, and no bake waits for another.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import os
import re
import shutil
import struct
import time
from collections.abc import Iterator
from typing import Any

import bpy

from . import caches, memory
from .caches import Simulation
from .channel import Channel
from .failure import Failure
from .opening import Session

FULL = 64 << 10  # bytes free, below which a file may have been cut short
NEVER = -(1 << 24)  # before any frame
MANY = 500  # files in a message
HEAD = struct.Struct("<8sIII")  # of a .bphys: BPHYSICS, type, points, which values each has
SIZES = (4, 12, 12, 16, 12, 4, 12)  # bytes of each: index, place, velocity, rotation, spin or rest place, size, times
TIMES = 1 << 6
PACKED = 1 << 16


def bake(session: Session, link: Channel, request: dict) -> dict:
    """Fills the caches of request's simulations into its folder."""
    begun = time.monotonic()
    if session.used:
        session.again()
    scene = session.scene()
    session.request = {}  # from here on what is open is not the scene any more
    found = [caches.locate(entry) for entry in request["simulations"]]
    for one in found:
        if one.refused:
            raise Failure("no-bake", f"{one.words()} cannot be baked: {one.refused}")
    work = Work(link, scene, request["out_dir"], request["until"], os.path.join(session.scratch, "along"))
    try:
        kinds = {one.kind for one in found}
        as_rendered(scene, found)
        work.set_aside(found)
        if kinds <= set(caches.POINTS):
            points(work, found)
        elif kinds == {"fluid"} and len(found) == 1:
            fluid(work, found[0])
        elif kinds == {"geometry_nodes"}:
            zones(work, found)
        else:
            raise Failure("no-bake", "these simulations are not baked in one pass: " + ", ".join(one.words() for one in found))
        work.end()
    finally:
        shutil.rmtree(work.scratch, ignore_errors=True)
    return {
        "files": work.count,
        "bytes": work.bytes,
        "warnings": work.warnings,
        "script_errors": session.watch.end(drivers=True),
        "seconds": time.monotonic() - begun,
        "peak": memory.usage()[1],
    }


class Work:
    """One bake: where it writes, and what it has handed on."""

    def __init__(self, link: Channel, scene: Any, folder: str, until: int, scratch: str) -> None:
        self.scene, self.folder, self.until, self.scratch = scene, folder, until, scratch
        self.warnings: list[str] = []
        self.count = self.bytes = 0
        self.reach = reach(scene.render)
        self._link = link
        self._waiting: list[dict] = []
        self._told = 0.0
        self._ready = NEVER
        os.makedirs(scratch, exist_ok=True)

    def last(self, found: Simulation) -> int:
        """The last frame of a cache that is wanted: one that pictures look at is enough."""
        return min(found.end, self.until + self.reach)

    def place(self, found: Simulation) -> str:
        """The folder of a cache."""
        folder = os.path.join(self.folder, found.key)
        os.makedirs(folder, exist_ok=True)
        return folder

    def give(self, path: str, first: int | None = None, last: int | None = None) -> None:
        """Notes a complete file that is read by the frames from first to last."""
        size = os.path.getsize(path)
        name = "/".join((caches.FOLDER, *os.path.relpath(path, self.folder).split(os.sep)))
        self._waiting.append({"path": path, "name": name, "size": size, "first": first, "last": last})
        self.count += 1
        self.bytes += size

    def give_frame(self, path: str, found: Simulation, frame: int) -> None:
        """Notes the complete file of a frame: moving pictures look at the frames beside it, too."""
        first = None if frame == found.start else frame - self.reach
        last = None if frame == self.last(found) else frame + self.reach
        self.give(path, first, last)

    def nothing(self, found: Simulation, why: str) -> None:
        """Notes that a cache is not needed."""
        path = os.path.join(self.place(found), caches.NOTHING)
        with open(path, "w", encoding="utf-8") as file:
            file.write(why + "\n")
        self.give(path)

    def hand_on(self, ready: int) -> None:
        """Hands noted files on; the frames up to ready have all of theirs."""
        if shutil.disk_usage(self.folder).free < FULL:
            raise Failure("no-space", "the disk was full while caches were written")
        while self._waiting:
            some, self._waiting = self._waiting[:MANY], self._waiting[MANY:]
            if not self._waiting:
                self._ready = ready
            self._link.send({"event": "baked", "files": some, "frame": self._ready})

    def tell(self, frame: int, first: int, last: int) -> None:
        """Says how far it is, a few times a second."""
        now = time.monotonic()
        if now - self._told >= 0.25:
            self._told = now
            used, peak = memory.usage()
            text = f"Baking frame {frame} of {first} to {last}"
            self._link.send({"event": "progress", "frame": frame, "text": text, "memory": used, "peak": peak})

    def end(self) -> None:
        """Hands the rest on."""
        self.hand_on(self.until)

    def set_aside(self, found: list[Simulation]) -> None:
        """Keeps what is only computed along from writing beside the .blend, and fluids from being computed that nothing feels."""
        mine = {one.key for one in found}
        for other in caches.everything([self.scene], bpy.data.objects):
            if other.baked or other.key in mine or other.thing.library is not None:
                continue
            scratch = os.path.join(self.scratch, other.key)
            if other.kind == "fluid":
                other.holder.cache_directory = scratch
                if not felt(other.thing):
                    other.modifier.show_viewport = False
            elif other.kind == "geometry_nodes" and any(one.thing == other.thing for one in found):
                caches.set_zones(other, scratch, other.end)  # all zones of an object are baked together
            elif other.kind in caches.POINTS and other.holder.use_disk_cache:
                os.makedirs(scratch, exist_ok=True)
                PointCache(self, other, scratch).begin()


def play(session: Session, scene: Any, frame: int) -> None:
    """Goes through the timeline once, as far as frames will be asked for, so that Blender remembers what it simulates."""
    if session.reached is not None:
        return
    found = [one for one in caches.everything([scene], scene.objects) if not one.baked]
    as_rendered(scene, found)
    for one in found:
        if one.kind == "fluid":
            one.holder.cache_directory = os.path.join(session.scratch, "played", one.key)
            one.holder.cache_type = "REPLAY"
    first = min([scene.frame_start, frame, *(one.start for one in found)])
    session.reached = max(frame, session.request["until"])
    for number in range(first, session.reached + reach(scene.render) + 1):
        scene.frame_set(number)


def reach(render: Any) -> int:
    """How many frames to each side a picture looks at: for the pass of motion one, for blur as far as the shutter is open."""
    if not render.use_motion_blur:
        return 1
    half = getattr(render, "motion_blur_position", "CENTER") == "CENTER"
    return max(1, math.ceil(render.motion_blur_shutter * (0.5 if half else 1)))


def as_rendered(scene: Any, found: list[Simulation]) -> None:
    """Has the pass see what the render will: what is hidden in the window only, and as many subdivisions."""
    for thing in scene.objects:
        if not thing.hide_render and thing.library is None:
            thing.hide_viewport = False
            with contextlib.suppress(RuntimeError):  # not in this view layer
                thing.hide_set(False)
    for collection in bpy.data.collections:
        if not collection.hide_render and collection.library is None:
            collection.hide_viewport = False
    waiting = [bpy.context.view_layer.layer_collection]
    while waiting:
        layer = waiting.pop()
        layer.hide_viewport = False
        waiting += layer.children
    render = scene.render
    render.simplify_subdivision = render.simplify_subdivision_render
    render.simplify_child_particles = render.simplify_child_particles_render
    for thing in {one.thing for one in found if one.modifier is not None}:
        for modifier in thing.modifiers:
            modifier.show_viewport = modifier.show_render
            if modifier.type in ("SUBSURF", "MULTIRES"):
                modifier.levels = modifier.render_levels
            elif modifier.type == "PARTICLE_SYSTEM":
                modifier.particle_system.settings.display_percentage = 100


def felt(thing: Any) -> bool:
    """Whether something else in the file may feel a domain of a fluid."""
    if thing.field is not None and thing.field.type != "NONE" or thing.rigid_body is not None:
        return True
    if any(modifier.type in ("COLLISION", "DYNAMIC_PAINT", "CLOTH", "SOFT_BODY") for modifier in thing.modifiers):
        return True
    users = bpy.data.user_map()
    plain = (bpy.types.Scene, bpy.types.WindowManager, bpy.types.WorkSpace, bpy.types.Screen)
    waiting, seen = [thing], {thing}
    while waiting:
        for user in users.get(waiting.pop(), ()):
            if isinstance(user, bpy.types.Collection):
                if user not in seen:
                    seen.add(user)
                    waiting.append(user)
            elif user not in seen and not isinstance(user, plain):
                return True
    return False


def computed(found: Simulation) -> bool:
    """Whether the pass computes a simulation at all."""
    if found.kind == "rigid_body":
        return True
    graph = bpy.context.evaluated_depsgraph_get()
    return any(one.original == found.thing for one in graph.ids if isinstance(one, bpy.types.Object))


def split(work: Work, found: list[Simulation]) -> list[Simulation]:
    """Those that the pass computes; of the others it notes that there is nothing."""
    bpy.context.view_layer.update()
    kept = []
    for one in found:
        if one.start > work.until:
            work.nothing(one, f"it begins with frame {one.start}, after the last that was wanted")
        elif not computed(one):
            work.nothing(one, "the view layer does not show its object")
            work.warnings.append(f"{one.words()} was not baked: the view layer does not show the object")
        else:
            kept.append(one)
    return kept


# -- point caches


class PointCache:
    """One point cache while it is filled."""

    def __init__(self, work: Work, found: Simulation, folder: str) -> None:
        self._work, self.found, self._folder = work, found, folder
        self._next = found.start
        self._late = False  # particles may die before their time
        self._born = found.kind == "particles"

    def begin(self) -> None:
        """Has Blender write the cache into the folder, from its first frame on."""
        cache, found = self.found.holder, self.found
        times = self._times() if self._born else b""
        if hasattr(cache, "compression"):  # up to 4.x
            cache.compression = "NO"  # so that a file that was cut short is known by its size
        cache.frame_step = 1
        if times:
            # Particles of such a cache are as many as its files say. So there is one, which Blender overwrites.
            self._say(times)
            with open(caches.point_file(self._folder, found.key, found.start), "wb") as file:
                file.write(HEAD.pack(b"BPHYSICS", 1, 0, 2))
        caches.set_point(found, self._folder)
        if not cache.use_disk_cache:
            cache.use_disk_cache = True
        if cache.is_baked:
            with bpy.context.temp_override(point_cache=cache, object=found.thing, active_object=found.thing):
                bpy.ops.ptcache.free_bake()
        # Also has Blender begin anew: there may be frames in the .blend.
        cache.frame_start, cache.frame_end = found.start, found.end

    def _times(self) -> bytes:
        """When each particle is born and dies."""
        scene = self._work.scene
        scene.frame_set(self.found.start)
        self._late = self.found.modifier.particle_system.settings.physics_type == "BOIDS" or any(
            thing.collision is not None and thing.collision.use and thing.collision.use_particle_kill for thing in bpy.data.objects
        )
        return self._now()

    def _now(self) -> bytes:
        graph = bpy.context.evaluated_depsgraph_get()
        thing = self.found.thing.evaluated_get(graph)
        particles = thing.particle_systems[self.found.name].particles
        values = [0.0] * len(particles)
        columns = []
        for name in ("birth_time", "die_time", "lifetime"):
            particles.foreach_get(name, values)
            columns.append(list(values))
        return b"".join(struct.pack("<3f", *row) for row in zip(*columns))

    def _say(self, times: bytes) -> str:
        path = caches.point_file(self._folder, self.found.key, caches.INFO)
        with open(path, "wb") as file:
            file.write(HEAD.pack(b"BPHYSICS", 1, len(times) // 12, TIMES) + times)
        return path

    def hand(self, frame: int) -> None:
        """Notes the files that are complete when a frame was computed."""
        found, last = self.found, self._work.last(self.found)
        while self._next <= min(frame, last) and frame > found.start:  # the first is written with the second
            path = caches.point_file(self._folder, found.key, self._next)
            if not os.path.exists(path):
                return
            whole_points(path)
            if self._next == found.start and self._born and not self._late:
                self._work.give(self._say(self._now()))
            self._work.give_frame(path, found, self._next)
            self._next += 1

    def ready(self) -> int:
        """The last frame whose render has all files of this cache."""
        if self._next == self.found.start or self._born and self._late:  # earlier frames read the first file
            return NEVER
        return self._work.until if self._next > self._work.last(self.found) else self._next - 1 - self._work.reach

    def end(self) -> None:
        """Looks whether all is there."""
        if self._next <= self._work.last(self.found):
            raise Failure("no-bake", f"Blender wrote nothing of {self.found.words()} for frame {self._next}")
        if self._born and self._late:
            self._work.give(self._say(self._now()))


def points(work: Work, found: list[Simulation]) -> None:
    """Fills all point caches in one pass, frame after frame."""
    kept = split(work, found)
    if not kept:
        return
    filled = [PointCache(work, one, work.place(one)) for one in kept]
    for one in filled:
        one.begin()
    first = min(one.start for one in kept)
    last = max(work.last(one) for one in kept)
    # Blender writes the first frame of a cache when it computes the second.
    for frame in range(first, max(last, max(one.start for one in kept) + 1) + 1):
        work.scene.frame_set(frame)
        for one in filled:
            one.hand(frame)
        work.hand_on(min(one.ready() for one in filled))
        work.tell(frame, first, last)
    for one in filled:
        one.end()


def whole_points(path: str) -> None:
    """Raises when a file of a point cache is not complete."""
    with open(path, "rb") as file:
        head = file.read(HEAD.size)
        size = os.fstat(file.fileno()).st_size
    wanted = HEAD.size
    if len(head) == HEAD.size:
        mark, kind, count, values = HEAD.unpack(head)
        # Not dynamic paint's, nor packed as 5.x does: these look otherwise.
        if mark == b"BPHYSICS" and kind < PACKED and kind != 5:
            wanted += count * sum(bytes_ for bit, bytes_ in enumerate(SIZES) if values & 1 << bit)
    if size < wanted:
        raise Failure("no-space", f"{os.path.basename(path)} was written in part only: perhaps the disk is full")


# -- fluids


def fluid(work: Work, found: Simulation) -> None:
    """Bakes a domain with all its steps."""
    if not split(work, [found]):
        return
    domain, thing = found.holder, found.thing
    folder, last = work.place(found), work.last(found)
    domain.cache_directory = work.scratch  # a change of type clears the cache
    if domain.cache_type == "REPLAY":  # of that type Blender bakes one frame and says that it has baked
        domain.cache_type = "ALL"
    domain.cache_directory = folder
    domain.cache_frame_end = last
    parts = caches.fluid_parts(domain)
    steps = ["bake_guides"] if domain.use_guide and domain.guide_source == "EFFECTOR" else []
    if domain.cache_type == "ALL":
        steps.append("bake_all")
    else:
        domain.cache_resumable = domain.cache_resumable or len(parts) > 2  # later steps go on from the data
        steps += ["bake_" + part for part in parts if part != "config"]
    given = found.start

    def hand(frame: int) -> None:
        nonlocal given
        while given <= min(frame, last):
            paths = caches.fluid_files(domain, folder, given)
            if not all(map(os.path.exists, paths)):
                return
            for path in paths:
                whole_fluid(path)
                if domain.cache_frame_offset:
                    work.give(path)
                else:
                    work.give_frame(path, found, given)
            given += 1

    for step in steps:
        final = step == steps[-1]

        def passed(frame: int, final: bool = final) -> None:
            if final:
                hand(frame - 1)
                known = given > found.start and not domain.cache_frame_offset
                work.hand_on(given - 1 - work.reach if known else NEVER)
            work.tell(frame, found.start, last)

        with each_frame(work.scene, passed), bpy.context.temp_override(
            scene=work.scene, object=thing, active_object=thing, selected_objects=[thing], selected_editable_objects=[thing]
        ):
            bpy.context.view_layer.objects.active = thing
            try:
                getattr(bpy.ops.fluid, step)()
            except RuntimeError as error:
                raise Failure("no-bake", f"Blender could not bake {found.words()}: {' '.join(str(error).split())}") from None
    hand(last)
    if given <= last:
        lost = next(path for path in caches.fluid_files(domain, folder, given) if not os.path.exists(path))
        raise Failure("no-bake", f"Blender baked {found.words()} and wrote no {os.path.basename(lost)}")
    for inside, _, names in os.walk(os.path.join(folder, "guiding")):
        for name in sorted(names):
            work.give(os.path.join(inside, name))


def whole_fluid(path: str) -> None:
    """Raises when a file of a fluid is not complete, as far as that can be told."""
    whole = os.path.getsize(path) > 0
    if whole and path.endswith((".gz", ".uni")):
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        if packed:
            try:
                with gzip.open(path) as file:
                    while file.read(1 << 20):
                        pass
            except (EOFError, OSError):
                whole = False
    if not whole:
        raise Failure("no-space", f"{os.path.basename(path)} was written in part only: perhaps the disk is full")


@contextlib.contextmanager
def each_frame(scene: Any, work: Any) -> Iterator[None]:
    """Has work called with each frame that an operator of Blender has gone to."""
    raised: list[Exception] = []

    def handler(*_: Any) -> None:
        if raised:
            return
        try:
            work(scene.frame_current)
        except Exception as error:  # noqa: BLE001, Blender would print it and go on
            raised.append(error)

    bpy.app.handlers.frame_change_post.append(handler)
    try:
        yield
    finally:
        bpy.app.handlers.frame_change_post.remove(handler)
    if raised:
        raise raised[0]


# -- geometry nodes


def zones(work: Work, found: list[Simulation]) -> None:
    """Bakes all zones in one pass. Which frames read a file is known when all are written."""
    kept = split(work, found)
    if not kept:
        return
    for one in kept:
        caches.set_zones(one, work.place(one), work.last(one))
    things = list(dict.fromkeys(one.thing for one in kept))
    first, last = min(one.start for one in kept), max(work.last(one) for one in kept)
    work.scene.frame_set(first)
    with each_frame(work.scene, lambda frame: work.tell(frame, first, last)), bpy.context.temp_override(
        scene=work.scene, object=things[0], active_object=things[0], selected_objects=things, selected_editable_objects=things
    ):
        try:
            bpy.ops.object.simulation_nodes_cache_bake(selected=True)
        except RuntimeError as error:
            raise Failure("no-bake", f"Blender could not bake geometry nodes: {' '.join(str(error).split())}") from None
    for one in kept:
        for zone in caches.zones_of(one.modifier):
            give_zone(work, one, zone)


def give_zone(work: Work, found: Simulation, zone: Any) -> None:
    """Notes the files of a zone: a frame's description names bytes in files of earlier frames, where nothing has changed."""
    folder, last = work.place(found), work.last(found)
    read: dict[str, list[int]] = {}
    for frame in range(found.start, last + 1):
        meta = caches.meta_file(folder, zone, frame)
        try:
            with open(meta, encoding="utf-8") as file:
                text = file.read()
            json.loads(text)
        except (OSError, ValueError):
            raise Failure("no-bake", f"Blender baked {found.words()} and wrote no whole {os.path.basename(meta)}") from None
        work.give_frame(meta, found, frame)
        for name, start, size in re.findall(r'"name":"([^"/\\]+)","start":(\d+),"size":(\d+)', text):
            blob = os.path.join(os.path.dirname(os.path.dirname(meta)), "blobs", name)
            read.setdefault(blob, [frame, frame])[1] = frame
            if not os.path.exists(blob) or os.path.getsize(blob) < int(start) + int(size):
                raise Failure("no-space", f"{name} of {found.words()} was written in part only: perhaps the disk is full")
    for blob, (begin, end) in sorted(read.items()):
        work.give(blob, None if begin == found.start else begin - work.reach, None if end == last else end + work.reach)
