"""What commands of operators share: the opened service, what they are given, what they print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from counterseal_server.commands.options import configured
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_json
from counterseal_server.visible import visible

if TYPE_CHECKING:  # a fast start
    from datetime import timedelta

    from counterseal.models import Guid
    from counterseal_server.administration import Tenants
    from counterseal_server.runtime import Runtime

YES = click.option("--yes", is_flag=True, help="Do not ask.")


@contextmanager
def opened(data: str | None, config: str | None) -> Iterator[Runtime]:
    """Open the service, whose database is migrated; refusals end plainly."""
    with plainly():
        from counterseal_server.runtime import Runtime  # noqa: PLC0415 (a fast start)

        with Runtime(configured(config, data=data)) as runtime:
            runtime.prepare()
            runtime.demand_company()
            yield runtime


@contextmanager
def administering(data: str | None, config: str | None) -> Iterator[Tenants]:
    """Open the service for whoever looks after its tenants."""
    with opened(data, config) as runtime:
        from counterseal_server.administration import Tenants  # noqa: PLC0415

        yield Tenants(runtime.ports, runtime.policy)


def print_document(document: Any) -> None:
    """Print one JSON document."""
    print_json(document)


def output_to(out: str | None) -> AbstractContextManager[Callable[[Any], None]]:
    """
    Lend what tells one JSON document with secrets in it.

    Args:
        out: What `--out` said; None prints.

    Raises:
        InvalidField: The file cannot be made or written; see `files.new_json`.
    """
    from counterseal_server import files  # noqa: PLC0415 (a fast start)

    return nullcontext(print_json) if out is None else files.new_json(out, field="out")


def confirm(question: str, *, yes: bool) -> None:
    """
    Ask, unless *yes*; end the command if the answer is no.

    Raises:
        click.Abort: It is.
    """
    if not yes:
        click.confirm(visible(question), abort=True, err=True)


def guid(text: str, field: str = "guid") -> Guid:
    """
    Return the GUID that *text* is.

    Raises:
        InvalidField: It is none.
    """
    from counterseal.models.guid import parse  # noqa: PLC0415 (a fast start)

    return parse(text, field=field)


def maybe_guid(text: str | None, field: str) -> Guid | None:
    """
    Return the GUID that *text* is, if there is one.

    Raises:
        InvalidField: It is none.
    """
    return None if text is None else guid(text, field)


def span(text: str, field: str) -> timedelta:
    """
    Return a time such as `90s` or `24h`.

    Raises:
        InvalidField: It is none.
    """
    from counterseal_server.configuration import span as parse_span  # noqa: PLC0415 (a fast start)

    return parse_span(text, field)
