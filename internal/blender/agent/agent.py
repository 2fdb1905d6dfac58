"""The script that Blender runs in a session: takes requests from the program that started it, one at a time, and answers.

agent.py -- HANDOVER: a private JSON file that is removed at once; it says how to reach the program.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import bpy
from netagent import addons, baking, channel, devices, filming, finishing, logs, opening, rendering
from netagent.failure import Failure

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def serve(link: channel.Channel, handover: dict, session: opening.Session) -> None:
    """Answers requests until the other side hangs up or says quit."""
    verbs = {
        "open": lambda request: opened(session, request),
        "render": lambda request: rendering.render(session, link, request),
        "film": lambda request: filming.film(session, link, request),
        "bake": lambda request: baking.bake(session, link, request),
        "display": display,
    }
    while True:
        request = link.receive()
        if request is None or request.get("verb") == "quit":
            return
        reply: dict = {"id": request.get("id")}
        session.watch.begin()
        try:
            reply["ok"] = verbs[request["verb"]](request)
        except Failure as failure:
            reply["error"] = {"kind": failure.kind, "message": str(failure)}
        except Exception as error:  # noqa: BLE001, whatever it was, there must be an answer
            traceback.print_exc()
            reply["error"] = unexpected(error)
        logs.mark(handover["mark"], request.get("id"))
        link.send(reply)


def unexpected(error: Exception) -> dict:
    """What is said of an exception that nobody foresaw: it is this agent's, which calls all that runs here."""
    if isinstance(error, MemoryError):
        return {"kind": "no-memory", "message": "the machine ran out of memory"}
    if isinstance(error, OSError) and error.errno in FULL:
        return {"kind": "no-space", "message": f"the disk is full: {error.strerror}"}
    return {"kind": "agent", "message": f"Netrender's own part in Blender failed: {type(error).__name__}: {error}"}


def opened(session: opening.Session, request: dict) -> dict:
    """Opens a scene and says what its Python raised meanwhile."""
    facts = session.open(request)
    facts["script_errors"] = session.watch.end(drivers=False)
    return facts


def display(request: dict) -> dict:
    """Points Blender at a display before it first needs one."""
    for name in ("DISPLAY", "XAUTHORITY"):
        os.environ[name] = request[name]
    return {}


def main() -> None:
    """Takes the handover and serves."""
    path = sys.argv[sys.argv.index("--") + 1]
    with open(path, encoding="utf-8") as file:
        handover = json.load(file)
    os.unlink(path)
    link = channel.connect(handover)
    if not bpy.app.binary_path:  # as a module Blender takes no --factory-startup
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    bpy.context.preferences.edit.use_global_undo = False
    hello: dict = {"event": "hello", "version": bpy.app.version_string, "pid": os.getpid()}
    finishing.register()
    session = opening.Session(handover)  # before add-ons: what they hang into Blender counts as the scene's
    try:
        hello["device"] = devices.choose(handover["device"])
        addons.enable(handover["addons"], handover["scratch"])
    except Failure as failure:
        hello["error"] = {"kind": failure.kind, "message": str(failure)}
    logs.flush()
    link.send(hello)
    serve(link, handover, session)


if __name__ == "__main__":
    status = 0
    try:
        main()
    except BaseException:  # noqa: BLE001, it is printed, and the process ends
        traceback.print_exc()
        status = 70
    logs.flush()
    os._exit(status)  # nothing of Blender's own clean-up is worth waiting for
