"""Changes settings for a while and puts them back."""

from __future__ import annotations

from typing import Any


class Borrowed:
    """A with-block: set() changes a property, leaving the block restores all of them, last change first."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Gives the property a value, if this Blender has the property."""
        if not hasattr(owner, name):
            return
        before = getattr(owner, name)
        if before == value:
            return
        self._kept.append((owner, name, before))
        setattr(owner, name, value)

    def __enter__(self) -> Borrowed:  # noqa: PYI034, Self is not in the Python 3.10 of Blender 3.4
        return self

    def __exit__(self, *_: object) -> None:
        for owner, name, before in reversed(self._kept):
            setattr(owner, name, before)


# In the order in which they depend on one another.
IMAGE = ("media_type", "file_format", "color_mode", "color_depth", "exr_codec", "quality", "compression",
         "use_exr_interleave", "views_format", "color_management")  # fmt: skip


class BorrowedFormat:
    """A with-block that gives image settings other values; what depends on the file format comes back after it."""

    def __init__(self, image: Any, **values: Any) -> None:
        self._image = image
        self._values = values
        self._kept: dict[str, Any] = {}

    def __enter__(self) -> None:
        self._kept = {name: getattr(self._image, name) for name in IMAGE if hasattr(self._image, name)}
        self._put({"color_management": "FOLLOW_SCENE", **self._values})

    def __exit__(self, *_: object) -> None:
        self._put(self._kept)

    def _put(self, values: dict[str, Any]) -> None:
        for name in IMAGE:
            if name in values and hasattr(self._image, name) and getattr(self._image, name) != values[name]:
                setattr(self._image, name, values[name])


def multilayer(depth: str) -> dict[str, Any]:
    """Image settings of an EXR with every pass and view in one part; depth is "16" or "32"."""
    return {
        "media_type": "MULTI_LAYER_IMAGE",
        "file_format": "OPEN_EXR_MULTILAYER",
        "color_mode": "RGBA",
        "color_depth": depth,
        "exr_codec": "ZIP",
        "use_exr_interleave": True,
        "views_format": "MULTIVIEW",
    }


def picture(kind: str, **more: Any) -> dict[str, Any]:
    """Image settings of a plain picture file."""
    return {"media_type": "IMAGE", "file_format": kind, **more}
