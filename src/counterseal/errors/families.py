"""The root of all errors, the three families, and a store's word."""

from __future__ import annotations

from typing import ClassVar


class CountersealError(Exception):
    """The root of all errors; never raised itself."""

    code: ClassVar[str]

    def __init__(self, detail: str = "") -> None:
        if "code" not in type(self).__dict__:
            message = f"{type(self).__name__} is a family and is never raised itself"
            raise TypeError(message)
        first_line = (self.__doc__ or "").strip().partition("\n")[0]
        super().__init__(detail or first_line)


class Refused(CountersealError):
    """The other side may not do this; answer it and do not retry."""

    outward: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "outward" not in cls.__dict__:
            cls.outward = cls.__dict__.get("code", "denied")


class Misuse(CountersealError):
    """The embedding program is wrong; fix it."""


class Unavailable(CountersealError):
    """A port failed; the same call may be retried."""


class Conflict(CountersealError):
    """What is stored is no longer what the commit was decided on."""

    code = "conflict"
