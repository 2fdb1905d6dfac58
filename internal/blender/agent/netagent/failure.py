"""The one exception that reaches the other side with a kind of its own."""

from __future__ import annotations


class Failure(Exception):
    """A sentence for people and a kind for machines; the kinds are those of errors.go."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
