"""Passes of a view layer, so that nodes of the compositor keep their sockets while our engine is chosen."""

from __future__ import annotations

from typing import Any

import bpy

# Passes of Eevee and Workbench: property of the view layer (or of its eevee settings), name, channels, kind.
BUILT_IN = (
    ("use_pass_z", "Depth", "Z", "VALUE"),
    ("use_pass_mist", "Mist", "Z", "VALUE"),
    ("use_pass_normal", "Normal", "XYZ", "VECTOR"),
    ("use_pass_position", "Position", "XYZ", "VECTOR"),
    ("use_pass_vector", "Vector", "XYZW", "VECTOR"),
    ("use_pass_diffuse_direct", "DiffDir", "RGB", "COLOR"),
    ("use_pass_diffuse_color", "DiffCol", "RGB", "COLOR"),
    ("use_pass_glossy_direct", "GlossDir", "RGB", "COLOR"),
    ("use_pass_glossy_color", "GlossCol", "RGB", "COLOR"),
    ("use_pass_transmission_color", "TransCol", "RGB", "COLOR"),
    ("use_pass_emit", "Emit", "RGB", "COLOR"),
    ("use_pass_environment", "Env", "RGB", "COLOR"),
    ("use_pass_shadow", "Shadow", "RGB", "COLOR"),
    ("use_pass_ambient_occlusion", "AO", "RGB", "COLOR"),
    ("eevee.use_pass_volume_direct", "VolumeDir", "RGB", "COLOR"),
    ("eevee.use_pass_bloom", "BloomCol", "RGB", "COLOR"),
    ("eevee.use_pass_transparent", "Transp", "RGBA", "COLOR"),
)
# What Blender 5.0 calls those whose names it changed.
RENAMED = {
    "DiffDir": "Diffuse Direct",
    "DiffCol": "Diffuse Color",
    "GlossDir": "Glossy Direct",
    "GlossCol": "Glossy Color",
    "TransCol": "Transmission Color",
    "Emit": "Emission",
    "Env": "Environment",
    "AO": "Ambient Occlusion",
    "VolumeDir": "Volume Direct",
    "Transp": "Transparent",
}
CRYPTOMATTES = (("object", "CryptoObject"), ("material", "CryptoMaterial"), ("asset", "CryptoAsset"))


def register(engine: Any, scene: Any, layer: Any, real: str) -> None:
    """Registers the passes that the real engine would."""
    if real == "CYCLES":
        try:
            from cycles.engine import register_passes  # Blender's own add-on
        except ImportError:
            pass
        else:
            register_passes(engine, scene, layer)
            return
    engine.register_pass(scene, layer, "Combined", 4, "RGBA", "COLOR")
    for holder, name, channels, kind in BUILT_IN:
        at: Any = layer
        for part in holder.split("."):
            at = getattr(at, part, None)
        if at:
            name = RENAMED.get(name, name) if bpy.app.version >= (5, 0, 0) else name
            engine.register_pass(scene, layer, name, len(channels), channels, kind)
    for which, name in CRYPTOMATTES:
        if getattr(layer, f"use_pass_cryptomatte_{which}", False):
            for number in range((layer.pass_cryptomatte_depth + 1) // 2):
                engine.register_pass(scene, layer, f"{name}{number:02d}", 4, "rgba", "COLOR")
    for aov in getattr(layer, "aovs", ()):
        if aov.is_valid:
            color = aov.type == "COLOR"
            engine.register_pass(
                scene, layer, aov.name, 4 if color else 1, "RGBA" if color else "X", "COLOR" if color else "VALUE"
            )
