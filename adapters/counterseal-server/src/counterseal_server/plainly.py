"""Plain endings: what the core refuses becomes one line on standard error and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from counterseal_server.visible import visible


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
def plainly() -> Iterator[None]:
    """
    Turn what the core refuses into one line and an exit code.

    Raises:
        Unusable: The input, or how this machine is set up, has to be another.
        Failed: It is not as it should be.
    """
    from counterseal import Misuse, Refused, Unavailable  # noqa: PLC0415 (a fast start)
    from counterseal.errors import InvalidField, IssuerUntrusted, ReceiptChanged  # noqa: PLC0415

    try:
        yield
    except InvalidField as error:
        raise Unusable(f"{error.field}: {error.problem}") from None
    except ReceiptChanged as refusal:
        text = f"receipt: {refusal.code}: it was changed, or is no receipt ({refusal})"
        raise Failed(text) from None
    except IssuerUntrusted as refusal:
        raise Failed(
            f"receipt: {refusal.code}: it is signed by a key that is not trusted"
        ) from None
    except Refused as refusal:
        raise Failed(f"refused: {refusal.code}: {refusal}") from None
    except Misuse as error:
        raise Unusable(f"{error.code}: {error}") from None
    except Unavailable as error:
        raise Failed(f"unavailable: {error.code}: {error}") from None
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in SERVICE_PARTS:
            raise
        raise Failed(
            f"{error.name} is not installed: this needs counterseal-server[service]"
        ) from None


SERVICE_PARTS = frozenset(
    {
        "counterseal_flask",
        "counterseal_http",
        "counterseal_sql",
        "flask",
        "granian",
        "httpx2",
        "prometheus_client",
        "segno",
        "sqlalchemy",
    }
)
"""What the demo does without, and so installs without."""
