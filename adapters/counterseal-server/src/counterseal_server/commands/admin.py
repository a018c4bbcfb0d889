"""`counterseal admin`: tenants and their credentials, by whoever has the folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import plainly

if TYPE_CHECKING:  # a fast start
    from counterseal.models import Guid
    from counterseal_server.administration import Administration

OVERLAP = click.option(
    "--overlap",
    metavar="SPAN",
    default="0s",
    show_default=True,
    help="How long the old secret stays good beside the new one, like 24h.",
)
AUTH = click.option("--auth", type=click.Choice(["basic", "hmac"]), required=True)


@click.group()
def admin() -> None:
    """
    Look after tenants and their credentials.

    Each command prints one JSON object; a secret in it is told this once.
    """


@admin.command("list")
@DATA
@CONFIG
def list_(data: str | None, config: str | None) -> None:
    """Print companies, their App Spaces and the origins of these."""
    with _administration(data, config) as act:
        _print({"companies": act.tree()})


@admin.command()
@click.argument("name")
@DATA
@CONFIG
def company(name: str, data: str | None, config: str | None) -> None:
    """Create the company NAME."""
    with _administration(data, config) as act:
        _print({"companyGuid": act.directory.create_company(name).guid})


@admin.command()
@click.argument("company")
@click.argument("name")
@DATA
@CONFIG
def app_space(company: str, name: str, data: str | None, config: str | None) -> None:
    """Create the App Space NAME of a COMPANY."""
    with _administration(data, config) as act:
        _print({"appSpaceGuid": act.directory.create_app_space(_guid(company), name).guid})


@admin.command()
@click.argument("app_space")
@click.argument("name")
@AUTH
@DATA
@CONFIG
def origin(app_space: str, name: str, *, auth: str, data: str | None, config: str | None) -> None:
    """Create the origin NAME in an APP_SPACE, with its secrets."""
    with _administration(data, config) as act:
        _print(act.origin(_guid(app_space), name, auth))


@admin.command()
@click.argument("origin")
@AUTH
@OVERLAP
@DATA
@CONFIG
def rotate(origin: str, *, auth: str, overlap: str, data: str | None, config: str | None) -> None:
    """Make a new secret of an ORIGIN; another scheme than before ends the old one at once."""
    with _administration(data, config) as act:
        _print(act.secret(_guid(origin), auth, _span(overlap)))


@admin.command()
@click.argument("origin")
@click.option("--yes", is_flag=True, help="Do not ask.")
@DATA
@CONFIG
def revoke(origin: str, *, yes: bool, data: str | None, config: str | None) -> None:
    """Revoke all secrets of an ORIGIN: it can ask nobody any more."""
    if not yes:
        click.confirm("Revoke all of its secrets?", abort=True, err=True)
    with _administration(data, config) as act:
        _print({"requestOriginGuid": act.credentials.revoke(_guid(origin)).guid})


@admin.command()
@click.argument("origin")
@OVERLAP
@DATA
@CONFIG
def callback_secret(origin: str, *, overlap: str, data: str | None, config: str | None) -> None:
    """Make a new secret that signs the callbacks of an ORIGIN."""
    with _administration(data, config) as act:
        made = act.credentials.issue_webhook_key(_guid(origin), overlap=_span(overlap))
        _print({"callbackSecret": made})


@admin.command()
@click.argument("origin")
@click.argument("url")
@DATA
@CONFIG
def allow(origin: str, url: str, data: str | None, config: str | None) -> None:
    """Allow callbacks of an ORIGIN to URL."""
    with _administration(data, config) as act:
        _print({"callbacks": act.directory.allow_callback(_guid(origin), url).callbacks})


@admin.command()
@click.argument("origin")
@click.argument("url")
@DATA
@CONFIG
def forbid(origin: str, url: str, data: str | None, config: str | None) -> None:
    """Forbid callbacks of an ORIGIN to URL."""
    with _administration(data, config) as act:
        _print({"callbacks": act.directory.forbid_callback(_guid(origin), url).callbacks})


@admin.command()
@click.argument("name")
@click.option("--company", metavar="GUID", help="The only one that it reaches; all without it.")
@DATA
@CONFIG
def administrator(name: str, *, company: str | None, data: str | None, config: str | None) -> None:
    """Create an administrator, who signs calls with an HMAC key."""
    with _administration(data, config) as act:
        within = None if company is None else _guid(company)
        made = act.credentials.create_admin(name, company=within)
        _print({"adminGuid": made.guid, "adminKey": made.secret})


@contextmanager
def _administration(data: str | None, config: str | None) -> Iterator[Administration]:
    with plainly():
        from counterseal_server.administration import Administration  # noqa: PLC0415 (a fast start)
        from counterseal_server.house import House  # noqa: PLC0415

        with House(configured(config, data=data)) as house:
            house.prepare()
            yield Administration(house.ports, house.policy)


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2))


def _guid(text: str) -> Guid:
    from counterseal.models.guid import parse  # noqa: PLC0415 (a fast start)

    return parse(text, field="guid")


def _span(text: str) -> Any:
    from counterseal_server.configuration import span  # noqa: PLC0415 (a fast start)

    return span(text, "overlap")
