"""Says what a .blend reads and what its scene is, without rendering: collect.py -- REQUEST

REQUEST is a JSON file: {"blend", "agent": folder of the netagent package, "result": file to write, "scene": "" for the
active one, "others": names of scenes that are
rendered as well, "all": every one is, "frames": [] for the scenes' own, "place": where the .blend would lie if it is a copy, else "", "engine": that
renders instead of the scene's own, else "", "original" and "mapped": as netagent opens a scene whose files have moved, "addons": [] to enable before, "scratch": a folder for those}. The result is {"error": {"kind", "message"}} or {"blend", "scene", "files",
"warnings"}; collect.go says what is in them, "blend" being the place.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import bpy

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from netcollect import facts, task


def collect(request: dict, opening: Any) -> dict:
    """Opens the .blend and answers."""
    from netagent import mapping, osl

    places = mapping.Places(request["blend"], request.get("original") or "", request.get("mapped") or {})

    def move() -> None:
        with osl.unasked():
            mapping.apply(places)

    with opening.before_evaluation(move) if request.get("mapped") else contextlib.nullcontext():
        opening.load(request, scripts=False)
    scene = bpy.context.window.scene if bpy.context.window else bpy.context.scene
    if request.get("scene"):
        scene = bpy.data.scenes.get(request["scene"])
        if scene is None:
            names = ", ".join(one.name for one in bpy.data.scenes)
            return {"error": {"kind": "no-scene", "message": f"the file has no scene {request['scene']} (it has {names})"}}
    named = request.get("others") or []
    others = [one for one in bpy.data.scenes if one != scene and one.library is None and (request.get("all") or one.name in named)]
    frames = request.get("frames") or []
    return facts.answer(scene, opening, frames, request.get("place") or "", request.get("engine") or "", others)


if __name__ == "__main__":
    task.run(collect)
