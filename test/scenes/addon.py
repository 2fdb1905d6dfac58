"""A scene that nothing can render but an add-on's engine: addon.blend, and that add-on in three forms.

addons/flat_engine/ is a legacy add-on, flat_engine.zip the same as a file, and flat_extension.zip an extension (Blender 4.2
and later). The engine fills the picture with a colour that depends on the frame: (frame / 16, 0.25, 0.5).
"""

from __future__ import annotations

import os
import sys
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene as stage

SOURCE = '''
bl_info = {"name": "Flat Engine", "author": "Netrender", "version": (1, 0, 0), "blender": (3, 4, 0), "category": "Render"}

import bpy


class Flat(bpy.types.RenderEngine):
    """Fills the picture with one colour."""

    bl_idname = "FLAT"
    bl_label = "Flat"

    def render(self, depsgraph):
        """Every pixel of every layer is the frame's colour."""
        scene = depsgraph.scene
        scale = scene.render.resolution_percentage / 100
        wide, high = int(scene.render.resolution_x * scale), int(scene.render.resolution_y * scale)
        colour = (scene.frame_current / 16, 0.25, 0.5, 1.0)
        result = self.begin_result(0, 0, wide, high)
        for layer in result.layers:
            layer.passes["Combined"].rect = [colour] * (wide * high)
        self.end_result(result)


class FlatNode(bpy.types.ShaderNodeCustomGroup):
    """A node that only this add-on knows."""

    bl_idname = "FlatNode"
    bl_label = "Flat"


def register():
    """Called when the add-on is enabled."""
    bpy.utils.register_class(Flat)
    bpy.utils.register_class(FlatNode)


def unregister():
    """Called when it is disabled."""
    bpy.utils.unregister_class(FlatNode)
    bpy.utils.unregister_class(Flat)
'''

MANIFEST = """schema_version = "1.0.0"
id = "flat_extension"
version = "1.0.0"
name = "Flat Extension"
tagline = "Fills the picture with one colour"
maintainer = "Netrender"
type = "add-on"
blender_version_min = "4.2.0"
license = ["SPDX:GPL-3.0-or-later"]
"""

want = stage.settings(__doc__ or "", frames=8, samples=1, size="32x18")
folder = os.path.join(want.out, "addons", "flat_engine")
os.makedirs(folder)
with open(os.path.join(folder, "__init__.py"), "w", encoding="utf-8") as file:
    file.write(SOURCE)
with zipfile.ZipFile(os.path.join(want.out, "flat_engine.zip"), "w") as archive:
    archive.writestr("flat_engine/__init__.py", SOURCE)
with zipfile.ZipFile(os.path.join(want.out, "flat_extension.zip"), "w") as archive:
    archive.writestr("blender_manifest.toml", MANIFEST)
    archive.writestr("__init__.py", SOURCE)

scene = stage.fresh(want)
sys.path.append(os.path.dirname(folder))
import flat_engine  # type: ignore[import-not-found]  # written above

flat_engine.register()
stage.camera(scene, (0, -5, 1.6), (0, 0, 0))
box = stage.add(scene, "Cube", stage.cube("Cube", 1.6))
made = stage.material("Odd", (1, 1, 1))[0]
made.node_tree.nodes.new("FlatNode").name = "Flat"
box.data.materials.append(made)
scene.render.engine = "FLAT"
scene.view_settings.view_transform = "Standard"
stage.stamp(scene, "addon")
stage.finish(stage.save(want, "addon"))
