"""The simulations of a scene, where the caches lie that were baked of them, and how the scene is told to read those."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
from collections.abc import Iterator
from typing import Any

import bpy

from .failure import Failure

FOLDER = "netrender_cache"  # beside the .blend
NOTHING = "not-computed.txt"  # stands where a cache would lie that the scene does not need
POINTS = ("cloth", "soft_body", "particles", "hair", "dynamic_paint", "rigid_body")
INFO = 0  # the number of the file that says when particles live
ZONE = "GeometryNodeSimulationOutput"
PARTICLES = {"use_spray_particles", "use_foam_particles", "use_bubble_particles", "use_tracer_particles"}


class Simulation:
    """One simulation. What it refers to holds until the scene's data change."""

    def __init__(self, kind: str, thing: Any, modifier: Any, name: str, holder: Any, span: tuple[int, int], baked: bool) -> None:
        self.kind, self.owner, self.name = kind, thing.name, name
        self.thing, self.modifier = thing, modifier
        self.holder = holder  # a point cache, the settings of a domain, or the modifier of geometry nodes
        self.start, self.end = span
        self.baked = baked
        self.refused = ""

    @property
    def key(self) -> str:
        """The name of the folder of its cache, and of the files in it."""
        return key(self.kind, self.owner, self.name)

    def words(self) -> str:
        """What people are told."""
        return words({"kind": self.kind, "owner": self.owner})

    def described(self) -> dict:
        """As blender.Simulation."""
        return {name: getattr(self, name) for name in ("kind", "owner", "name", "start", "end", "refused")}


def key(kind: str, owner: str, name: str) -> str:
    """A name that is one on every file system, and of this simulation alone."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", owner)[:24].strip("_")
    digest = hashlib.sha256(f"{kind}\0{owner}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "-".join(filter(None, (kind, plain, digest)))


def words(entry: dict) -> str:
    """What people are told of a blender.Simulation."""
    kind, owner = entry["kind"], entry["owner"]
    start = {"rigid_body": "rigid bodies in", "fluid": "fluid in", "geometry_nodes": "simulation of geometry nodes on"}
    return f"{start.get(kind, kind.replace('_', ' ') + ' on')} {owner}"


# -- which there are


def everything(scenes: Any, things: Any) -> Iterator[Simulation]:
    """The simulations of the scenes and objects, baked or not, in an order that is the same for the same file."""
    for scene in scenes:
        world = scene.rigidbody_world
        if world is not None and world.enabled and world.collection is not None and len(world.collection.all_objects):
            yield judged(point("rigid_body", scene, None, "", world.point_cache))
    for thing in things:
        for modifier in thing.modifiers:
            if modifier.show_render:
                for found in of(thing, modifier):
                    yield judged(found)


def of(thing: Any, modifier: Any) -> Iterator[Simulation]:
    """The simulations of a modifier."""
    kind = modifier.type
    if kind in ("CLOTH", "SOFT_BODY"):
        yield point(kind.lower(), thing, modifier, modifier.name, modifier.point_cache)
    elif kind == "PARTICLE_SYSTEM":
        system = modifier.particle_system
        made = system.settings.type
        if made == "EMITTER" or made == "HAIR" and system.use_hair_dynamics:  # others are a fluid's
            yield point("hair" if made == "HAIR" else "particles", thing, modifier, system.name, system.point_cache)
    elif kind == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
        for surface in modifier.canvas_settings.canvas_surfaces:
            if surface.is_active and surface.surface_format != "IMAGE":  # pictures it only writes
                yield point("dynamic_paint", thing, modifier, f"{modifier.name}/{surface.name}", surface.point_cache)
    elif kind == "FLUID" and modifier.fluid_type == "DOMAIN" and modifier.domain_settings is not None:
        domain = modifier.domain_settings
        span = domain.cache_frame_start, domain.cache_frame_end
        yield Simulation("fluid", thing, modifier, modifier.name, domain, span, domain.has_cache_baked_data)
    elif kind == "NODES" and modifier.node_group is not None and has_zone(modifier.node_group):
        zones = zones_of(modifier)
        spans = [zone_span(zone) for zone in zones] or [scene_span()]
        span = min(first for first, _ in spans), max(last for _, last in spans)
        baked = bool(zones) and all(zone_baked(modifier, zone) for zone in zones)
        yield Simulation("geometry_nodes", thing, modifier, modifier.name, modifier, span, baked)


def point(kind: str, thing: Any, modifier: Any, name: str, cache: Any) -> Simulation:
    """A simulation that keeps a point cache."""
    baked = cache.is_baked or cache.use_external
    return Simulation(kind, thing, modifier, name, cache, (cache.frame_start, cache.frame_end), baked)


def judged(found: Simulation) -> Simulation:
    """Says of a simulation why it cannot be baked."""
    if found.thing.library is not None:
        found.refused = "it is linked from a library: bake it there, or make a library override of it"
    elif not hasattr(bpy.context, "temp_override"):
        found.refused = "it takes Blender 3.2 or newer"
    elif found.kind in POINTS and found.start < 1:
        found.refused = "its cache begins before frame 1, and such frames have no files"
    elif found.kind in POINTS and found.start >= found.end:
        found.refused = "its cache has one frame only"
    elif found.kind == "geometry_nodes" and not hasattr(found.modifier, "bakes"):
        found.refused = "it takes Blender 4.1 or newer"
    elif found.kind == "geometry_nodes" and not zones_of(found.modifier):
        found.refused = "Blender does not list its zones: save the file once with the Blender that is to bake it"
    elif found.kind == "fluid":
        domain = found.holder
        if domain.use_guide and domain.guide_source == "DOMAIN":
            parent = domain.guide_parent
            settings = [m.domain_settings for m in parent.modifiers if m.type == "FLUID"] if parent is not None else []
            if not any(one is not None and one.has_cache_baked_data for one in settings):
                found.refused = "another domain guides it that is not baked: bake that one first"
    return found


def shown(scene: Any) -> set[Any]:
    """The objects of the view layers that render."""
    return {thing for layer in scene.view_layers if layer.use for thing in layer.objects}


def locate(entry: dict) -> Simulation:
    """The simulation that a blender.Simulation names, with its frames."""
    rigid = entry["kind"] == "rigid_body"
    blocks = bpy.data.scenes if rigid else bpy.data.objects
    thing = next((block for block in blocks if block.name == entry["owner"] and block.library is None), None)
    if thing is not None:
        for found in everything([thing] if rigid else [], [] if rigid else [thing]):
            if (found.kind, found.name) == (entry["kind"], entry["name"]):
                found.start, found.end = entry["start"], entry["end"]
                found.refused = ""
                return judged(found)
    raise Failure("no-bake", f"the scene has no {words(entry)} any more")


# -- geometry nodes


def has_zone(tree: Any, seen: frozenset[str] = frozenset()) -> bool:
    """Whether there is a simulation zone in a tree or in those within it."""
    return any(
        node.bl_idname == ZONE
        or node.type == "GROUP"
        and node.node_tree is not None
        and node.node_tree.name_full not in seen
        and has_zone(node.node_tree, seen | {tree.name_full})
        for node in tree.nodes
    )


def zones_of(modifier: Any) -> list[Any]:
    """What a modifier keeps of each of its simulation zones."""
    return [bake for bake in getattr(modifier, "bakes", ()) if bake.node is not None and bake.node.bl_idname == ZONE]


def scene_span() -> tuple[int, int]:
    """The frames that zones simulate unless they have their own."""
    scene = bpy.context.scene
    if getattr(scene, "use_custom_simulation_range", False):
        return scene.simulation_frame_start, scene.simulation_frame_end
    return scene.frame_start, scene.frame_end


def zone_span(zone: Any) -> tuple[int, int]:
    """The frames that a zone simulates."""
    return (zone.frame_start, zone.frame_end) if zone.use_custom_simulation_frame_range else scene_span()


def zone_baked(modifier: Any, zone: Any) -> bool:
    """Whether a zone was baked: Blender does not tell."""
    stored = zone.directory if zone.use_custom_path else modifier.bake_directory
    if stored and not zone.use_custom_path:
        stored = os.path.join(stored, str(zone.bake_id))
    if stored:
        meta = os.path.join(bpy.path.abspath(stored, library=modifier.id_data.library), "meta")
        if os.path.isdir(meta) and os.listdir(meta):
            return True
    return _packed(zone)


def _packed(zone: Any) -> bool:
    """Whether the bake lies in the .blend, which Python cannot see: a pointer of NodesModifierBake, DNA_modifier_types.h."""
    if not hasattr(zone, "bake_target") or bpy.app.version < (4, 3, 0):
        return False
    at = zone.as_pointer()
    whole = [ctypes.c_int.from_address(at + offset).value for offset in (0, 24, 28)]
    if whole != [zone.bake_id, zone.frame_start, zone.frame_end]:
        return False  # it looks otherwise than we think
    return bool(ctypes.c_uint64.from_address(at + 48).value)


def set_zones(found: Simulation, folder: str, last: int) -> None:
    """Has the zones of a modifier write to, and read from, folders of their own below folder."""
    for zone in zones_of(found.modifier):
        if hasattr(zone, "bake_target"):
            zone.bake_target = "DISK"
        zone.use_custom_path, zone.directory = True, os.path.join(folder, str(zone.bake_id))
        zone.use_custom_simulation_frame_range = True
        zone.frame_start, zone.frame_end = found.start, last


# -- point caches


def point_file(folder: str, name: str, frame: int) -> str:
    """The file of a frame, as Blender names it; INFO is a number like any other."""
    return os.path.join(folder, f"{name}_{frame:06d}_00.bphys")


def set_point(found: Simulation, folder: str) -> None:
    """Has a point cache lie in folder: what is there counts as baked."""
    cache = found.holder
    if found.kind == "rigid_body":  # without these Blender asks the object that it is of, which there is not, for a name
        cache.name, cache.index = found.key, 0
    cache.filepath = folder
    cache.use_external = True  # before it gets its name, or the files of another would be renamed
    if found.kind != "rigid_body":
        cache.name, cache.index = found.key, 0
        cache.filepath = folder  # has Blender look for files of that name


# -- fluids


def fluid_parts(domain: Any) -> list[str]:
    """The folders that have a file for each frame."""
    liquid = domain.domain_type == "LIQUID"
    parts = ["config", "data"]
    if not liquid and domain.use_noise:
        parts.append("noise")
    if liquid and domain.use_mesh:
        parts.append("mesh")
    if liquid and any(getattr(domain, name) for name in PARTICLES):
        parts.append("particles")
    return parts


def set_fluid(domain: Any, folder: str, scratch: str) -> None:
    """Has a domain read what lies in folder, and never compute."""
    domain.cache_directory = scratch  # a change of type clears the cache
    if domain.cache_type == "REPLAY":
        domain.cache_type = "ALL"
    domain.cache_directory = folder
    domain.has_cache_baked_data = domain.has_cache_baked_noise = True
    domain.has_cache_baked_mesh = domain.has_cache_baked_particles = True


# -- reading


class Baked:
    """The caches that a scene reads instead of computing."""

    def __init__(self, request: dict, scratch: str) -> None:
        self._entries: list[dict] = request.get("baked") or []
        self._folder = os.path.join(os.path.dirname(request.get("blend", "")), FOLDER)
        self._scratch = os.path.join(scratch, "no-cache")
        self._seen: dict[str, set[str]] = {}

    def apply(self) -> None:
        """Tells the scene; that must be before anything is evaluated: geometry nodes look for their bakes once."""
        for entry in self._entries:
            found = locate(entry)
            folder = self._place(entry)
            self._seen[found.key] = listed(folder)
            if not self._seen[found.key]:
                raise Failure("no-file", f"the cache of {found.words()} is not there: {folder} is empty")
            if NOTHING in self._seen[found.key]:
                continue
            if found.kind in POINTS:
                self._point(found, folder)
            elif found.kind == "fluid":
                set_fluid(found.holder, folder, self._scratch)
            else:
                set_zones(found, folder, found.end)

    def stale(self, frame: int, used: bool) -> bool:
        """Whether the scene must be opened anew for a frame, because Blender would not look for its files again."""
        anew = False
        for entry in self._entries:
            name = key(entry["kind"], entry["owner"], entry["name"])
            now = listed(self._place(entry))
            new = now - self._seen[name]
            self._seen[name] = now
            if NOTHING in now:
                continue
            if entry["kind"] == "geometry_nodes":
                anew = anew or bool(new)
            elif entry["kind"] == "fluid":  # it shows what it showed last
                anew = anew or used and not entry["start"] <= frame <= entry["end"]
            elif new:
                self._point(locate(entry), self._place(entry))
        return anew

    def check(self, frame: int) -> None:
        """Raises when the frame would be rendered without its caches."""
        for entry in self._entries:
            if NOTHING in self._seen[key(entry["kind"], entry["owner"], entry["name"])]:
                continue
            at = min(max(frame, entry["start"]), entry["end"])
            found = locate(entry)
            folder = self._place(entry)
            if found.kind in POINTS:
                wanted = [point_file(folder, found.key, at)]
            elif found.kind == "fluid":
                wanted = fluid_files(found.holder, folder, at)
            else:
                wanted = [meta_file(folder, zone, at) for zone in zones_of(found.modifier)]
            lost = next((path for path in wanted if not os.path.exists(path)), None)
            if lost:
                raise Failure("no-file", f"the cache of {found.words()} lacks frame {at}: {os.path.basename(lost)} is not there")

    def _place(self, entry: dict) -> str:
        return os.path.join(self._folder, key(entry["kind"], entry["owner"], entry["name"]))

    @staticmethod
    def _point(found: Simulation, folder: str) -> None:
        set_point(found, folder)
        cache = found.holder
        # Blender takes these from the files, of which there are some only.
        cache.frame_start, cache.frame_end = found.start, found.end
        if not cache.is_baked:
            raise Failure("no-file", f"the cache of {found.words()} cannot be read: Blender finds none in {folder}")


def fluid_files(domain: Any, folder: str, frame: int) -> list[str]:
    """The files of a frame of a fluid."""
    found = []
    for part in fluid_parts(domain):
        inside = os.path.join(folder, part)
        stem = f"config_{frame:04d}." if part == "config" else f"fluid_{part}_{frame:04d}."
        names = sorted(name for name in listed(inside) if name.startswith(stem))
        found += [os.path.join(inside, name) for name in names] or [os.path.join(inside, stem + "*")]
    return found


def meta_file(folder: str, zone: Any, frame: int) -> str:
    """What describes a frame of a zone."""
    return os.path.join(folder, str(zone.bake_id), "meta", f"{frame:05d}_00000.json")


def listed(folder: str) -> set[str]:
    """The names of all files below a folder, those of its own first folders without them."""
    try:
        names = {entry.name for entry in os.scandir(folder)}
        inside = {name for _, _, some in os.walk(folder) for name in some}
    except OSError:
        return set()
    return names | inside
