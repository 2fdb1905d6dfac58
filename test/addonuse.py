"""Uses the add-on as an artist's scripts do: addonuse.py -- ZIP OUT. Prints USED and what came of it."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import types
from typing import Any

import bpy


def offered(scene: Any) -> dict[str, Any]:
    """What the panel of parts offers for an engine, and the words that the options become."""
    import netrender
    from netrender import panels, pump

    class Layout:
        def __init__(self) -> None:
            self.names: list[str] = []

        def column(self) -> Layout:
            return self

        def prop(self, of: Any, name: str) -> None:
            getattr(of, name)
            self.names.append(name)

    def drawn() -> str:
        panel = types.SimpleNamespace(layout=Layout())
        panels.NETRENDER_PT_parts.draw(panel, bpy.context)
        return " ".join(panel.layout.names)

    def words() -> str:
        given = pump.run(netrender.scene.prepare(scene, "1-2")).words("submit")
        return " ".join(word for word in given if re.match("--(tiles|samples|film|bake|in-order|overscan)", word))

    options, found, engine = scene.netrender, {}, scene.render.engine
    options.samples_split, options.film, options.simulations = "2", "webm", "bake"
    found["cycles"], found["words"] = drawn(), words()
    scene.render.engine = "BLENDER_WORKBENCH"
    found["workbench"], found["fitting"] = drawn(), words()
    options.tiles, options.simulations = "auto", "order"
    found["order"], found["in order"] = drawn(), words()
    scene.render.engine = engine
    for name in ("samples_split", "film", "simulations", "tiles"):
        options.property_unset(name)
    return found


def setting(scene: bpy.types.Scene) -> None:
    """Cheap, repeatable, and written as pictures."""
    render = scene.render
    render.engine = "CYCLES"
    scene.cycles.samples = 2
    scene.cycles.use_denoising = False
    render.threads_mode, render.threads = "FIXED", 1
    render.resolution_x, render.resolution_y = 160, 90
    if hasattr(render.image_settings, "media_type"):  # 5.0
        render.image_settings.media_type = "IMAGE"
    render.image_settings.file_format, render.image_settings.color_depth = "OPEN_EXR", "32"
    scene.frame_start, scene.frame_end = 1, 3
    cube = bpy.data.objects["Cube"]
    for frame in (1, 3):
        cube.location.x = frame
        cube.keyframe_insert("location", frame=frame)


def refused(**words: Any) -> list:
    """What a render that does not work says, and after how many seconds."""
    began = time.monotonic()
    engine = bpy.context.scene.render.engine
    try:
        bpy.ops.netrender.render_frame(**words)
    except RuntimeError as error:
        assert bpy.context.scene.render.engine == engine
        return [str(error), time.monotonic() - began]
    return ["", 0]


def by_half(netrender: Any) -> None:
    """An add-on that cannot be registered leaves nothing behind: it can be registered afterwards."""
    netrender.unregister()
    bad = type("BAD_PT_half", (bpy.types.Panel,), {})  # it lies nowhere
    for part in (netrender.send, netrender.serve, netrender.jobs):
        whole, part.CLASSES = part.CLASSES, (*part.CLASSES, bad)
        try:
            netrender.register()
        except (AttributeError, RuntimeError, TypeError, ValueError) as error:
            assert "BAD_PT_half" in str(error), error
        else:
            raise AssertionError(f"{part} was registered")
        part.CLASSES = whole
    netrender.register()


def main(path: str, out: str) -> None:
    """Does all, in this order."""
    assert bpy.ops.preferences.addon_install(filepath=path) == {"FINISHED"}
    strange = type("STRANGE_PT_panel", (bpy.types.Panel,), {"COMPAT_ENGINES": ("BLENDER_RENDER",)})  # an add-on's
    assert bpy.ops.preferences.addon_enable(module="netrender") == {"FINISHED"}
    import netrender

    assert strange not in netrender.engine.panels()
    by_half(netrender)
    link = netrender.settings.the_link
    scene = bpy.context.scene
    setting(scene)
    found: dict[str, Any] = {}

    def jobs() -> list[dict]:
        return netrender.pump.run(netrender.link.call(link, "jobs"))

    assert not bpy.data.filepath
    scene.render.filepath = os.path.join(out, "farm-")
    assert bpy.ops.netrender.render_animation() == {"FINISHED"}  # never saved
    scene.render.filepath = os.path.join(out, "here-")
    bpy.ops.render.render(animation=True)
    found["animation"] = len(jobs())

    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(out, "shot.blend"))
    assert netrender.scene.same_file()
    os.utime(bpy.data.filepath, (1, 1))  # another program changed it: what is open is not what it holds
    netrender.scene.copy()
    assert not netrender.scene.same_file()
    bpy.ops.wm.save_mainfile()
    assert netrender.scene.same_file()
    scene.netrender.unsaved = False
    assert bpy.ops.netrender.render_frame() == {"FINISHED"}
    found["first"] = len(jobs())
    for _ in range(2):
        assert bpy.ops.netrender.render_frame() == {"FINISHED"}
    found["again"] = len(jobs())
    scene.cycles.samples = 1
    bpy.ops.wm.save_mainfile()
    assert bpy.ops.netrender.render_frame() == {"FINISHED"}
    found["changed"] = len(jobs())

    found["offered"] = offered(scene)
    assert bpy.ops.netrender.check() == {"FINISHED"}
    scene.netrender.priority = 7
    assert bpy.ops.netrender.send_job(frames="2-3") == {"FINISHED"}
    found["last"] = bpy.context.window_manager.netrender.last
    found["sent"] = [[job["id"], job["total"], job["priority"]] for job in jobs() if job["id"] == found["last"]]

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import addonbad

    found["results"] = addonbad.results(netrender, out)
    found["token"] = addonbad.stranger(netrender)
    found["away"] = addonbad.away(netrender)
    found["renamed"] = addonbad.renamed(netrender, out)
    found["both"] = addonbad.both(netrender, out)

    camera, scene.camera = scene.camera, None
    found["no camera"] = refused()
    scene.camera = camera
    image = bpy.data.images.new("floor", 8, 8)
    image.source = "FILE"
    image.filepath = os.path.join(out, "gone", "floor.png")
    material = bpy.data.materials["Material"]
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    material.node_tree.links.new(
        node.outputs["Color"], material.node_tree.nodes["Principled BSDF"].inputs["Base Color"]
    )
    scene.netrender.unsaved = True
    found["missing"] = refused()
    scene.netrender.allow_missing = True
    assert bpy.ops.netrender.render_frame() == {"FINISHED"}
    known = os.environ.pop("NETRENDER_MASTER")  # the token stays: it must be told soon all the same
    link.master = "http://127.0.0.1:1"
    found["no master"] = refused()
    program, link.program = link.program, ""
    found["no program"] = refused()
    os.environ["NETRENDER_MASTER"] = known
    link.program, link.master = program, ""
    assert bpy.ops.netrender.render_frame() == {
        "FINISHED"
    }  # all is well again; Blender exits with 1 after a render that failed
    assert scene.render.engine == "CYCLES"
    print("\nUSED " + json.dumps(found), flush=True)


main(*sys.argv[sys.argv.index("--") + 1 :])
