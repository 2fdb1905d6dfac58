"""Walks the datablocks of the open .blend for the files that they read.

Blender's own list of paths names one file of a sequence, no cache and no tile, so each kind of datablock is walked here
by its own rules; what Blender lists beyond that is added in the end.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

import bpy

Span = tuple[int | None, int | None] | None  # frames of the scene that need a file; None: all of them
SIMULATIONS = {"CLOTH": "cloth", "SOFT_BODY": "soft body"}


def base_of(library: Any) -> str:
    """The absolute path of the .blend that a datablock came from; None is the scene's own."""
    return bpy.data.filepath if library is None else os.path.normpath(bpy.path.abspath(library.filepath))


def absolute(path: str, owner: Any) -> str:
    """Where a path stored in owner leads on this machine; relative ones start at owner's own .blend."""
    if path.startswith("//"):
        path = os.path.join(os.path.dirname(base_of(owner.library)), path[2:].replace("\\", "/"))
    return os.path.normpath(path)


def packed(block: Any) -> bool:
    """Whether the file lies inside the .blend."""
    return bool(getattr(block, "packed_file", None)) or len(getattr(block, "packed_files", ())) > 0


def numbered(path: str) -> tuple[str, int, str]:
    """A path cut at the last digits of its name, as Blender does: what is before, how many digits, what is after."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    found = re.match(r"(.*?)(\d+)(\D*)$", stem)
    if not found:
        return path, 0, ""
    return os.path.join(folder, found[1]), len(found[2]), found[3] + extension


def first_number(path: str) -> int:
    """The number in the name of a file of a sequence."""
    head, digits, _ = numbered(path)
    return int(path[len(head) : len(head) + digits] or 0)


def trees() -> Iterator[tuple[Any, Any]]:
    """Every node tree with the datablock it belongs to."""
    for blocks in (
        bpy.data.materials,
        bpy.data.worlds,
        bpy.data.lights,
        bpy.data.scenes,
        bpy.data.textures,
        bpy.data.linestyles,
    ):
        for block in blocks:
            tree = None if hasattr(block, "compositing_node_group") else getattr(block, "node_tree", None)
            if tree is not None:
                yield tree, block
    for tree in bpy.data.node_groups:
        yield tree, tree


def strips(scene: Any) -> list[Any]:
    """The strips of a scene's sequencer, those inside others too."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def point_caches() -> Iterator[tuple[Any, str, Any]]:
    """Every cache of a simulation as (owner, kind of simulation, cache)."""
    for scene in bpy.data.scenes:
        world = scene.rigidbody_world
        if world is not None and world.enabled and world.collection is not None and len(world.collection.all_objects):
            yield scene, "rigid bodies", world.point_cache
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if not modifier.show_render:
                continue
            if modifier.type in SIMULATIONS:
                yield thing, SIMULATIONS[modifier.type], modifier.point_cache
            elif modifier.type == "PARTICLE_SYSTEM":
                system = modifier.particle_system
                if system.settings.type != "HAIR" or system.use_hair_dynamics:
                    yield thing, "particles", system.point_cache
            elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
                for surface in modifier.canvas_settings.canvas_surfaces:
                    if surface.is_active and surface.surface_format != "IMAGE":
                        yield thing, "dynamic paint", surface.point_cache


class Needs:
    """Which datablocks the scene reaches, and who uses whom."""

    def __init__(self, scene: Any) -> None:
        self._users = bpy.data.user_map()
        self._names: dict[Any, list[str]] = {}
        uses: dict[Any, list[Any]] = {}
        for block, users in self._users.items():
            for user in users:
                uses.setdefault(user, []).append(block)
        self._reached, waiting = {scene}, [scene]
        while waiting:
            for block in uses.get(waiting.pop(), ()):
                if block not in self._reached:
                    self._reached.add(block)
                    waiting.append(block)
        self._libraries: set[Any] = set()
        for block in self._reached:
            library = block.library
            while library is not None and library not in self._libraries:
                self._libraries.add(library)
                library = library.parent

    def reached(self, block: Any) -> bool:
        """Whether rendering the scene reads block."""
        return block in (self._libraries if isinstance(block, bpy.types.Library) else self._reached)

    def names(self, block: Any) -> list[str]:
        """The datablock and a few that use it, for people."""
        if block not in self._names:
            self._names[block] = list(self._spell(block))
        return self._names[block]

    def _spell(self, block: Any) -> Iterator[str]:
        windows = (bpy.types.WindowManager, bpy.types.WorkSpace, bpy.types.Screen)
        users = [user for user in self._users.get(block, ()) if user != block and not isinstance(user, windows)]
        users.sort(key=lambda user: user.name_full)
        for one in [block, *users[:8]]:
            yield f"{kind(one)} {one.name_full}"


def kind(block: Any) -> str:
    """A datablock's kind for people: Image, Material, ..."""
    return block.bl_rna.name.removesuffix(" Data-Block") or block.bl_rna.identifier


class Files:
    """The files found so far, by path."""

    def __init__(self, needs: Needs, frames: list[int], blurred: bool) -> None:
        self.needs, self.frames, self.blurred = needs, frames, blurred
        self.found: dict[str, dict] = {}
        self.seen: set[str] = set()  # what Blender itself lists of the things walked here
        self.warnings: list[str] = []
        self._listed: dict[str, list[str]] = {}

    def add(self, path: str, original: str, what: str, owner: Any, span: Span = None, optional: bool = False) -> None:
        """Notes a file; an optional one only if it is there."""
        here = os.path.exists(path)
        self.seen.add(os.path.normcase(path))
        if optional and not here:
            return
        try:
            path.encode()
        except UnicodeEncodeError:
            path, here = path.encode(errors="replace").decode(), False
            self.warnings.append(f"{path} has a name that is not UTF-8: give it another one")
        entry = self.found.setdefault(
            os.path.normcase(path),
            {"path": path, "original": original, "kind": what, "users": [], "missing": not here, "needed": False, "span": span},
        )
        entry["users"] += [name for name in self.needs.names(owner) if name not in entry["users"]]
        entry["needed"] = entry["needed"] or self.needs.reached(owner)
        entry["span"] = join(entry["span"], span)

    def siblings(self, folder: str) -> list[str]:
        """The names in a folder."""
        if folder not in self._listed:
            try:
                self._listed[folder] = sorted(os.listdir(folder))
            except OSError:
                self._listed[folder] = []
        return self._listed[folder]

    def sequence(self, path: str) -> dict[int, str]:
        """The files on disk that differ from path by their number."""
        head, digits, tail = numbered(path)
        if not digits:
            return {0: path} if os.path.exists(path) else {}
        folder, stem = os.path.split(head)
        pattern = re.compile(re.escape(stem) + rf"(\d{{{digits}}}|[1-9]\d{{{digits},}})" + re.escape(tail))
        names = ((name, pattern.fullmatch(name)) for name in self.siblings(folder))
        return {int(found[1]): os.path.join(folder, name) for name, found in names if found}

    def add_numbers(
        self, stored: str, what: str, owner: Any, wanted: dict[int, Span] | None, maybe: dict[int, Span] | None = None
    ) -> None:
        """Notes the files of a sequence that wanted names by number, all on disk for None; those in maybe if they are there."""
        path = absolute(stored, owner)
        self.seen.add(os.path.normcase(path))
        there = self.sequence(path)
        head, digits, tail = numbered(path)
        numbers = dict.fromkeys(there) if wanted is None else dict(wanted)
        for number, span in (maybe or {}).items():
            if number in there:
                numbers[number] = join(numbers.get(number, span), span)
        if not numbers and wanted is None:
            self.add(path, stored, what, owner)
        for number, span in sorted(numbers.items()):
            place = there.get(number) or (f"{head}{number:0{digits}}{tail}" if digits else path)
            self.add(place, beside(stored, place), what, owner, span)

    def add_folder(self, stored: str, what: str, owner: Any, pattern: str = r".*", deep: bool = True, number: str = "") -> bool:
        """Notes the files of a folder; a regular expression that finds a frame's number in a name says which frames need it."""
        folder = absolute(stored, owner)
        self.seen.add(os.path.normcase(folder))
        groups: dict[str, dict[int, str]] = {}
        for inside, folders, names in os.walk(folder):
            folders.sort()
            if not deep:
                folders.clear()
            for name in names:
                if re.fullmatch(pattern, name):
                    path = os.path.join(inside, name)
                    at = re.search(number, name) if number else None
                    key = os.path.join(inside, name[: at.start(1)] + name[at.end(1) :]) if at else path
                    groups.setdefault(key, {})[int(at[1]) if at else 0] = path
        for group in groups.values():
            frames = sorted(group)
            for index, frame in enumerate(frames):
                # between two files Blender blends, before the first and after the last it holds
                span = (frames[index - 1] if index else None, frames[index + 1] if index + 1 < len(frames) else None)
                path = group[frame]
                original = stored.rstrip("/\\") + "/" + os.path.relpath(path, folder).replace(os.sep, "/")
                self.add(path, original, what, owner, None if span == (None, None) or not frame else span)
        return bool(groups)


def join(a: Span, b: Span) -> Span:
    """The frames of both."""
    if a is None or b is None:
        return None
    first = None if a[0] is None or b[0] is None else min(a[0], b[0])
    last = None if a[1] is None or b[1] is None else max(a[1], b[1])
    return (first, last)


def beside(stored: str, path: str) -> str:
    """The stored path with the name of path."""
    return re.sub(r"[^/\\]*$", lambda _: os.path.basename(path), stored, count=1)


def spans(frames: Iterable[int], number: Any) -> dict[int, Span]:
    """Which numbers frames need, and for which frames; number may answer None."""
    needed: dict[int, Span] = {}
    for frame in frames:
        at = number(frame)
        if at is not None:
            needed[at] = join(needed.get(at, (frame, frame)), (frame, frame))
    return needed


def image_timings() -> dict[Any, list[Any]]:
    """For each image the things that hold its timing; None among them: some user whose timing is not known."""
    timings: dict[Any, list[Any]] = {}
    for tree, owner in trees():
        moving = [one.animation_data for one in (tree, owner) if getattr(one, "animation_data", None)]
        animated = any(one.action or len(one.drivers) or len(one.nla_tracks) for one in moving)
        for node in tree.nodes:
            image = getattr(node, "image", None)
            if image is not None:
                user = getattr(node, "image_user", node)
                known = hasattr(user, "frame_duration") and not animated
                timings.setdefault(image, []).append(user if known else None)
    for texture in bpy.data.textures:
        if getattr(texture, "image", None) is not None:
            timings.setdefault(texture.image, []).append(None if texture.animation_data else texture.image_user)
    return timings


def image_number(user: Any, frame: int) -> int:
    """The number of a sequence's picture at a frame of the scene; BKE_image_user_frame_get is the source."""
    at, length = frame - user.frame_start + 1, user.frame_duration
    at = (at - 1) % max(length, 1) + 1 if user.use_cyclic else min(max(at, 0), length)
    return at + user.frame_offset


def add_pictures(files: Files, path: str, image: Any, users: list[Any]) -> None:
    """Notes the pictures of a sequence that its users show."""
    wanted: dict[int, Span] = {}
    maybe: dict[int, Span] = {}
    for user in users:
        if user is None:
            files.add_numbers(path, "image sequence", image, None)
            return
        shown = spans(files.frames, lambda frame, one=user: image_number(one, frame))
        early = shown.pop(user.frame_offset, None)
        if early:  # before its start a sequence shows the picture before its first, or the first, or nothing
            maybe |= {user.frame_offset: None, user.frame_offset + 1: early}
        if not user.use_auto_refresh:  # some engines stay where the artist left it
            maybe[user.frame_current] = None
        for number, span in shown.items():
            wanted[number] = join(wanted.get(number, span), span)
    files.add_numbers(path, "image sequence", image, wanted, maybe)


def images(files: Files, views: list[str]) -> None:
    """Pictures: single ones, sequences, tiles, movies, and the other eyes of stereo pairs."""
    timings = image_timings()
    for image in bpy.data.images:
        if image.source not in {"FILE", "SEQUENCE", "MOVIE", "TILED"} or packed(image) or not image.filepath:
            continue
        stored = [image.filepath]
        if image.use_multiview and image.views_format == "INDIVIDUAL":
            stem, extension = os.path.splitext(image.filepath)
            eye = next((view for view in views if view and stem.endswith(view)), "")
            stored += [stem.removesuffix(eye) + view + extension for view in views if eye and view != eye]
        for path in stored:
            if image.source == "SEQUENCE":
                add_pictures(files, path, image, timings.get(image, [None]))
            elif image.source == "TILED":
                files.seen.add(os.path.normcase(absolute(path, image)))
                for tile in image.tiles:
                    u, v = (tile.number - 1001) % 10 + 1, (tile.number - 1001) // 10 + 1
                    one = path.replace("<UDIM>", str(tile.number)).replace("<UVTILE>", f"u{u}_v{v}")
                    files.add(absolute(one, image), one, "image tile", image)
            else:
                files.add(absolute(path, image), path, "movie" if image.source == "MOVIE" else "image", image)


def media(files: Files) -> None:
    """Movie clips, sounds, fonts and the strips of the sequencer."""
    for clip in bpy.data.movieclips:
        if clip.source == "MOVIE":
            files.add(absolute(clip.filepath, clip), clip.filepath, "movie clip", clip)
        elif clip.source == "SEQUENCE":
            first = first_number(clip.filepath) + clip.frame_offset
            shown = spans(files.frames, lambda frame, shift=first - clip.frame_start: frame + shift)
            inside = {number: span for number, span in shown.items() if first <= number < first + clip.frame_duration}
            files.add_numbers(clip.filepath, "movie clip", clip, inside, shown)
    for block in bpy.data.sounds:
        if not packed(block) and block.filepath:
            files.add(absolute(block.filepath, block), block.filepath, "sound", block)
    for block in bpy.data.fonts:
        if not packed(block) and block.filepath and block.filepath != "<builtin>":
            files.add(absolute(block.filepath, block), block.filepath, "font", block)
    for scene in bpy.data.scenes:
        for strip in strips(scene):
            if strip.type == "MOVIE":
                files.add(absolute(strip.filepath, scene), strip.filepath, "strip", scene)
            elif strip.type == "IMAGE":
                folder = strip.directory.rstrip("/\\") + "/"
                for element in strip.elements:
                    files.add(absolute(folder + element.filename, scene), folder + element.filename, "strip", scene)


def volume_number(volume: Any, frame: int) -> int | None:
    """The number of a volume's file at a frame; BKE_volume_sequence_frame is the source."""
    length = volume.frame_duration
    if length <= 0:
        return None
    at, mode = frame - volume.frame_start, volume.sequence_mode
    if mode == "CLIP" and not 0 <= at < length:
        return None
    if mode == "EXTEND":
        at = min(max(at, 0), length - 1)
    elif mode == "REPEAT":
        at %= length
    elif mode == "PING_PONG":
        period = max(2 * length - 2, 1)
        at = at % period
        at = period - at if at >= length else at
    return at + 1 + volume.frame_offset


def geometry(files: Files) -> None:
    """Volumes, Alembic and USD, and the files that modifiers read."""
    for volume in bpy.data.volumes:
        if packed(volume) or not volume.filepath:
            continue
        if not volume.is_sequence:
            files.add(absolute(volume.filepath, volume), volume.filepath, "volume", volume)
            continue
        shown = spans(files.frames, lambda frame, one=volume: volume_number(one, frame))
        near: dict[int, Span] = {}
        for step in (-1, 1) if files.blurred else ():  # motion blur looks there
            for number, span in spans(files.frames, lambda frame, one=volume, by=step: volume_number(one, frame + by)).items():
                near[number] = join(near.get(number, span), span)
        files.add_numbers(volume.filepath, "volume sequence", volume, shown, near)
    for block in bpy.data.cache_files:
        for path in [block.filepath, *(layer.filepath for layer in getattr(block, "layers", ()))]:
            if not path:
                continue
            if block.is_sequence:
                files.add_numbers(path, "cache file", block, None)
            else:
                files.add(absolute(path, block), path, "cache file", block)
            if os.path.splitext(path)[1].lower() in {".usd", ".usda", ".usdc"}:
                files.warnings.append(f"files that {path} itself refers to are not collected")
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.type == "MESH_CACHE" and modifier.filepath:
                files.add(absolute(modifier.filepath, thing), modifier.filepath, "mesh cache", thing)
            elif modifier.type == "OCEAN" and modifier.filepath:
                files.seen.add(os.path.normcase(absolute(modifier.filepath, thing)))
                names = r"(disp|foam|normal|spray|spray_inverse|jminus|eminus|eplus)_\d+\.exr"
                if modifier.is_cached and not files.add_folder(modifier.filepath, "ocean cache", thing, names, False):
                    files.add(absolute(modifier.filepath, thing), modifier.filepath, "ocean cache", thing)
            elif modifier.type == "FLUID" and getattr(modifier, "domain_settings", None) is not None:
                domain = modifier.domain_settings
                in_name = r"_(\d{4,})\.[a-z.]+$" if domain.cache_frame_offset == 0 else ""
                there = files.add_folder(domain.cache_directory, "fluid cache", thing, number=in_name)
                if not there and domain.has_cache_baked_data:
                    files.add(absolute(domain.cache_directory, thing), domain.cache_directory, "fluid cache", thing)
            elif modifier.type == "NODES":
                folders = [getattr(modifier, name, "") for name in ("bake_directory", "simulation_bake_directory")]
                folders += [bake.directory for bake in getattr(modifier, "bakes", ()) if bake.use_custom_path]
                for folder in folders:
                    if folder:
                        files.add_folder(folder, "geometry nodes bake", thing)


def simulations(files: Files) -> None:
    """Caches of simulations on disk: blendcache_NAME beside the .blend, or a folder of the artist's."""
    for owner, _, point_cache in point_caches():
        for cache in point_cache.point_caches or [point_cache]:
            files.seen.add(os.path.normcase(absolute(cache.filepath, owner)) if cache.filepath else "")
            number = r"_(\d{6})(?:_\d+)?\.bphys$"
            if cache.use_external:
                stem = re.escape(cache.name) if cache.name else ""
                if not files.add_folder(cache.filepath or "//", "point cache", owner, stem + r".*\.bphys", False, number):
                    files.add(absolute(cache.filepath or "//", owner), cache.filepath, "point cache", owner)
            elif cache.use_disk_cache:
                library = owner.library if cache.use_library_path else None
                folder, name = os.path.split(base_of(library))
                stored = f"//blendcache_{os.path.splitext(name)[0]}"
                if library != owner.library:
                    stored = os.path.join(folder, stored[2:])
                if not files.add_folder(stored, "point cache", owner, r".*\.bphys", False, number) and cache.is_baked:
                    files.add(absolute(stored, owner), stored, "point cache", owner)


def node_files(files: Files) -> None:
    """IES lights, OSL scripts and cameras, and what geometry nodes import."""
    for tree, owner in trees():
        for node in tree.nodes:
            if node.type in {"TEX_IES", "SCRIPT"} and node.mode == "EXTERNAL" and node.filepath:
                what = "IES light" if node.type == "TEX_IES" else "OSL script"
                files.add(absolute(node.filepath, owner), node.filepath, what, owner)
            elif node.bl_idname.startswith("GeometryNodeImport") and "Path" in node.inputs:
                socket = node.inputs["Path"]
                path = getattr(socket.links[0].from_node, "string", "") if socket.is_linked else socket.default_value
                if path:
                    files.add(absolute(path, owner), path, "imported geometry", owner)
                elif socket.is_linked:
                    files.warnings.append(f"the file that {node.name} in {tree.name} imports is computed and not collected")
    for camera in bpy.data.cameras:
        if getattr(camera, "custom_mode", "") == "EXTERNAL" and camera.custom_filepath:
            files.add(absolute(camera.custom_filepath, camera), camera.custom_filepath, "OSL script", camera)


def libraries(files: Files) -> None:
    """Linked .blend files, those linked by them too: Blender has read them all by now."""
    for library in bpy.data.libraries:
        if not packed(library) and not getattr(library, "is_archive", False):
            files.add(base_of(library), library.filepath, "library", library)


def rest(files: Files) -> None:
    """What Blender lists and nothing above has thought of."""
    for block in bpy.data.texts:
        if block.filepath:
            files.seen.add(os.path.normcase(absolute(block.filepath, block)))  # its words are in the .blend
    for block in bpy.data.brushes:
        if getattr(block, "icon_filepath", ""):
            files.seen.add(os.path.normcase(absolute(block.icon_filepath, block)))
    scene = bpy.context.scene
    found: list[tuple[Any, str]] = []
    if hasattr(bpy.data, "file_path_foreach"):  # 5.0
        bpy.data.file_path_foreach(lambda owner, path, _: found.append((owner, path)))
    else:
        found = [(scene, path) for path in bpy.utils.blend_paths(absolute=True, packed=False, local=False)]
    for owner, path in found:
        place = absolute(path, owner)
        if path and os.path.normcase(place) not in files.seen and not os.path.isdir(place):
            files.add(place, path, "other", owner)


def walk(scene: Any, frames: list[int]) -> Files:
    """Every file that rendering frames of scene reads, and those that other scenes of the .blend do."""
    files = Files(Needs(scene), frames, scene.render.use_motion_blur)
    libraries(files)
    images(files, [view.file_suffix for view in scene.render.views])
    for part in (media, geometry, simulations, node_files, rest):
        part(files)
    return files
