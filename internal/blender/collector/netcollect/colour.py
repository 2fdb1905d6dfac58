"""What the scene's colours depend on outside the .blend."""

from __future__ import annotations

import os

from .files import Files


def collect(files: Files) -> None:
    """Warns of a colour configuration of the artist's own: Blender reads it before any scene, so it cannot be sent."""
    config = os.environ.get("OCIO", "")
    if config:
        files.warnings.append(
            f"colours are those of {config} (the variable OCIO): workers need the same file and variable, or colours differ"
        )
