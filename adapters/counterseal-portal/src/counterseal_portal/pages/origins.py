"""Origins: who may ask the users of an App Space, with which credentials."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal.errors import NotFound
from counterseal.models import (
    AccountEventKind,
    BackchannelClient,
    CallbackEntry,
    CallbackType,
    Clients,
    Credential,
    Gauge,
    Origin,
    OriginChanges,
    OriginRole,
    Scheme,
    WebhookKey,
)
from counterseal_portal.answers import Answer, Step, page, redirect
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.form_pages import FormPage, form_routes, values_of
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.labels import (
    CHALLENGES,
    CLIENTS,
    CODES,
    EVENTS,
    MODES,
    ROLES_OF_ORIGINS,
    SCHEMES,
)
from counterseal_portal.member_fields import (
    entered_changes,
    member_field,
    member_fields,
    member_values,
)
from counterseal_portal.reach import (
    app_space_of,
    app_space_step,
    app_space_trail,
    is_portals_own,
    origin_step,
    origin_trail,
)
from counterseal_portal.routes import ADMINS, Route
from counterseal_portal.visit import DONE, Visit, notice_of

ORIGIN = "/origins/{origin}"
ENTRY_KINDS = {
    CallbackType.ADDRESS: "Address of callbacks",
    CallbackType.DOMAIN: "Domain of passkeys",
}
NAME = member_field(
    OriginChanges, "name", "Name", "People read it on their device as the one who asks."
)
ROLE_FIELD = member_field(OriginChanges, "role", "What it may do")
CLIENTS_FIELD = member_field(OriginChanges, "clients", "Which programs call as this origin")
NEW_CLIENTS_FIELD = attrs.evolve(CLIENTS_FIELD, hint="")
NEW_FIELDS = (NAME, ROLE_FIELD, NEW_CLIENTS_FIELD)
"""A new origin has nothing that a change of programs would reset."""
FIELDS = (
    *(NAME, ROLE_FIELD, CLIENTS_FIELD),
    *member_fields(
        OriginChanges,
        {
            "codes": "When a question asks for a code (showCode)",
            "callback_states": "When a callback is sent",
            "wildcards": "The allow-list may have wildcards",
            "token_form": "How an invitation returns its session token",
            "pending_limit": "Open questions of one person",
            "ask_limit": "Questions to one person within a while",
            "cooldown": "Refusals begin a cool-down for this origin",
        },
    ),
)
ENTRY_FIELDS = (
    Field(
        name="kind",
        label="Kind",
        kind=Kind.CHOICE,
        options=tuple((str(each.value), ENTRY_KINDS[each]) for each in CallbackType),
        required=True,
        meant_by=("callbackType",),
    ),
    Field(
        name="entry",
        label="Address or domain",
        hint="Such as https://shop.example/done for callbacks, without a user name, a password and"
        " a fragment; or shop.example or https://shop.example for passkeys.",
        required=True,
        meant_by=("callbackUrl",),
    ),
)


@attrs.frozen
class CredentialRow:
    """One credential or callback secret in a list; only a credential has a GUID."""

    guid: str
    label: str
    created_at: datetime
    ends_at: datetime | None
    is_live: bool


def origin_of(visit: Visit) -> Origin:
    """
    Return the origin that the path names.

    Raises:
        NotFound: There is none.
        Foreign: It is out of the person's reach.
        RoleLacking: The person's role does not include origins.
    """
    return visit.tenancy.get(visit.guid("origin"), Origin)


def callback_counts(visit: Visit, origin: Origin) -> tuple[int, int]:
    """Return how many of the origin's callbacks are queued and dead, as commits count them."""
    gauges = visit.service.gauges.read(app_space=origin.app_space, by=visit.admin)
    counts = {key.gauge: count for key, count in gauges.items() if key.origin == origin.guid}
    return counts.get(Gauge.QUEUED_CALLBACKS, 0), counts.get(Gauge.DEAD_CALLBACKS, 0)


def show_origin(visit: Visit) -> Answer:
    """Show an origin with its credentials and its allow-list; no secret is among them."""
    origin = origin_of(visit)
    now = visit.service.ports.clock.now()
    queued_count, dead_count = callback_counts(visit, origin)
    return page(
        "origin.html",
        title=origin.name,
        trail=origin_trail(visit, origin),
        notice=notice_of(visit),
        origin=origin,
        credentials=tuple(
            _row(origin.credential_guid(each), SCHEMES[each.scheme], each, now)
            for each in origin.credentials
        ),
        webhook_keys=tuple(_row("", "Callback secret", each, now) for each in origin.webhook_keys),
        entries=tuple((each, ENTRY_KINDS[each.type]) for each in origin.entries),
        clients=CLIENTS[origin.clients],
        role=ROLES_OF_ORIGINS[origin.role],
        codes=CODES[origin.codes],
        states=tuple(CHALLENGES[each] for each in origin.callback_states),
        events=_events_text(origin.event_kinds),
        events_as_profile=origin.events is None,
        queued_count=queued_count,
        dead_count=dead_count,
        client=client_facts(visit, origin),
        is_portals_own=is_portals_own(origin.guid),
    )


def client_facts(visit: Visit, origin: Origin) -> tuple[tuple[str, str], ...]:
    """Return what a page says of an origin as a CIBA client; nothing if it is none."""
    client, now = origin.backchannel, visit.service.ports.clock.now()
    if client is None:
        return ()
    has_secret = any(
        each.scheme is Scheme.BASIC and is_live(each, now) for each in origin.credentials
    )
    ways = ("private_key_jwt",) * bool(client.keys) + ("client_secret_basic",) * has_secret
    return (
        ("Issuer", visit.service.settings.public_url),
        ("Client id", origin.guid),
        ("Mode", MODES[client.mode]),
        ("Pings are sent to", client.notification_endpoint or "Nowhere"),
        ("Public keys", key_names(client) or "None"),
        ("Audience", "The issuer, or an endpoint" if client.endpoint_audiences else "The issuer"),
        (
            "Authenticates by",
            ", ".join(ways) or "Nothing yet: it has no key and no Basic credential",
        ),
    )


def key_names(client: BackchannelClient) -> str:
    """Return the names and algorithms of a client's keys; empty without any."""
    return ", ".join(f"{key.kid} ({key.alg})" for key in client.keys)


def _events_text(events: tuple[AccountEventKind, ...]) -> str:
    if len(events) == len(AccountEventKind):
        return "Everything"
    return "; ".join(EVENTS[each] for each in events) or "Nothing"


def _row(guid: str, label: str, secret: Credential | WebhookKey, now: datetime) -> CredentialRow:
    return CredentialRow(guid, label, secret.created_at, secret.ends_at, is_live(secret, now))


def is_live(secret: Credential | WebhookKey, now: datetime) -> bool:
    """Tell whether *secret* works."""
    return secret.ends_at is None or secret.ends_at > now


def page_trail(visit: Visit, origin: Origin) -> tuple[Step, ...]:
    """Return the way to a page that stands below an origin's own."""
    return (*origin_trail(visit, origin), origin_step(origin))


def _new(visit: Visit) -> FormPage:
    app_space = app_space_of(visit)
    return FormPage(
        title="New origin",
        intro=("An origin is a server that asks the users of this App Space.",),
        fields=NEW_FIELDS,
        values=values_of(role=OriginRole.FULL.value, clients=Clients.CURRENT.value),
        button="Create the origin",
        back=f"/app-spaces/{app_space.guid}",
        trail=(*app_space_trail(visit, app_space), app_space_step(app_space)),
    )


def _create(visit: Visit, form: FilledForm) -> Answer:
    origin = visit.tenancy.create_origin(
        visit.guid("app_space"), **entered_changes(form, NEW_FIELDS)
    )
    return redirect(f"/origins/{origin.guid}", done="origin-created")


def _edit(visit: Visit) -> FormPage:
    origin = origin_of(visit)
    return FormPage(
        title="Edit the origin",
        fields=FIELDS,
        values=member_values(origin, FIELDS),
        button="Save",
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


def _save(visit: Visit, form: FilledForm) -> Answer:
    origin = origin_of(visit)
    changes = entered_changes(form, FIELDS)
    if changes["clients"] is not origin.clients:
        # What the form still says of the old clients would undo the profile of the new ones.
        for name in ("codes", "wildcards", "callback_states"):
            del changes[name]
    visit.tenancy.edit_origin(origin.guid, **changes)
    return redirect(f"/origins/{origin.guid}", done="origin-saved")


def _new_entry(visit: Visit) -> FormPage:
    origin = origin_of(visit)
    return FormPage(
        title="Add to the allow-list",
        intro=(
            (
                "Callbacks go only to addresses that are on the list; passkeys of the origin's"
                " users are used only at domains that are on it."
            ),
        ),
        fields=ENTRY_FIELDS,
        values=values_of(kind=str(CallbackType.ADDRESS.value)),
        button="Add",
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


def _add_entry(visit: Visit, form: FilledForm) -> Answer:
    origin = visit.tenancy.allow_callback(
        visit.guid("origin"), form.text("entry"), kind=CallbackType(int(form.value("kind")))
    )
    return redirect(f"/origins/{origin.guid}", done="entry-added")


def _entry_subject(visit: Visit) -> Subject:
    origin = origin_of(visit)
    entry = _entry(visit, origin)
    return Subject(
        name=entry.text,
        details=(("Kind", ENTRY_KINDS[entry.type]), ("Origin", origin.name)),
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


def _entry(visit: Visit, origin: Origin) -> CallbackEntry:
    guid = visit.guid("entry")
    for entry in origin.entries:
        if entry.guid == guid:
            return entry
    raise NotFound


COMMANDS = (
    Command(
        id="origin.forbid_entry",
        path=f"{ORIGIN}/allow-list/{{entry}}/remove",
        title="Remove this entry from the allow-list?",
        consequences=(
            (
                "An address: callbacks to it that are queued are dead, and new questions that"
                " name it are refused."
            ),
            "A domain: passkeys of the origin's users no longer work there.",
        ),
        button="Remove the entry",
        load_subject=_entry_subject,
        perform=lambda visit: visit.tenancy.forbid_entry(visit.guid("origin"), visit.guid("entry")),
        done="entry-removed",
        danger=True,
        roles=ADMINS,
    ),
)

ORIGIN_ROUTES = (
    Route(
        id="origin.show",
        method="GET",
        path=ORIGIN,
        handler=show_origin,
        query=(DONE,),
        roles=ADMINS,
    ),
    *form_routes(
        "app_space.create_origin",
        "/app-spaces/{app_space}/origins/new",
        _new,
        _create,
        fields=NEW_FIELDS,
        roles=ADMINS,
    ),
    *form_routes(
        "origin.edit",
        f"{ORIGIN}/edit",
        _edit,
        _save,
        fields=FIELDS,
        roles=ADMINS,
        stepped_up="Change an origin",
    ),
    *form_routes(
        "origin.allow_entry",
        f"{ORIGIN}/allow-list/new",
        _new_entry,
        _add_entry,
        fields=ENTRY_FIELDS,
        roles=ADMINS,
    ),
    *(route for command in COMMANDS for route in command_routes(command)),
)
