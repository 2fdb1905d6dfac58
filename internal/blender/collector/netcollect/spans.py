"""Which frames of the scene need a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Span = tuple[int | None, int | None] | None  # first and last frame that need a file; None: no bound, or all frames


def join(a: Span, b: Span) -> Span:
    """The frames of both, and those between them."""
    if a is None or b is None:
        return None
    first = None if a[0] is None or b[0] is None else min(a[0], b[0])
    last = None if a[1] is None or b[1] is None else max(a[1], b[1])
    return (first, last)


def spans(frames: Iterable[int], number: Callable[[int], int | None], by: int = 0) -> dict[int, Span]:
    """Which numbers frames need, and for which frames. number may answer None; it is asked for a frame that is by later."""
    needed: dict[int, Span] = {}
    for frame in frames:
        at = number(frame + by)
        if at is not None:
            needed[at] = join(needed.get(at, (frame, frame)), (frame, frame))
    return needed


def near(frames: Iterable[int], number: Callable[[int], int | None]) -> dict[int, Span]:
    """The numbers of the frames before and after, where motion blur looks."""
    frames = list(frames)
    return merged(spans(frames, number, -1), spans(frames, number, 1))


def merged(a: dict[int, Span], b: dict[int, Span]) -> dict[int, Span]:
    """What both need."""
    return {number: join(a.get(number, b.get(number)), b.get(number, a.get(number))) for number in (*a, *b)}
