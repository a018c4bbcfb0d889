"""Confirmations: each act has a page that says what follows from it, before it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from counterseal.errors import CredentialRefused, Refused
from counterseal_portal.answers import MOUNT, Answer, Step, page, redirect
from counterseal_portal.forms import Field, FilledForm
from counterseal_portal.refusals import error_page
from counterseal_portal.routes import EVERYBODY, Route
from counterseal_portal.visit import Visit


@attrs.frozen(kw_only=True)
class Subject:
    """
    What an act is about, for one visit.

    Attributes:
        name: What the person reads of it.
        details: Facts by which it is recognised, each with its label.
        back: Where "Cancel" leads, after `MOUNT`.
        after: Where the person is afterwards; empty for *back*.
        trail: The pages above.
        consequences: What follows here, after what always does.
        button: What is pressed; empty for the command's.
        fields: The command's, as they are here; empty for those of the command.
        values: What stands in them at first.
        context: What the command's own template shows.
    """

    name: str
    details: tuple[tuple[str, str], ...] = ()
    back: str
    after: str = ""
    trail: tuple[Step, ...] = ()
    consequences: tuple[str, ...] = ()
    button: str = ""
    fields: tuple[Field, ...] = ()
    values: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, repr=False)
    context: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen(kw_only=True)
class Command:
    """
    One command that changes something, and that the person confirms.

    Attributes:
        id: Of its routes.
        path: Of its page.
        title: The question that the page asks.
        consequences: What follows, in sentences.
        button: What is pressed to do it.
        load_subject: Returns what it is about, and refuses whoever may not see that.
        perform: Does it; an `Answer` that it returns is shown in place of *done*.
        done: The notice afterwards, of `visit.NOTICES`.
        danger: Whether it cannot be undone, or stops somebody's work.
        fields: Of the form, such as a box for what is done besides.
        template: If the page has more than the question.
    """

    id: str
    path: str
    title: str
    consequences: tuple[str, ...]
    button: str
    load_subject: Callable[[Visit], Subject]
    perform: Callable[[Visit], Any]
    done: str
    danger: bool = False
    stepped_up: str = ""
    roles: frozenset[Any] = EVERYBODY
    fields: tuple[Field, ...] = ()
    template: str = "confirm.html"


def command_routes(command: Command) -> tuple[Route, Route]:
    """Return the routes of a command: the page that asks, and what does it."""

    def show(visit: Visit) -> Answer:
        subject = command.load_subject(visit)
        return page(
            command.template,
            command=command,
            subject=subject,
            form=FilledForm(fields=subject.fields or command.fields, values=subject.values),
            trail=subject.trail,
            action=visit.request.path.removeprefix(MOUNT),
            **subject.context,
        )

    def perform(visit: Visit) -> Answer:
        subject = command.load_subject(visit)
        try:
            answer = command.perform(visit)
        except CredentialRefused:
            raise
        except Refused as refusal:
            return error_page(refusal, back=subject.back)
        if isinstance(answer, Answer):
            return answer
        return redirect(subject.after or subject.back, done=command.done)

    shown_route = Route(
        id=command.id,
        method="GET",
        path=command.path,
        handler=show,
        roles=command.roles,
        stepped_up=command.stepped_up,
    )
    performed_route = attrs.evolve(
        shown_route,
        id=f"{command.id}.do",
        method="POST",
        handler=perform,
        fields=tuple(field.name for field in command.fields),
        confirmed_at=command.path,
    )
    return shown_route, performed_route
