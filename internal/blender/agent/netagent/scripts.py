"""Notices when the scene's own Python fails: Blender prints that, goes on, and nobody would be told."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType

import bpy

from . import stateful

LIMIT = 5  # sentences of each kind
OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Watch:
    """Collects what was raised since begin. Blender hands it to sys.excepthook: of text blocks, handlers, drivers, add-ons."""

    def __init__(self) -> None:
        self.allowed = False  # the scene's Python runs
        self._raised: dict[object, str] = {}
        self._driver = False

    def begin(self) -> None:
        """Forgets what was; the scene may have put its own hook in our place."""
        self._raised = {}
        self._driver = False
        sys.excepthook = self._hook

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        try:
            self._note(kind, error, trace)
        except Exception:  # noqa: BLE001, a scene's exceptions can be anything, and it was printed
            return

    def _note(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        places = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(trace)]
        if isinstance(error, SyntaxError) and error.filename:
            places.append((error.filename, error.lineno or 0))
        if not places or places[-1][0].startswith(OWN):
            return
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        what = kind.__name__ + (f" ({what})" if what else "")
        if places[-1][0] == "<bpy driver>":  # nobody says which one
            self._driver = True
            self._raised.setdefault(what, f"a driver raised {what}")
            return
        blend = bpy.data.filepath + os.sep
        place = next((place for place in reversed(places) if place[0].startswith(blend)), places[-1])
        name = place[0][len(blend) :] if place[0].startswith(blend) else os.path.basename(place[0])
        self._raised.setdefault(place, f"the script {name} raised {what} in line {place[1]}")

    def end(self, drivers: bool) -> list[str]:
        """A sentence for each failure. The drivers that do not work are looked for when asked to, or when one was seen to fail."""
        said = list(self._raised.values())[:LIMIT]
        if drivers or self._driver:
            broken = list(dict.fromkeys(_broken(self.allowed)))
            said += broken[:LIMIT]
            if len(broken) > LIMIT:
                said.append(f"{len(broken) - LIMIT} more drivers fail")
        return said


def _broken(allowed: bool) -> Iterator[str]:
    how = "fails" if allowed else "fails without the scene's Python"
    for owner, curve in stateful.drivers():
        driver = curve.driver
        if driver.type == "SCRIPTED" and not driver.is_valid and not curve.mute:
            place = curve.data_path + (f"[{curve.array_index}]" if curve.array_index else "")
            yield f"the driver of {owner.name}, {place}, {how}: {driver.expression}"
