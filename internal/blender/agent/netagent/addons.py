"""Enables the add-ons that a scene needs, before it is opened."""

from __future__ import annotations

import os
import sys
import traceback
import zipfile
from typing import Any

import bpy

from .failure import Failure

PREFIX = "bl_ext."
OWN = "netrender"  # the repository of extensions that came as zip files


def utils() -> Any:
    """Blender's own module for add-ons; the bpy module puts it on the path."""
    import addon_utils

    return addon_utils


def enable(addons: list[dict], scratch: str) -> None:
    """Enables each add-on of [{"name", "folder", "zip"}]; zip files are unpacked below scratch."""
    for number, addon in enumerate(addons):
        name, folder = addon["name"], addon.get("folder", "")
        if addon.get("zip"):
            name, folder = unpack(addon["zip"], os.path.join(scratch, f"addon-{number}"))
            if not name.startswith(PREFIX):
                prefer(name, folder, os.path.basename(addon["zip"]))
        if name.startswith(PREFIX) and not hasattr(bpy.context.preferences, "extensions"):
            raise Failure("no-addon", f"the add-on {name} is an extension: it needs Blender 4.2 or later")
        if folder and name.startswith(PREFIX):
            repository(name.split(".")[1], folder)
        elif folder and folder not in sys.path:
            sys.path.append(folder)
        start(name)


def start(name: str) -> None:
    """Enables an add-on that Python can find."""
    raised: list[BaseException] = []

    def note(error: BaseException | None = None) -> None:  # 3.4 calls it inside the except clause, with nothing
        raised.append(error or sys.exc_info()[1] or RuntimeError("unknown"))
        traceback.print_exc()

    done = None
    try:
        done = utils().enable(name, default_set=True, persistent=False, handle_error=note)
    except BaseException as error:  # noqa: BLE001, Blender lets pass what is no Exception: sys.exit()
        note(error)
    if raised:
        raise Failure("no-addon", f"the add-on {name} cannot be enabled: {type(raised[0]).__name__}: {raised[0]}")
    if done is None:
        raise Failure("no-addon", f"the add-on {name} is not there, or cannot be enabled in Blender {bpy.app.version_string}")


def prefer(name: str, folder: str, file: str) -> None:
    """Has Python find the add-on that was sent, where Blender brings another version of it."""
    loaded = sys.modules.get(name)
    if loaded is not None and not hasattr(loaded, "__addon_enabled__"):
        raise Failure("no-addon", f"the add-on {file} holds a module called {name}, as one that Blender needs itself")
    if loaded is not None:
        utils().disable(name)
        for module in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
            del sys.modules[module]
    sys.path.insert(0, folder)


def repository(module: str, folder: str) -> None:
    """Makes the extensions in folder known as those of the repository called module."""
    repos: Any = bpy.context.preferences.extensions.repos
    for repo in repos:
        if repo.module == module:
            repo.use_custom_directory, repo.custom_directory, repo.enabled = True, folder, True
            break
    else:
        repos.new(name=module, module=module, custom_directory=folder)
    utils().extensions_refresh()


def unpack(path: str, folder: str) -> tuple[str, str]:
    """Unpacks an add-on; the name of its module and the folder to find it in."""
    file = os.path.basename(path)
    inside = os.path.join(folder, "unpacked")
    os.makedirs(inside)
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(inside)
    except Exception as error:  # noqa: BLE001, each way of packing has errors of its own
        raise Failure("no-addon", f"the add-on {file} cannot be unpacked: {error}") from None
    names = sorted(name for name in os.listdir(inside) if not name.startswith((".", "__MACOSX")))
    for place in (inside, *(os.path.join(inside, name) for name in names)):
        manifest = os.path.join(place, "blender_manifest.toml")
        if os.path.isfile(manifest):
            known = identity(manifest, file)
            home = os.path.join(folder, "repository")
            os.makedirs(home)
            os.rename(place, os.path.join(home, known))
            return f"{PREFIX}{OWN}.{known}", home
    for name in names:
        stem, extension = os.path.splitext(name)
        if os.path.isfile(os.path.join(inside, name, "__init__.py")):
            if "." in name:
                raise Failure("no-addon", f"the add-on {file} holds a folder called {name}: no module can have a dot in its name")
            return name, inside
        if extension == ".py":
            return stem, inside
    raise Failure("no-addon", f"the add-on {file} holds no Python module")


def identity(manifest: str, file: str) -> str:
    """The id that an extension's manifest gives it."""
    with open(manifest, encoding="utf-8", errors="replace") as text:
        for line in text:
            key, _, value = line.partition("=")
            known = value.partition("#")[0].strip().strip("\"'")
            if key.strip() == "id" and known.isidentifier():
                return known
    raise Failure("no-addon", f"the add-on {file} has a manifest without an id")
