"""Turn errors into one line on standard error and an exit code."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import IO, Any

import click

from counterseal import CountersealError, Misuse, Refused
from counterseal.errors import CallbackUncallable, InvalidField, IssuerUntrusted, ReceiptChanged
from counterseal.wire.visible import visible
from counterseal_server.extras import lacking

PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "accountId": ("account",),
        "allCompanies": ("all_companies",),
        "appSpaceGuid": ("app_space",),
        "callbackUrl": ("url", "callbacks"),
        "companyGuid": ("company",),
        "notificationEndpoint": ("notification_endpoint",),
        "keyType": ("auth",),
        "verifiedName": ("verified_name",),
    }
)
"""
The command parameters for the members of the API that errors name.

The option of an editable member knows the member's name by itself.
"""

CALLBACK_SETTINGS = "see callback_networks, callback_ports and callback_plain_http"
"""Which settings allow more addresses that the service may call."""

_TRIAL = "for a trial allow_private_callbacks; this command needs the service's settings"

_MEMBER = re.compile(rf"\b(?:{'|'.join(map(re.escape, PARAMETERS))})\b")


class Failed(click.ClickException):
    """A failure: one line on standard error, exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line, with invisible characters written out."""
        click.echo(visible(self.message), file=file, err=file is None)


class Unusable(Failed):
    """Unusable input: one line on standard error, exit code 2."""

    exit_code = 2


@contextmanager
def plainly(requirement: str | None = None) -> Iterator[None]:
    """
    Turn errors of the core into one line and an exit code.

    Args:
        requirement: What to install, whichever module is missing; None for the extra of this
            package that has the module.

    Raises:
        Unusable: The input, or the setup of this machine, is wrong.
        Failed: The command failed.
    """
    try:
        yield
    except CountersealError as error:
        raise _refused(error) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # the reader of the output is gone; click ends quietly
        raise Failed(f"{error.filename or 'system'}: {error.strerror or error}") from None
    except ModuleNotFoundError as error:
        raise missing(error, requirement) from None


def missing(error: ModuleNotFoundError, requirement: str | None = None) -> Failed:
    """
    Return the failure of a command for a module that is not installed.

    Args:
        error: Names the module.
        requirement: As in `plainly`.

    Raises:
        ModuleNotFoundError: *error* itself, if no package would have the module.
    """
    message = lacking(error, requirement)
    if message is None:
        raise error
    return Failed(message)


def _refused(error: CountersealError) -> Failed:
    match error:
        case InvalidField():
            problem = _MEMBER.sub(lambda match: _option(match[0]), error.problem)
            return Unusable(f"{_option(error.field).removeprefix('--')}: {problem}")
        case ReceiptChanged():
            return Failed(f"receipt: {error.code}: it was changed, or is no receipt ({error})")
        case IssuerUntrusted():
            return Failed(f"receipt: {error.code}: it is signed by a key that is not trusted")
        case Refused():
            is_uncallable = isinstance(error, CallbackUncallable)
            advice = f" ({CALLBACK_SETTINGS}, or {_TRIAL})" if is_uncallable else ""
            return Failed(f"refused: {error.code}: {error}{advice}")
        case Misuse():
            return Unusable(f"{error.code}: {error}")
    return Failed(f"unavailable: {error.code}: {error}")


def _option(member: str) -> str:
    """Return the parameter of the running command for a member of the API; else *member*."""
    context = click.get_current_context(silent=True)
    parameters = [] if context is None else context.command.get_params(context)
    for parameter in parameters:
        names = PARAMETERS.get(member, ())
        if parameter.name in names or getattr(parameter, "wire", None) == member:
            option = isinstance(parameter, click.Option)
            return max(parameter.opts, key=len) if option else parameter.human_readable_name
    return member
