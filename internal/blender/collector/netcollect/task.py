"""Runs a script that answers one request and ends."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import bpy


def main(work: Callable[[dict, Any], dict]) -> None:
    """Takes the request and writes what work makes of it, whole or not at all."""
    with open(sys.argv[sys.argv.index("--") + 1], encoding="utf-8") as file:
        request = json.load(file)
    sys.path.insert(0, request["agent"])
    from netagent import addons, failure, opening

    if not bpy.app.binary_path:  # as a module Blender takes no --factory-startup
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    try:
        addons.enable(request.get("addons") or [], request["scratch"])
        result = work(request, opening)
    except failure.Failure as error:
        result = {"error": {"kind": error.kind, "message": str(error)}}
    with open(request["result"] + ".part", "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.replace(request["result"] + ".part", request["result"])


def run(work: Callable[[dict, Any], dict]) -> None:
    """Calls main and leaves with a status that tells how it went."""
    status = 70
    try:
        main(work)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # the bpy module may wait for itself forever while Python ends
