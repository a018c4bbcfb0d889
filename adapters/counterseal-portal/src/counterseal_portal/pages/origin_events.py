"""What an origin hears of the accounts of its App Space, and where that is sent."""

from __future__ import annotations

import attrs

from counterseal.errors import CallbackForbidden, CallbackUncallable, InvalidField
from counterseal.models import AccountEventKind, CallbackType, OriginChanges
from counterseal_portal.answers import Answer, redirect
from counterseal_portal.form_pages import FormPage, form_routes, values_of
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.member_fields import member_field
from counterseal_portal.pages.origins import ORIGIN, origin_of, page_trail
from counterseal_portal.routes import ADMINS
from counterseal_portal.visit import Visit

AS_THE_PROFILE, CHOSEN = "profile", "chosen"
ADDRESS = member_field(OriginChanges, "events_url", "Where events are sent")
FIELDS = (
    Field(
        name="hears",
        label="Which events",
        kind=Kind.CHOICE,
        options=(
            (AS_THE_PROFILE, "As its programs need it: all of them, or none for a CX service's"),
            (CHOSEN, "Those that are ticked below"),
        ),
        required=True,
    ),
    member_field(
        OriginChanges, "events", "Events", "If none is ticked, the origin hears of nothing."
    ),
    ADDRESS,
)


def _describe(visit: Visit) -> FormPage:
    origin = origin_of(visit)
    addresses = tuple(entry.text for entry in origin.entries if entry.type is CallbackType.ADDRESS)
    return FormPage(
        title="Events of accounts",
        intro=(
            (
                "The origin hears that a device was bound, an account locked and the like, of every"
                " account of the App Space, from the next event on."
            ),
        ),
        fields=(*FIELDS[:-1], attrs.evolve(ADDRESS, suggestions=addresses)),
        values=values_of(
            hears=AS_THE_PROFILE if origin.events is None else CHOSEN,
            events=tuple(each.value for each in origin.event_kinds),
            events_url=origin.events_url,
        ),
        button="Save",
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


def _save(visit: Visit, form: FilledForm) -> Answer:
    origin = origin_of(visit)
    kinds = [AccountEventKind(each) for each in form.values.get("events", ())]
    events_url = form.text("events_url")
    try:
        visit.tenancy.edit_origin(
            origin.guid,
            events=kinds if form.value("hears") == CHOSEN else "",
            # An address that is stored may have left the allow-list since.
            events_url=None if events_url == (origin.events_url or "") else events_url,
        )
    except CallbackForbidden:
        problem = "The address is not on the allow-list. Add it there first."
        raise InvalidField(ADDRESS.name, problem) from None
    except CallbackUncallable as refusal:
        raise InvalidField(ADDRESS.name, f"Nothing can be sent there: {refusal.reason}") from None
    return redirect(f"/origins/{origin.guid}", done="events-saved")


ORIGIN_EVENT_ROUTES = form_routes(
    "origin.events",
    f"{ORIGIN}/events",
    _describe,
    _save,
    fields=FIELDS,
    roles=ADMINS,
    stepped_up="Change what an origin hears",
)
