"""Form pages: a form is shown, and comes back until nothing is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import AdminRole
from counterseal_portal.answers import MOUNT, Answer, Step, page
from counterseal_portal.forms import Field, FilledForm, fill
from counterseal_portal.refusals import log_refusal
from counterseal_portal.routes import EVERYBODY, Route
from counterseal_portal.visit import Visit


@attrs.frozen(kw_only=True)
class FormPage:
    """
    What a page with a form says, for one visit.

    Attributes:
        title: Its heading.
        intro: Paragraphs above the fields.
        fields: In their order.
        values: What stands in them at first.
        button: What is pressed.
        back: Where "Cancel" leads, after `MOUNT`.
        trail: The pages above this one.
        template: If it has more than the form.
        context: What that template shows.
    """

    title: str
    intro: tuple[str, ...] = ()
    fields: tuple[Field, ...]
    values: dict[str, tuple[str, ...]] = attrs.field(factory=dict, repr=False)
    button: str
    back: str
    trail: tuple[Step, ...] = ()
    template: str = "form.html"
    context: dict[str, Any] = attrs.field(factory=dict, repr=False)

    def answer(self, visit: Visit, form: FilledForm | None = None) -> Answer:
        """Return the page, at first or with *form* as it came back."""
        status = HTTPStatus.OK if form is None else HTTPStatus.UNPROCESSABLE_ENTITY
        return page(
            self.template,
            status,
            title=self.title,
            intro=self.intro,
            form=form or FilledForm(fields=self.fields, values=self.values),
            button=self.button,
            back=self.back,
            trail=self.trail,
            action=visit.request.path.removeprefix(MOUNT),
            **self.context,
        )


def form_routes(
    name: str,
    path: str,
    describe: Callable[[Visit], FormPage],
    apply: Callable[[Visit, FilledForm], Answer],
    *,
    fields: tuple[Field, ...],
    query: tuple[str, ...] = (),
    roles: frozenset[AdminRole] = EVERYBODY,
    all_companies: bool = False,
    stepped_up: str = "",
) -> tuple[Route, Route]:
    """
    Return the two routes of a form: its page, and what it does.

    Args:
        name: The id of the page; that of the other has `.do` after it.
        path: Of both.
        describe: Returns what the page says; it reads what the form is about, so that it refuses
            whoever may not see that.
        apply: Does it, and returns the answer. What it refuses of a field comes back beside it.
        fields: Those that the form may have.
        query: Parameters of the page's address, which say what stands in the fields at first.
        roles: As `Route` has them.
        all_companies: The same.
        stepped_up: The same.
    """

    def show(visit: Visit) -> Answer:
        return describe(visit).answer(visit)

    def submit(visit: Visit) -> Answer:
        described = describe(visit)
        form = fill(described.fields, visit.body)
        if form.errors:
            return described.answer(visit, form)
        try:
            return apply(visit, form)
        except InvalidField as refusal:
            log_refusal(refusal)
            return described.answer(visit, form.refused(refusal))

    shown_route = Route(
        id=name,
        method="GET",
        path=path,
        handler=show,
        query=query,
        roles=roles,
        all_companies=all_companies,
        stepped_up=stepped_up,
    )
    submitted_route = attrs.evolve(
        shown_route,
        id=f"{name}.do",
        method="POST",
        handler=submit,
        query=(),
        fields=tuple(field.name for field in fields),
        confirmed_at=path,
    )
    return shown_route, submitted_route


def values_of(**values: str | tuple[str, ...] | int | None) -> dict[str, tuple[str, ...]]:
    """Return the values of a form's fields from those of a record."""
    return {name: _texts(value) for name, value in values.items()}


def _texts(value: str | tuple[str, ...] | int | None) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool):
        return ("yes",) if value else ()
    return () if value is None else (str(value),)
