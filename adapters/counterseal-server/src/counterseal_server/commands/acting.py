"""Shared by the commands of operators: opening the service, reading arguments, printing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import click

import counterseal_server as server
from counterseal import models
from counterseal.errors import InvalidField
from counterseal.models.guid import parse
from counterseal.wire.visible import visible
from counterseal_server import files
from counterseal_server.commands.options import configured
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_json

YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@contextmanager
def opened(data: str | None, config: str | None) -> Iterator[server.Runtime]:
    """Open the service and migrate its database; an error ends the command with one line."""
    with plainly(), server.Runtime(configured(config, data=data)) as runtime:
        runtime.prepare()
        runtime.demand_company()
        yield runtime


@contextmanager
def administering(data: str | None, config: str | None) -> Iterator[server.Tenants]:
    """Open the service to administer its tenants."""
    with opened(data, config) as runtime:
        yield server.Tenants(runtime.ports, runtime.policy)


def print_document(document: Any) -> None:
    """Print one JSON document."""
    print_json(document)


def output_to(out: str | None) -> AbstractContextManager[Callable[[Any], None]]:
    """
    Yield a function that prints, or writes to a file, one JSON document with secrets.

    Args:
        out: The path from `--out`; None prints.

    Raises:
        InvalidField: The file cannot be created or written; see `files.new_json`.
    """
    return nullcontext(print_json) if out is None else files.new_json(out, field="out")


def confirm(question: str, *, yes: bool) -> None:
    """
    Ask for confirmation, unless *yes*.

    Raises:
        click.Abort: The answer is no.
    """
    if not yes:
        click.confirm(visible(question), abort=True, err=True)


def guid(text: str, field: str) -> models.Guid:
    """
    Return *text* as a GUID.

    Args:
        text: An argument or the value of an option.
        field: What the command's usage calls it, in lower case, such as `app-space`.

    Raises:
        InvalidField: *text* is not one.
    """
    return parse(text, field=field)


def maybe_guid(text: str | None, field: str) -> models.Guid | None:
    """
    Return *text* as a GUID; None stays None.

    Raises:
        InvalidField: *text* is not one.
    """
    return None if text is None else guid(text, field)


def span(text: str, field: str) -> timedelta:
    """
    Return a time such as `90s` or `24h`.

    Raises:
        InvalidField: *text* is not one.
    """
    return server.span(text, field)


def parse_moment(text: str | None, field: str) -> datetime | None:
    """
    Return *text* as a time in UTC; None stays None.

    Raises:
        InvalidField: It is not a time, or has no zone.
    """
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidField(field, "not a time like 2030-01-31T09:00:00Z") from None
    if time.tzinfo is None:
        raise InvalidField(field, "without a zone: write Z for UTC")
    return time.astimezone(UTC)
