"""Plain endings: what the core refuses becomes one line on standard error and an exit code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from counterseal_server.extras import lacking
from counterseal_server.visible import visible

if TYPE_CHECKING:  # a fast start
    from counterseal import CountersealError


class Failed(click.ClickException):
    """It is not as it should be: one line on standard error, exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line, with nothing hidden in it."""
        click.echo(visible(self.message), file=file, err=file is None)


class Unusable(Failed):
    """The input is unusable: one line on standard error, exit code 2."""

    exit_code = 2


@contextmanager
def plainly(extra: str | None = None) -> Iterator[None]:
    """
    Turn what the core refuses into one line and an exit code.

    Args:
        extra: What brings all that may be missing; None if that hangs on what it is.

    Raises:
        Unusable: The input, or how this machine is set up, has to be another.
        Failed: It is not as it should be.
    """
    from counterseal import CountersealError  # noqa: PLC0415 (a fast start)

    try:
        yield
    except CountersealError as error:
        raise _refused(error) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # whoever read what is printed is gone; click ends quietly
        raise Failed(f"{error.filename or 'system'}: {error.strerror or error}") from None
    except ModuleNotFoundError as error:
        what = lacking(error, extra)
        if what is None:
            raise
        raise Failed(what) from None


def _refused(error: CountersealError) -> Failed:
    from counterseal import Misuse, Refused  # noqa: PLC0415 (a fast start)
    from counterseal.errors import InvalidField, IssuerUntrusted, ReceiptChanged  # noqa: PLC0415

    match error:
        case InvalidField():
            return Unusable(f"{error.field}: {error.problem}")
        case ReceiptChanged():
            return Failed(f"receipt: {error.code}: it was changed, or is no receipt ({error})")
        case IssuerUntrusted():
            return Failed(f"receipt: {error.code}: it is signed by a key that is not trusted")
        case Refused():
            return Failed(f"refused: {error.code}: {error}")
        case Misuse():
            return Unusable(f"{error.code}: {error}")
    return Failed(f"unavailable: {error.code}: {error}")
