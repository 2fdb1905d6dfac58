"""What the farm is asked for, as words of the netrender program. Nothing here knows Blender."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """A scene as it is sent: which file, which frames, with which options."""

    blend: str  # the scene's own file, which need not exist where copy is given
    frames: str = ""  # as 1-250; "": the scene's own
    engine: str = ""  # "": the scene's own
    copy: str = ""  # a copy of blend with changes that were not saved
    collected: str = ""  # a file that says which files the scene reads
    blender: str = ""  # the Blender that reads the scene, where it is not collected
    options: dict[str, Any] = field(default_factory=dict)  # by the names of SceneOptions

    def words(self, verb: str) -> list[str]:
        """The words of render, submit or check."""
        found = [verb, self.blend, "--progress"]
        for flag, value in (
            ("--frames", self.frames),
            ("--engine", self.engine),
            ("--unsaved", self.copy),
            ("--collected", self.collected if not self.options.get("pack") else ""),
            ("--blender", self.blender),
        ):
            if value:
                found.append(f"{flag}={value}")
        return found + words(fitting(self.options, verb, self.frames))


def fitting(options: dict[str, Any], verb: str, wanted: str) -> dict[str, Any]:
    """The options without what does not go together, or not with the scene, so that what was set once for another engine keeps
    nobody from rendering. engine among them is the scene's; "" where it is not known."""
    found = dict(options)
    if verb == "render" and wanted.lstrip("-").isdigit():  # one frame is looked at, not the animation up to it
        found["in_order"] = False
    if found.get("in_order"):
        found |= {"tiles": "", "samples_split": "", "bake": False}
    if found.get("tiles"):
        found["samples_split"] = ""
    else:
        found |= {"overscan": 0, "keep_adaptive": False}
    if found.get("engine", "CYCLES") not in ("", "CYCLES"):
        found |= {"samples_split": "", "keep_adaptive": False}
    if verb == "render":  # frames that are shown in a window are no film
        found |= {"film": "", "no_film": False}
    return found


def words(options: dict[str, Any]) -> list[str]:
    """Options that are not the usual ones, as flags."""
    found = []
    for name, flag, usual in (
        ("name", "--name", ""),
        ("priority", "--priority", 1),
        ("chunk", "--chunk", 1),
        ("tiles", "--tiles", ""),
        ("samples_split", "--samples-split", ""),
        ("overscan", "--overscan", 0),
        ("film", "--film", ""),
        ("order", "--order", "linear"),
        ("attempts", "--attempts", 0),
        ("timeout", "--timeout", ""),
        ("exr", "--exr", "full"),
        ("threads", "--threads", 0),
        ("gpu", "--gpu", ""),
        ("memory", "--memory", ""),
        ("copy_to", "--copy-to", ""),
    ):
        value = options.get(name, usual)
        if value not in (usual, "", None):
            found.append(f"{flag}={value}")
    for name, flag in (("tags", "--need-tags"), ("allow", "--allow"), ("deny", "--deny")):
        for one in str(options.get(name, "")).split(","):
            if one.strip():
                found.append(f"{flag}={one.strip()}")
    for name, flag, usual in (
        ("keep_adaptive", "--keep-adaptive", False),
        ("no_film", "--no-film", False),
        ("bake", "--bake", False),
        ("in_order", "--in-order", False),
        ("outputs", "--no-outputs", True),
        ("preview", "--no-preview", True),
        ("pack", "--pack", False),
        ("scripts", "--scripts", False),
        ("any_blender", "--any-blender", False),
        ("allow_missing", "--allow-missing", False),
    ):
        if bool(options.get(name, usual)) != usual:
            found.append(flag)
    return found


def frames(first: int, last: int, step: int = 1) -> str:
    """Frames as the program reads them."""
    if first == last:
        return str(first)
    return f"{first}-{last}" + (f"x{step}" if step > 1 else "")
