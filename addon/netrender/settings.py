"""What a scene and this Blender are set to: properties and preferences."""

# mypy: disable-error-code="valid-type"

import os
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from . import farm, link

ID = "NETRENDER"  # of the engine


def online() -> bool:
    """Whether add-ons may use the network. Since 4.2 people decide that for all of them, and extensions have to heed it; the
    platform's rule is about what leaves the computer, so a master on this one is spoken to all the same."""
    return bool(getattr(bpy.app, "online_access", True))


the_link = link.Link()  # to the program, as the preferences say
the_link.online = online
the_farm = farm.Farm()


def engines(_self: Any, _context: Any) -> list[tuple[str, str, str]]:
    """The engines that this Blender has, but for our own. Blender needs the strings to stay alive."""
    found = {"CYCLES": "Cycles"}
    for name in ("BLENDER_EEVEE_NEXT", "BLENDER_EEVEE", "BLENDER_WORKBENCH"):
        if name in _built_in():
            found[name] = {"BLENDER_WORKBENCH": "Workbench"}.get(name, "Eevee")
    for kind in bpy.types.RenderEngine.__subclasses__():
        name = getattr(kind, "bl_idname", "")
        if name and name not in {ID, "NETRENDER_SERVE", "HYDRA_STORM"}:
            found.setdefault(name, getattr(kind, "bl_label", name))
    engines.kept = [(name, label, f"Render with {label} on the farm") for name, label in found.items()]  # type: ignore[attr-defined]
    return engines.kept  # type: ignore[attr-defined]


def _built_in() -> set[str]:
    """Engines that are a part of Blender itself, by its version."""
    version = bpy.app.version
    eevee = "BLENDER_EEVEE_NEXT" if (4, 2, 0) <= version < (5, 0, 0) else "BLENDER_EEVEE"
    return {eevee, "BLENDER_WORKBENCH"}


class SceneOptions(bpy.types.PropertyGroup):
    """How a scene is rendered on the farm; saved with it."""

    engine: EnumProperty(name="Engine", description="Engine that renders the scene on the farm", items=engines)
    frames: StringProperty(
        name="Frames", description="Frames to render, as 1-250 or 1,5,9 or 1-100x5; empty: the scene's own range"
    )
    name: StringProperty(name="Name", description="The job's name; empty: the file's")
    priority: IntProperty(
        name="Priority", description="A job of priority 2 counts as two jobs", default=1, min=1, max=100
    )
    chunk: IntProperty(name="Frames at Once", description="Frames handed out together", default=1, min=1, max=10000)
    tiles: StringProperty(
        name="Tiles",
        description="Render each frame in so many tiles on as many workers, as 4x3 (columns x rows), or auto; "
        "empty: in one piece",
    )
    samples_split: StringProperty(
        name="Sample Parts",
        description="Render each frame in so many parts of its samples on as many workers, 2 to 64, or auto; only with Cycles",
    )
    overscan: IntProperty(
        name="Overscan",
        description="Pixels that are rendered around each tile, for effects that look at neighbours",
        default=0,
        min=0,
        max=1024,
        subtype="PIXEL",
    )
    keep_adaptive: BoolProperty(
        name="Adaptive Sampling",
        description="Keep it in tiles: quicker, but pixels near the cuts differ from those of a whole frame",
    )
    film: EnumProperty(
        name="Film",
        description="A film of the job's frames, made by the farm when they are done",
        items=[
            ("usual", "Of Movies", "One where the scene's own output is a movie"),
            ("auto", "As Fits", "As the scene encodes where its output is a movie, else H.264, else VP9"),
            ("scene", "As the Scene", "By the scene's own encoding settings"),
            ("mp4", "MP4", "H.264 and AAC"),
            ("webm", "WebM", "VP9 or AV1, and Opus"),
            ("lossless", "Lossless", "FFV1 and FLAC: every pixel of the frames, 8 bits a channel"),
            ("none", "None", "No film, although the scene's own output is a movie"),
        ],
    )
    simulations: EnumProperty(
        name="Simulations",
        description="What the farm does about simulations that are not baked",
        items=[
            ("none", "As They Are", "Every frame is rendered as if it were the first one asked for"),
            ("bake", "Bake First", "The farm computes them first; all frames read the same caches"),
            ("order", "In Order", "One worker renders all frames one after the other, from the first on"),
        ],
    )
    order: EnumProperty(
        name="Order",
        description="Which frames come first",
        items=[
            ("linear", "First to Last", "In the order of the animation"),
            ("reverse", "Last to First", "Backwards"),
            ("outside-in", "Outside In", "First, last, middle, quarters: a preview of the whole shot exists early"),
        ],
    )
    attempts: IntProperty(
        name="Attempts",
        description="Failed attempts before a frame is failed; 0: the farm's rule",
        default=0,
        min=0,
        max=100,
    )
    tags: StringProperty(name="Tags", description="Only workers that have all of these tags, separated by commas")
    allow: StringProperty(name="Only On", description="Only these workers, separated by commas; empty: all")
    deny: StringProperty(name="Not On", description="Not these workers, separated by commas")
    gpu: EnumProperty(
        name="Device",
        description="Devices of the workers that render",
        items=[
            ("any", "Any", "All workers"),
            ("cuda", "CUDA", "Only workers that render with CUDA"),
            ("optix", "OptiX", "Only workers that render with OptiX"),
            ("hip", "HIP", "Only workers that render with HIP"),
            ("oneapi", "oneAPI", "Only workers that render with oneAPI"),
            ("metal", "Metal", "Only workers that render with Metal"),
        ],
    )
    exr: EnumProperty(
        name="Passes",
        description="The multilayer EXR of every frame",
        items=[
            ("full", "Full", "Every pass, exactly as Blender computed it"),
            ("half", "Half", "Every pass, in half the room and a little less exact"),
            ("none", "None", "None; frames cannot be shown in the render window then"),
        ],
    )
    outputs: BoolProperty(name="Scene's Own Files", description="Keep what the scene itself writes", default=True)
    preview: BoolProperty(name="Previews", description="Keep a small picture of every frame", default=True)
    pack: BoolProperty(
        name="Pack",
        description="Send pictures, sounds and fonts inside the .blend, not beside it; your file is not changed",
    )
    unsaved: BoolProperty(
        name="Unsaved Changes", description="Send the scene as it is now; otherwise as it was last saved", default=True
    )
    scripts: BoolProperty(
        name="Scripts", description="Let the scene's own Python run, on workers that allow it", default=False
    )
    allow_missing: BoolProperty(
        name="Allow Missing Files", description="Send the scene although files of it are missing"
    )

    def as_options(self) -> dict[str, Any]:
        """The options by name."""
        names = (
            "name", "priority", "chunk", "tiles", "samples_split", "overscan", "keep_adaptive", "order", "attempts", "tags", "allow", "deny",
            "exr", "outputs", "preview", "pack", "scripts", "allow_missing",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {
            "gpu": "" if self.gpu == "any" else self.gpu,
            "film": "" if self.film in {"usual", "none"} else self.film,
            "no_film": self.film == "none",
            "bake": self.simulations == "bake",
            "in_order": self.simulations == "order",
        }


class Row(bpy.types.PropertyGroup):
    """A line of a list: which job or worker is drawn there. What is drawn is looked up in the_farm."""

    number: IntProperty()  # of the job


class WindowState(bpy.types.PropertyGroup):
    """What the panels show; not saved."""

    mode: EnumProperty(
        name="Mode",
        description="What this Blender does",
        items=[
            ("CLIENT", "Client", "Send scenes to the farm and bring frames home"),
            ("WORKER", "Worker", "Render frames of others on this computer"),
            ("MASTER", "Master", "Share jobs out among workers"),
        ],
    )
    last: IntProperty(description="Number of the job that was sent last")
    followed: IntProperty(description="Number of the job sent last that was chosen in the list")
    every_job: BoolProperty(name="All Jobs", description="Jobs of other files, too")
    job: IntProperty(name="Job")
    worker: IntProperty(name="Worker")
    jobs: CollectionProperty(type=Row)
    workers: CollectionProperty(type=Row)


class Preferences(bpy.types.AddonPreferences):
    """What this computer is set to."""

    bl_idname = __package__ or "netrender"

    master: StringProperty(
        name="Master",
        description="The master's address, as http://farm:8420; empty: the one on the network",
        update=lambda s, _c: s.apply(),
    )
    program: StringProperty(
        name="Program", description="The netrender program; empty: the one inside the add-on, or on the PATH", subtype="FILE_PATH",
        update=lambda s, _c: s.apply(),
    )  # fmt: skip
    blender: StringProperty(
        name="Blender",
        description="Blender that a worker started from here renders with; empty: this one",
        subtype="FILE_PATH",
    )
    cache: StringProperty(
        name="Cache Folder", description="Where frames and scenes' files of the farm are kept; empty: the usual place", subtype="DIR_PATH",
        update=lambda s, _c: s.apply(),
    )  # fmt: skip
    cache_size: IntProperty(
        name="Cache Size (GB)", description="Room for files of other people's scenes", default=50, min=1, max=100_000
    )
    address: StringProperty(
        name="Interface", description="Address that a master started from here listens on; empty: all"
    )
    port: IntProperty(
        name="Port", description="Port that a master started from here listens on", default=8420, min=1, max=65535
    )
    stay: BoolProperty(
        name="Go On in the Background",
        description="A master or worker started from here goes on when Blender is closed",
    )
    notify: BoolProperty(
        name="Tell When Jobs End", description="Show a message when a job of this computer ends", default=True
    )

    def apply(self) -> None:
        """Has what follows use these preferences."""
        home = os.path.dirname(__file__)
        the_link.program = settled(link.find(bpy.path.abspath(self.program), home), home)
        the_link.master = self.master or link.told(home)
        the_link.data = bpy.path.abspath(self.cache) if self.cache else ""
        the_farm.again = True

    def draw(self, _context: Any) -> None:
        """Draws them."""
        layout = self.layout
        layout.use_property_split = True
        row = layout.row(align=True)
        row.prop(self, "master")
        row.operator("netrender.find_masters", text="", icon="VIEWZOOM")
        if not online():
            layout.label(text="Online access is off: only this computer's master is used", icon="INTERNET_OFFLINE")
        if the_farm.looking:
            layout.label(text="Looking for masters ...", icon="TIME")
        for one in the_farm.masters:
            row = layout.row()
            row.alignment = "RIGHT"
            row.label(text=str(one.get("name", "")))
            row.operator("netrender.choose_master", text=one["url"]).address = one["url"]
        layout.prop(self, "program")
        if not the_link.program:
            layout.label(text="The netrender program was not found", icon="ERROR")
        layout.prop(self, "cache")
        layout.prop(self, "notify")
        layout.separator()
        layout.label(text="A worker or master that is started here:")
        for group in (("blender", "cache_size"), ("address", "port"), ("stay",)):
            column = layout.column()
            for name in group:
                column.prop(self, name)


def settled(program: str, home: str) -> str:
    """The program as it is run: on Windows not from the add-on's own folder."""
    if os.name != "nt" or not program or os.path.dirname(program) != os.path.join(home, "bin"):
        return program
    return link.copied(
        program, bpy.utils.user_resource("DATAFILES", path=os.path.join("netrender", "bin"), create=True)
    )


def preferences() -> Preferences | None:
    """The preferences; None when the add-on is registered without being enabled, as tests do."""
    found = bpy.context.preferences.addons.get(Preferences.bl_idname)
    return found.preferences if found else None


CLASSES = (SceneOptions, Row, WindowState, Preferences)


def register() -> None:
    """Registers properties."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.Scene.netrender = PointerProperty(type=SceneOptions)
    bpy.types.WindowManager.netrender = PointerProperty(type=WindowState)
    found = preferences()
    if found:
        found.apply()
    else:
        home = os.path.dirname(__file__)
        the_link.program, the_link.master = settled(link.find("", home), home), link.told(home)


def unregister() -> None:
    """Takes them away, and stops what was started."""
    the_link.stop()
    for holder in (bpy.types.WindowManager, bpy.types.Scene):
        if hasattr(holder, "netrender"):
            del holder.netrender
    drop(*CLASSES)


def drop(*kinds: Any) -> None:
    """Takes classes away, those that were registered last first; where registering them failed, some are not there."""
    for kind in reversed(kinds):
        if kind.is_registered:
            bpy.utils.unregister_class(kind)


def unlisten(handlers: list, one: Any) -> None:
    """Takes a handler away, if it is there."""
    if one in handlers:
        handlers.remove(one)
