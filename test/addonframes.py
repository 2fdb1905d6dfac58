"""Renders frames here and over the farm in one Blender, by the add-on: addonframes.py -- ZIP OUT

Each case of what a scene may be writes OUT/CASE-here.exr and OUT/CASE-farm.exr, with every pass.
"""

from __future__ import annotations

import os
import sys

import bpy


def install(path: str) -> None:
    """Installs the add-on from its zip and enables it."""
    assert bpy.ops.preferences.addon_install(filepath=path) == {"FINISHED"}
    assert bpy.ops.preferences.addon_enable(module="netrender") == {"FINISHED"}


def setting(scene: bpy.types.Scene) -> None:
    """Cheap, repeatable, and with every pass in the file."""
    render = scene.render
    render.engine = "CYCLES"
    scene.cycles.samples = 2
    scene.cycles.use_denoising = False
    render.threads_mode, render.threads = "FIXED", 1
    render.resolution_x, render.resolution_y = 96, 54
    settings = render.image_settings
    if hasattr(settings, "media_type"):  # 5.0
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth = "OPEN_EXR_MULTILAYER", "32"
    layer = scene.view_layers[0]
    for name in ("z", "normal", "mist", "vector", "position", "diffuse_direct", "emit", "cryptomatte_object"):
        setattr(layer, f"use_pass_{name}", True)
    value = layer.aovs.add()
    value.name, value.type = "my.value", "VALUE"


def main(path: str, out: str) -> None:
    """Renders all cases."""
    install(path)
    scene = bpy.context.scene
    setting(scene)

    def case(name: str, ours: bool = False) -> None:
        render = bpy.context.scene.render
        render.filepath = os.path.join(out, name + "-here.exr")
        bpy.ops.render.render(write_still=True)
        render.filepath = os.path.join(out, name + "-farm.exr")
        if ours:
            bpy.context.scene.netrender.engine = "CYCLES"
            render.engine = "NETRENDER"
            bpy.ops.render.render(write_still=True)
            render.engine = "CYCLES"
        else:
            assert bpy.ops.netrender.render_frame(write=True) == {"FINISHED"}
        assert render.engine == "CYCLES", render.engine

    case("plain")
    case("engine", ours=True)
    render = scene.render
    render.resolution_percentage = 50
    case("half")
    render.resolution_percentage = 100
    render.use_border = True
    render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = 0.25, 0.77, 0.31, 0.8
    case("region")
    render.use_crop_to_border = True
    case("crop")
    render.use_border = False
    render.use_multiview = True
    case("stereo")
    render.use_multiview = False
    scene.view_layers.new("B.layer").use_pass_normal = True
    render.film_transparent = True
    scene.frame_set(17)
    scene.name = "Szene ü"
    case("layers")
    bpy.ops.scene.new(type="FULL_COPY")
    bpy.context.scene.view_layers[0].use = False
    case("second")


main(*sys.argv[sys.argv.index("--") + 1 :])
