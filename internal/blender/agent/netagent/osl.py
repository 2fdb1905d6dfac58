"""Shader scripts in files beside the scene: compiled elsewhere, for Cycles would write the result next to them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import bpy

from . import holders


@contextlib.contextmanager
def unasked() -> Iterator[None]:
    """Keeps Blender from compiling a script, and from changing its node's sockets, because its path is set."""
    try:
        from cycles import osl
    except ImportError:
        yield
        return
    names = ("update_script_node", "update_custom_camera_shader")
    kept = {name: getattr(osl, name) for name in names if hasattr(osl, name)}
    for name in kept:
        setattr(osl, name, lambda *_: True)
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(osl, name, function)


def compile_all(scratch: str) -> list[str]:
    """Compiles every script into scratch and has its users read that; a sentence for each that does not compile."""
    compiler: Any = None
    with contextlib.suppress(ImportError):
        import _cycles

        compiler = getattr(_cycles, "osl_compile", None)
    if compiler is None:
        return []
    done: dict[str, str] = {}
    failed = []
    with unasked():
        for thing, name, library in holders.scripts():
            path = os.path.normpath(bpy.path.abspath(getattr(thing, name), library=library))
            if not path.lower().endswith(".osl") or not os.path.isfile(path):
                continue
            if path not in done:
                done[path] = os.path.join(scratch, f"script-{len(done)}.oso")
                if not compiler(path, done[path]):
                    done[path] = ""
                    failed.append(f"the shader script {os.path.basename(path)} does not compile")
            if done[path]:
                setattr(thing, name, done[path])
    return failed
