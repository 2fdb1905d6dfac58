"""What Cycles can compute on, and the choice of it."""

from __future__ import annotations

from typing import Any

import bpy

from .failure import Failure

TYPES = ("CUDA", "OPTIX", "HIP", "ONEAPI", "METAL")


def _preferences() -> Any:
    addon = bpy.context.preferences.addons.get("cycles")
    return addon.preferences if addon else None


def _of_type(preferences: Any, kind: str) -> list:
    """The devices of one kind in Blender's own order; none when the build or the machine has none."""
    try:
        return [d for d in preferences.get_devices_for_type(kind) if d.type == kind]
    except (ValueError, TypeError, AttributeError):
        return []


def found() -> list[dict]:
    """Every device as {"id": "cuda:0", "name": ...}; the CPU first."""
    preferences = _preferences()
    if preferences is None:
        return []
    cpus = [d.name for d in _of_type(preferences, "CPU")]
    result = [{"id": "cpu", "name": cpus[0] if cpus else "CPU"}]
    for kind in TYPES:
        for number, device in enumerate(_of_type(preferences, kind)):
            result.append({"id": f"{kind.lower()}:{number}", "name": device.name})
    return result


def choose(wish: str) -> str:
    """Enables exactly the device named "cpu", "cuda:0", "hip:all", ...; "" changes nothing. Returns the name of what is used."""
    if wish in ("", "cpu"):
        return wish
    kind, _, which = wish.upper().partition(":")
    preferences = _preferences()
    have = _of_type(preferences, kind) if preferences and kind in TYPES else []
    chosen = have if which == "ALL" else [d for number, d in enumerate(have) if str(number) == (which or "0")]
    if not chosen:
        names = ", ".join(d["id"] for d in found()) or "none"
        raise Failure("no-device", f"this Blender finds no compute device {wish} here (it has {names})")
    preferences.compute_device_type = kind
    for device in preferences.devices:
        device.use = any(device.id == c.id and device.type == c.type for c in chosen)
    return " + ".join(d.name for d in chosen)


def apply(scene: Any, wish: str) -> None:
    """Makes the scene use the chosen device."""
    if wish and hasattr(scene, "cycles"):
        scene.cycles.device = "CPU" if wish == "cpu" else "GPU"
