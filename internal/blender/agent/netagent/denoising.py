"""Denoises a frame that was put together of parts, by Cycles' own means and with the scene's own settings.

Cycles denoises files, too, but upside down: a file's first line is the top one, its own buffers' the bottom one, and the
denoiser does not answer alike for a picture and its mirror image. So it is given the picture upside down.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bpy

from . import exrhead
from .failure import Failure

try:
    import numpy
except ImportError:  # some distributions leave it away, and the denoiser, too
    numpy = None  # type: ignore[assignment]

LINES = {0: 1, 2: 1, 3: 16}  # of a block, by compression
SIZES = {0: 4, 1: 2, 2: 4}  # bytes of a sample
GUIDES = ("Combined", "Denoising Albedo", "Denoising Normal")  # what is read


def denoise(scene: Any, layer: Any, path: str, view: str, scratch: str) -> Any:
    """The picture of a view layer without noise: an array of height x width x RGB, the bottom line first."""
    noisy, clean = os.path.join(scratch, "noisy.exr"), os.path.join(scratch, "clean.exr")
    wanted = {}
    for name, channels in zip(GUIDES, ("RGBA", "RGB", "XYZ"), strict=True):
        for channel in channels:
            between = f"{name}.{view}" if view else name
            wanted[f"{layer.name}.{between}.{channel}"] = f"{layer.name}.{name}.{channel}"
    there = planes(path, set(wanted))
    if len(there) < len(wanted):
        missing = min(set(wanted) - set(there))
        raise Failure("no-parts", f"the frame to finish has no {missing}, and {layer.name} is to be denoised")
    picture = {wanted[name]: plane[::-1] for name, plane in there.items()}
    # Asked for by every file, used by those of an animation that is denoised as one.
    still = numpy.zeros_like(next(iter(there.values())))
    picture.update({f"{layer.name}.Vector.{channel}": still for channel in "XYZW"})
    write(noisy, picture, {f"cycles.{layer.name}.samples": "1"})
    del there, picture
    import _cycles  # not in every Blender

    try:
        # What the operator cycles.denoise_animation does for one file; that takes no view layer.
        _cycles.denoise(
            bpy.context.preferences.as_pointer(), scene.as_pointer(), layer.as_pointer(), input=[noisy], output=[clean]
        )
        found = planes(clean, {f"{layer.name}.Combined.{channel}" for channel in "RGB"})
        return numpy.stack([found[f"{layer.name}.Combined.{channel}"] for channel in "RGB"], axis=-1)
    except Exception as error:
        raise Failure("refused", f"Cycles could not denoise {layer.name}: {' '.join(str(error).split())}") from error
    finally:
        for file in (noisy, clean):
            if os.path.exists(file):
                os.unlink(file)


def can(scene: Any) -> bool:
    """Whether this Blender has a denoiser."""
    import _cycles

    return numpy is not None and bool(_cycles.with_openimagedenoise or scene.cycles.denoiser == "OPTIX")


def swap(combined: Any, noisy: Any, clean: Any) -> None:
    """Puts the picture without noise into the place of the noisy one, which is kept. Both are render passes."""
    height, width, _ = clean.shape
    pixels = numpy.empty(height * width * 4, "f4")
    combined.rect.foreach_get(pixels)
    noisy.rect.foreach_set(pixels)
    pixels.reshape(height, width, 4)[..., :3] = clean
    combined.rect.foreach_set(pixels)


def planes(path: str, wanted: set[str]) -> dict[str, Any]:
    """The channels of a file that are wanted and there, as arrays of height x width floats, the top line first."""
    head = exrhead.read(path)
    if head.parts != 1 or head.compression not in LINES:
        raise Failure("no-parts", "the frame to finish is not in one part, packed with ZIP or not at all")
    lines = LINES[head.compression]
    blocks = -(-head.height // lines)
    at, places = 0, {}
    for name, kind in head.channels:
        if name in wanted:
            places[name] = at, numpy.dtype({0: "<u4", 1: "<f2", 2: "<f4"}[kind])
        at += SIZES[kind] * head.width
    found = {name: numpy.zeros((head.height, head.width), "<f4") for name in places}
    with open(path, "rb") as file:
        file.seek(head.end)
        offsets = struct.unpack(f"<{blocks}Q", file.read(8 * blocks))

        def read() -> Iterator[tuple[int, bytes]]:
            for offset in offsets:
                file.seek(offset)
                y, size = struct.unpack("<ii", file.read(8))
                yield y - head.top, file.read(size)

        def unpack(block: tuple[int, bytes]) -> None:
            first, data = block
            count = min(lines, head.height - first)
            rows = numpy.frombuffer(unpacked(data, count * at), "u1").reshape(count, at)
            for name, (start, kind) in places.items():
                part = rows[:, start : start + kind.itemsize * head.width]
                found[name][first : first + count] = numpy.ascontiguousarray(part).view(kind)

        workers = os.cpu_count() or 1
        with ThreadPoolExecutor(workers) as pool:
            some: list[Any] = []
            for block in read():  # a few at a time, or all of a large file would wait in memory
                some.append(pool.submit(unpack, block))
                if len(some) >= 4 * workers:
                    some.pop(0).result()
            for one in some:
                one.result()
    return found


def unpacked(data: bytes, size: int) -> bytes:
    """The bytes of a block: halves put together, differences summed up, as OpenEXR's ZIP has them. Blocks that would not
    have become smaller are as they are."""
    if len(data) == size:
        return data
    raw = numpy.frombuffer(zlib.decompress(data), "u1")
    if len(raw) != size:
        raise ValueError("a block of the file has another size than its header says")
    steps = raw.copy()
    steps[1:] -= 128
    sums = numpy.cumsum(steps, dtype="u1")
    half = (size + 1) // 2
    out = numpy.empty(size, "u1")
    out[0::2], out[1::2] = sums[:half], sums[half:]
    return out.tobytes()


def write(path: str, channels: dict[str, Any], words: dict[str, str]) -> None:
    """Writes float channels as an OpenEXR file that is not packed; words are attributes."""
    names = sorted(channels)
    height, width = channels[names[0]].shape
    listed = b"".join(name.encode() + b"\0" + struct.pack("<iiii", 2, 0, 1, 1) for name in names) + b"\0"
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    attributes: list[tuple[str, str, bytes]] = [
        ("channels", "chlist", listed), ("compression", "compression", b"\0"), ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window), ("lineOrder", "lineOrder", b"\0"), ("pixelAspectRatio", "float", struct.pack("<f", 1)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)), ("screenWindowWidth", "float", struct.pack("<f", 1)),
    ]  # fmt: skip
    attributes += [(name, "string", value.encode()) for name, value in words.items()]
    flags = 2 | (0x400 if max(len(name.encode()) for name in (*names, *words)) > 31 else 0)  # the mark of long names
    head = exrhead.MAGIC + struct.pack("<I", flags)
    for name, kind, value in attributes:
        head += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"
    size = 4 * width * len(names)
    with open(path, "wb") as file:
        file.write(head)
        first = len(head) + 8 * height
        file.write(struct.pack(f"<{height}Q", *(first + y * (8 + size) for y in range(height))))
        for y in range(height):
            file.write(struct.pack("<ii", y, size))
            for name in names:
                file.write(numpy.ascontiguousarray(channels[name][y], "<f4").tobytes())
