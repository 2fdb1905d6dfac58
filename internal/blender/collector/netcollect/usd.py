"""Follows a USD file to the layers that it refers to, and they refer to."""

from __future__ import annotations

import os
import re
from typing import Any

from . import layers
from .files import Files


def nested(files: Files, path: str, owner: Any) -> None:
    """Notes the layers that the file at path refers to, and those refer to; textures are not read from there."""
    if not path.lower().endswith(layers.LAYERS):
        return
    waiting, done = [path], {os.path.normcase(path)}
    while waiting:
        layer = waiting.pop()
        for name, sure in named(files, layer):
            target = os.path.normpath(os.path.join(os.path.dirname(layer), name))
            for one in numbered_layers(files, target):
                if os.path.normcase(one) in done or not sure and not os.path.isfile(one):
                    continue
                done.add(os.path.normcase(one))
                files.add(one, name, "USD layer", owner)
                if os.path.isfile(one):
                    waiting.append(one)


def named(files: Files, layer: str) -> list[tuple[str, bool]]:
    """What a layer refers to, read and warned of once."""
    if layer not in files.layers:
        files.layers[layer] = []
        try:
            files.layers[layer] = layers.references(layer)
        except FileNotFoundError:
            pass  # the list of files says so
        except (OSError, layers.Damaged) as error:
            why = error.strerror if isinstance(error, OSError) else error
            files.warnings.append(f"what {layer} refers to cannot be found out: {why}")
        for name, _ in files.layers[layer]:
            if os.path.isabs(name):
                files.warnings.append(f"{layer} refers to {name} by its whole path, which workers cannot follow: make it relative")
    return files.layers[layer]


def numbered_layers(files: Files, path: str) -> list[str]:
    """The layers of a row whose number is written as ###, or ###.## for parts of frames; of another path itself."""
    folder, name = os.path.split(path)
    parts = re.split("#+", name)
    if len(parts) not in (2, 3):  # more of them would take for ever to find
        return [path]
    pattern = re.compile(r"\d+".join(map(re.escape, parts)))
    return [os.path.join(folder, one) for one in files.siblings(folder) if pattern.fullmatch(one)]
