"""`counterseal audit`: chain, verify, search and archive the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import click

import counterseal as cs
import counterseal_server as server
from counterseal import models
from counterseal.audit.documents import (
    HEAD_LINE_BEGINNING,
    LINE_BEGINNING,
    archive_line,
    entry_document,
    read_archive_line,
    read_head_line,
)
from counterseal.errors import InvalidField
from counterseal_server import files
from counterseal_server.commands.acting import YES, confirm, maybe_guid, parse_moment
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Failed, plainly
from counterseal_server.printing import print_json, print_line

HEAD_BYTES = 65_536


@click.group()
def audit() -> None:
    """Verify the audit log, search it, and move it out of the store, where it only grows."""


@audit.command()
@DATA
@CONFIG
def chain(data: str | None, config: str | None) -> None:
    """
    Append recorded events to their chains, and sign the heads.

    A running service does the same within a second.
    """
    with _chain_of(config, data) as (_, chains):
        count = _chain_all(chains)
        print_line(f"chained: {count}")


@audit.command()
@click.option("--out", metavar="FILE", required=True, help="The new file for the signed head.")
@DATA
@CONFIG
def head(out: str, data: str | None, config: str | None) -> None:
    """
    Write the signed head of the log to a new FILE.

    Keep it where nobody who can write to the store can change it: it shows later that the
    log was not cut back to an older state.
    """
    with _chain_of(config, data) as (_, chains):
        _chain_all(chains)
        token = chains.signed_head()
        if token is None:
            raise Failed("audit: nothing is recorded yet")
        with files.new_json(out, field="out") as write:
            write({"auditHead": token})
        print_line(f"written: {out}")


@audit.command()
@click.option(
    "--head",
    "head_text",
    metavar="FILE|LINE",
    help="A file that `audit head` wrote, or the service's log line with `audit head NUMBER`.",
)
@click.option(
    "--jwks",
    metavar="FILE",
    help="The service's keys of then, as JWK Set, if one that signed the head is gone.",
)
@click.option(
    "--archive",
    "archives",
    metavar="FILE",
    multiple=True,
    help="A file that `audit archive` wrote; several, the oldest first.",
)
@DATA
@CONFIG
def verify(
    head_text: str | None,
    jwks: str | None,
    archives: tuple[str, ...],
    data: str | None,
    config: str | None,
) -> None:
    """
    Look whether an event was removed, changed, moved or inserted.

    The service may run. Nothing is changed. The exit code is 1 if there is a problem.
    That the log was cut back to an older state is shown by the head that this machine
    remembers in its data folder, and by --head.
    """
    with _chain_of(config, data) as (_, chains), ExitStack() as stack:
        token, line = _read_head(head_text)
        head_keys = _read_keys(jwks, token)
        opened = [stack.enter_context(_archive(name)) for name in archives]
        done = stack.enter_context(server.show_progress("partitions"))
        report = chains.verify(
            head_file=token,
            head_keys=head_keys,
            head_line=line,
            archive=_archived(opened) if archives else None,
            report=done,
        )
        _print_tamperings(report.tamperings)
        print_line(f"events verified: {report.chained}")
        if report.archived:
            print_line(f"events archived, and not verified: {report.archived}")
        if report.uncompared:
            print_line(
                "partitions not compared with the head, which is older than their archived events:"
                f" {report.uncompared}; give --archive, or keep a newer head"
            )
        print_line(f"events not chained yet, and not verified: {report.unchained}")
        _require_unchanged(report.tamperings)


@audit.command()
@click.option("--by", metavar="WHO", required=True, help="Who decided it, for the audit log.")
@click.option("--why", metavar="TEXT", required=True, help="Why, for the audit log.")
@DATA
@CONFIG
@YES
def renew(by: str, why: str, data: str | None, config: str | None, *, yes: bool) -> None:
    """
    Sign the heads anew where the service refuses the signed head in the store.

    That is so after a restore or a copy of the store, if somebody deleted or changed the head,
    or if the key that signed it was lost. Until you run this, on each machine that has a data
    folder, nothing is signed. Not after a rotation, where a running service does it within a
    second. First verify the log against a head and archives that you keep: from then on, the
    heads say what the log says now. It prints where the log differs from the head that this
    machine remembers, which counts no more, and from the signed head in the store: such
    partitions keep what that head said of them, and the exit code is 1.

    A process that cannot write to its data folder remembers the head until it ends: after
    the renewal, restart each of them.
    """
    with _chain_of(config, data) as (_, chains):
        confirm(
            "If the signed head in the store is refused, it is replaced, and the log as it is now"
            " counts. Is it the right one?",
            yes=yes,
        )
        renewal = chains.renew(by=cs.OPERATOR, who=by, why=why)
        if renewal.renewed:
            print_line("renewed: from now on, the log counts as it is")
        elif renewal.remembered is None:
            print_line("nothing to renew: no head is remembered here that the store could lack")
        else:
            print_line("nothing to renew: the signed head in the store is not refused")
        _chain_all(chains)
        _print_tamperings(renewal.losses)
        _print_tamperings(renewal.tamperings)
        _require_unchanged(renewal.tamperings)


@audit.command()
@click.option("--app-space", metavar="GUID", help="Only events of this App Space.")
@click.option("--subject", metavar="GUID", help="The record that they are about.")
@click.option("--actor", metavar="TEXT", help="Who did it: a GUID, or a role such as worker.")
@click.option("--event", metavar="NAME", help="A name, or a noun with its point: challenge.")
@click.option("--since", metavar="TIME", help="The earliest time, like 2030-01-31T09:00:00Z.")
@click.option("--until", metavar="TIME", help="Only earlier events.")
@click.option("--reason", metavar="CODE", help="Only refusals or results with this reason.")
@click.option("--limit", type=int, default=100, show_default=True, help="How many, at most.")
@DATA
@CONFIG
def search(
    *,
    app_space: str | None,
    subject: str | None,
    actor: str | None,
    event: str | None,
    since: str | None,
    until: str | None,
    reason: str | None,
    limit: int,
    data: str | None,
    config: str | None,
) -> None:
    """
    Print events as JSON lines, newest first.

    Events are there as soon as they are chained: within a second, while the service runs.
    """
    with _chain_of(config, data) as (runtime, _):
        log = cs.AuditLog(runtime.ports, runtime.policy)
        after = None
        while limit > 0:
            page = log.search(
                app_space=maybe_guid(app_space, "app-space"),
                subject=maybe_guid(subject, "subject"),
                performer=actor,
                event=event,
                since=parse_moment(since, "since"),
                until=parse_moment(until, "until"),
                reason=reason,
                after=after,
                limit=min(limit, 1_000),
                by=cs.OPERATOR,
            )
            for one in page.events:
                print_json(entry_document(one), indent=None)
            limit -= len(page.events)
            after = page.after
            if after is None:
                break


@audit.command()
@click.argument("file")
@click.option("--keep", is_flag=True, help="Keep the events in the store too.")
@DATA
@CONFIG
def archive(file: str, *, keep: bool, data: str | None, config: str | None) -> None:
    """
    Append the audit log to FILE, and delete from the store what FILE safely contains.

    Each line is one event as JSON, with its place in the chain. The service may run. If you
    interrupt the command, the next run may write the last lines a second time.
    """
    with _chain_of(config, data) as (_, chains):

        def write(page: Iterable[models.ChainedEvent]) -> None:
            lines = b"".join(map(archive_line, page))
            files.append(file, lines, beginning=LINE_BEGINNING, field="file")

        _chain_all(chains)
        count = chains.archive(write, drop=not keep)
        print_line(f"lines: {count}")


@contextmanager
def _chain_of(
    config: str | None, data: str | None
) -> Iterator[tuple[server.Runtime, cs.AuditChain]]:
    """Open the service for its audit log; an error ends the command with one line."""
    with plainly(), server.Runtime(configured(config, data=data)) as runtime:
        runtime.prepare_records()
        yield runtime, runtime.audit_chain()


def _chain_all(chains: cs.AuditChain) -> int:
    return server.chain_all(chains)


def _print_tamperings(tamperings: Iterable[cs.Tampering]) -> None:
    for one in tamperings:
        partition = "log" if one.partition is None else f"partition {one.partition}"
        print_line(f"{partition}, position {one.position}: {one.problem}")


def _require_unchanged(tamperings: Sized) -> None:
    if tamperings:
        raise Failed(f"audit: signs that the log was changed: {len(tamperings)}")


def _read_keys(jwks: str | None, token: str | None) -> tuple[models.PublicKey, ...] | None:
    if jwks is not None and token is None:
        raise InvalidField("jwks", "only together with a file of --head")
    return None if jwks is None else server.read_jwks(jwks)


def _read_head(text: str | None) -> tuple[str | None, models.RememberedHead | None]:
    """Return the signed head of a file, or what a line says of one."""
    if text is None:
        return None, None
    if HEAD_LINE_BEGINNING in text:
        return None, read_head_line(text)
    document = cs.read_json(files.read(text, field="head", limit=HEAD_BYTES), field="head")
    token = document.get("auditHead") if isinstance(document, dict) else None
    if not isinstance(token, str):
        raise InvalidField("head", f"{text} is not a file that `counterseal audit head` wrote")
    return token, None


@contextmanager
def _archive(name: str) -> Iterator[BinaryIO]:
    try:
        file = Path(name).open("rb")  # noqa: SIM115 (closed below)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise InvalidField("archive", f"cannot read {name}: {reason}") from None
    with file:
        yield file


def _archived(opened: Iterable[BinaryIO]) -> Iterator[models.ChainedEvent]:
    for file in opened:
        yield from map(read_archive_line, file)
