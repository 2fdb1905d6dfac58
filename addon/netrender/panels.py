"""The panel "Network Render" in Properties, whatever the engine, and a small one beside the output's settings.

Drawing reads memory only: what the farm said last, what goes on, properties. It asks nobody.
"""

# mypy: disable-error-code="misc"

import textwrap
from typing import Any

import bpy

from . import farm, scene, send, serve, settings

TITLES = {
    "off": ("Not connected", "UNLINKED"),
    "starting": ("Looking for the master ...", "TIME"),
    "online": ("", "LINKED"),
    "away": ("No master", "UNLINKED"),
    "offline": ("Online access is off", "INTERNET_OFFLINE"),
    "stranger": ("Not let in yet", "LOCKED"),
    "program": ("The program is missing", "ERROR"),
}


def said(layout: Any, text: str, icon: str = "NONE") -> None:
    """A text of any length, in as many lines as it needs: labels are cut off otherwise."""
    region = bpy.context.region
    scale = bpy.context.preferences.system.ui_scale or 1.0
    width = max(24, int((region.width if region else 400) / (6.6 * scale)) - 10)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, width) or [""]):
        column.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"))


def connection(layout: Any) -> None:
    """Whether the farm is there, and what to do when it is not."""
    known = settings.the_farm
    title, icon = TITLES.get(known.state, (known.state, "QUESTION"))
    if known.state == "online":
        ready = sum(1 for one in known.workers if farm.works(one))
        title = f"Online, {ready} worker{'' if ready == 1 else 's'}" if ready else "Online, but no worker is there"
    row = layout.row()
    row.label(text=title, icon=icon)
    if known.state == "online":
        row.operator("netrender.open_page", text="", icon="URL")
        return
    row.operator("netrender.look_again", text="", icon="FILE_REFRESH")
    if known.code:
        box = layout.box()
        said(box, "Somebody who is let in accepts this code, on the farm's page or with netrender pair accept:")
        row = box.row()
        row.alignment = "CENTER"
        row.scale_y = 2.0
        row.label(text="   ".join(known.code))
        return
    if known.sentence:
        said(layout, known.sentence)
    if known.state == "offline":
        offline(layout)
        if not settings.the_link.master:
            return
    if known.state == "stranger":
        layout.operator("netrender.pair", icon="KEYINGSET")
    masters(layout)


def offline(layout: Any) -> None:
    """How the network may be used, in the words of Blender's preferences."""
    if getattr(bpy.app, "online_access_override", False):
        said(layout, "Blender was started in offline mode: start it without --offline-mode to use the farm.")
        return
    said(layout, "To use the farm, turn on System > Network > Allow Online Access in Blender's preferences.")
    layout.operator("netrender.show_online", icon="PREFERENCES")


def masters(layout: Any) -> None:
    """The masters that were found; a click chooses one."""
    known = settings.the_farm
    chosen = settings.the_link.master
    if not known.masters and not chosen:
        return
    box = layout.box()
    column = box.column(align=True)
    addresses = [str(one["url"]) for one in known.masters]
    for one in known.masters[:SHOWN]:
        name = f"{one.get('name', '')}  {one['url']}" + ("  (let in)" if one.get("let_in") else "")
        icon = "RADIOBUT_ON" if one["url"] == chosen else "RADIOBUT_OFF"
        column.operator("netrender.choose_master", text=name, icon=icon).address = one["url"]
    if chosen and chosen not in addresses:
        column.operator("netrender.choose_master", text=chosen, icon="RADIOBUT_ON").address = chosen
    if chosen:
        text = "The one on the network" if settings.online() else "The one on this computer"
        column.operator("netrender.choose_master", text=text, icon="RADIOBUT_OFF").address = ""


def bar(layout: Any, text: str, fraction: float) -> None:
    """How far something is."""
    if hasattr(layout, "progress"):
        layout.progress(factor=fraction, text=text)
    else:
        layout.label(text=f"{text}  {fraction:.0%}" if fraction else text)


def going_on(layout: Any) -> None:
    """What is being sent or fetched, and how the last one ended."""
    for one in send.running:
        box = layout.box()
        if one.over:
            said(box, one.summary or one.text, "ERROR" if one.summary else "CHECKMARK")
        else:
            row = box.row()
            row.label(text=one.title)
            row.operator("netrender.stop_sending", text="", icon="X")
            bar(box, one.text, one.fraction)


def buttons(layout: Any) -> None:
    """What is asked of the farm."""
    column = layout.column()
    column.enabled = settings.the_farm.state == "online"
    column.operator("netrender.render_animation", icon="RENDER_ANIMATION")
    column.operator("netrender.render_frame", icon="RENDER_STILL")
    column.operator("netrender.send_job", icon="EXPORT")


class InRender:
    """A panel of the render properties."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"


class NETRENDER_PT_render(InRender, bpy.types.Panel):
    """The main panel."""

    bl_label = "Network Render"

    def draw(self, context: Any) -> None:
        """Draws it."""
        state = context.window_manager.netrender
        self.layout.row().prop(state, "mode", expand=True)
        if state.mode != "CLIENT":
            serve.draw(self.layout, state.mode)
            return
        connection(self.layout)
        buttons(self.layout)
        going_on(self.layout)


class Folded(InRender):
    """A part of the main panel, folded at first."""

    bl_parent_id = "NETRENDER_PT_render"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012, Blender takes no other

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only where scenes are sent."""
        return context.window_manager.netrender.mode == "CLIENT"


class NETRENDER_PT_options(Folded, bpy.types.Panel):
    """How the scene is rendered on the farm."""

    bl_label = "Options"

    def draw(self, context: Any) -> None:
        """Draws all options."""
        layout, options = self.layout, context.scene.netrender
        layout.use_property_split = True
        layout.use_property_decorate = False
        if context.scene.render.engine == settings.ID:
            layout.prop(options, "engine")
        for group in (
            ("name", "frames", "chunk", "order", "priority", "attempts"),
            ("gpu", "tags", "allow", "deny"),
            ("exr", "outputs", "preview"),
            ("pack", "unsaved", "scripts", "allow_missing"),
        ):
            column = layout.column()
            for name in group:
                column.prop(options, name)


class NETRENDER_PT_parts(Folded, bpy.types.Panel):
    """More than whole frames: only what fits the scene is offered."""

    bl_label = "Tiles, Film, Simulations"
    bl_parent_id = "NETRENDER_PT_options"

    def draw(self, context: Any) -> None:
        """Draws them."""
        layout, options = self.layout, context.scene.netrender
        layout.use_property_split = True
        layout.use_property_decorate = False
        cycles = scene.real_engine(context.scene) == "CYCLES"
        if options.simulations != "order":
            column = layout.column()
            column.prop(options, "tiles")
            if options.tiles:
                column.prop(options, "overscan")
                if cycles:
                    column.prop(options, "keep_adaptive")
            elif cycles:
                column.prop(options, "samples_split")
        layout.prop(options, "film")
        layout.prop(options, "simulations")


class NETRENDER_PT_check(Folded, bpy.types.Panel):
    """What keeps the scene from rendering."""

    bl_label = "Check"

    def draw(self, _context: Any) -> None:
        """Draws what the last look at the scene found."""
        layout, found = self.layout, send.checked
        layout.operator("netrender.check", icon="VIEWZOOM")
        if found is None:
            return
        if not found.over:
            bar(layout, found.text, found.fraction)
            return
        for error in found.errors:
            said(layout, f"{error.get('text', '')}. {error.get('hint', '')}".rstrip(". "), "ERROR")
        if found.problem and not found.errors:
            said(layout, str(found.problem), "ERROR")
        for one in found.missing[:SHOWN]:
            lacking(layout, one)
        for warning in found.warnings[:SHOWN]:
            said(layout, warning, "INFO")
        rest = max(0, len(found.missing) - SHOWN) + max(0, len(found.warnings) - SHOWN)
        if rest:
            layout.label(text=f"and {rest} more")
        if not (found.errors or found.missing or found.warnings or found.problem):
            layout.label(text="Nothing keeps it from rendering", icon="CHECKMARK")


SHOWN = 20  # missing files, and warnings


def lacking(layout: Any, one: dict) -> None:
    """A file that is missing, and what needs it."""
    box = layout.box()
    said(box, str(one.get("path", "")), "LIBRARY_DATA_BROKEN")
    for user in (one.get("users") or [])[:3]:
        box.operator("netrender.select_user", text=str(user), icon="RESTRICT_SELECT_OFF").user = str(user)


class NETRENDER_PT_output(bpy.types.Panel):
    """The buttons, beside the settings of the output."""

    bl_label = "Network Render"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012, Blender takes no other

    def draw(self, _context: Any) -> None:
        """Draws it."""
        connection(self.layout)
        buttons(self.layout)
        going_on(self.layout)


CLASSES = (NETRENDER_PT_render, NETRENDER_PT_options, NETRENDER_PT_parts, NETRENDER_PT_check, NETRENDER_PT_output)


def register() -> None:
    """Registers the panels."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    """Takes them away."""
    settings.drop(*CLASSES)
