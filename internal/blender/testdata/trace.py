"""Renders frames of a .blend so that a tracer of system calls can tell which files each of them needs: trace.py -- REQUEST

REQUEST is a JSON file: {"blend", "frames", "out": folder for the pictures, "without": {name: files}, "frame": of those}.
The .blend is opened anew for each frame, so that nothing is left of the one before. A file that is never there is
looked for before it is opened, /netrender-mark/N/open, and before the frame is rendered, /netrender-mark/N/render.
After /netrender-mark/end "frame" is rendered once more for each entry of "without", whose files are moved away.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import bpy


def mark(name: str) -> None:
    """Leaves a mark in the trace."""
    try:
        os.close(os.open(f"/netrender-mark/{name}", os.O_RDONLY))
    except OSError:
        pass


def opened(request: dict) -> Any:
    """The scene that renders, just opened, with what opening it sets off done."""
    try:
        bpy.ops.wm.open_mainfile(filepath=request["blend"], load_ui=True, use_scripts=False)
    except RuntimeError as error:  # it has opened the file and says what it misses
        print("opening:", error)
    bpy.context.evaluated_depsgraph_get()
    return bpy.context.window.scene if bpy.context.window else bpy.context.scene


def render(scene: Any, request: dict, frame: int, name: str) -> None:
    """Renders one frame to out/name.png, or out/name_L.png and so on."""
    render = scene.render
    render.filepath, render.use_file_extension = os.path.join(request["out"], name), True
    render.threads_mode, render.threads = "FIXED", 1
    scene.frame_set(frame)  # a render begins with the frame that the scene is at, whichever it will render
    scene.frame_start = scene.frame_end = frame
    bpy.ops.render.render(animation=True)
    for file in os.listdir(request["out"]):
        if file.startswith(f"{name}{frame:04}"):
            target = name + file.removeprefix(f"{name}{frame:04}")
            os.replace(os.path.join(request["out"], file), os.path.join(request["out"], target))


def main() -> None:
    """Does what the request says."""
    with open(sys.argv[sys.argv.index("--") + 1], encoding="utf-8") as file:
        request = json.load(file)
    os.makedirs(request["out"], exist_ok=True)
    for frame in request["frames"]:
        mark(f"{frame}/open")
        scene = opened(request)
        mark(f"{frame}/render")
        render(scene, request, frame, f"frame-{frame}")
    mark("end")
    for name, files in request["without"].items():
        for path in files:
            os.rename(path, path + ".away")
        render(opened(request), request, request["frame"], f"without-{name}")
        for path in files:
            os.rename(path + ".away", path)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the bpy module may wait for itself forever while Python ends
