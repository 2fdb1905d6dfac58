"""Installs an add-on from a zip in this Blender as its own operators do, and enables it.

Run as `blender -b --python installaddon.py -- WAY ZIP`, with WAY one of legacy (Preferences > Add-ons > Install), extension
(Install from Disk) and look (nothing is installed: is it enabled from the last time?). Prints the module's name, where it
lies and what its program says of its version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import bpy


def install(way: str, path: str) -> str:
    """Returns the name of the module."""
    if way == "extension":
        result = bpy.ops.extensions.package_install_files(filepath=path, repo="user_default", enable_on_install=True)
        assert result == {"FINISHED"}, result
        bpy.ops.wm.save_userpref()  # with a window Blender does so when it ends
        return "bl_ext.user_default.netrender"
    if way == "legacy":
        result = bpy.ops.preferences.addon_install(filepath=path)
        assert result == {"FINISHED"}, result
        result = bpy.ops.preferences.addon_enable(module="netrender")
        assert result == {"FINISHED"}, result
        bpy.ops.wm.save_userpref()
    return "netrender"


def main(way: str, path: str) -> None:
    """Installs and tells."""
    import addon_utils  # is there once bpy is

    name = install(way, path)
    default, loaded = addon_utils.check(name)
    assert default and loaded, (name, default, loaded)
    assert name in bpy.context.preferences.addons, list(bpy.context.preferences.addons.keys())
    module = sys.modules[name]
    home = os.path.dirname(os.path.realpath(module.__file__ or ""))
    program = os.path.join(home, "bin", "netrender.exe" if os.name == "nt" else "netrender")
    said = ""
    if os.path.exists(program):
        os.chmod(program, 0o755)  # installing loses it; the add-on does the same
        said = subprocess.run([program, "version"], capture_output=True, check=True, text=True).stdout.strip()
    with open(os.path.join(home, "farm.json"), encoding="utf-8") as file:
        farm = json.load(file)
    found = {
        "module": name,
        "home": home,
        "info": list(getattr(module, "bl_info", {}).get("version", ())),
        "program": said,
        "farm": farm,
    }
    print("\nINSTALLED " + json.dumps(found), flush=True)


main(*sys.argv[sys.argv.index("--") + 1 :])
