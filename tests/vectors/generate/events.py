"""Events to origins: the bytes of each type, and the callback that has them."""

from datetime import timedelta

import attrs
from names import (
    ACCOUNT,
    ANSWERED_AT,
    DEVICES,
    PARTITION,
    SIGNED_AT,
    SPACE,
    entropy,
    guid,
)

from counterseal import ijson
from counterseal.events.documents import DescribedEvent
from counterseal.models import AccountEventKind
from counterseal.outbox.documents import secret_text, webhook_headers
from counterseal.wire.members import write_record

REQUEST = guid("challenge payment", PARTITION)
OF_A_DEVICE = {
    AccountEventKind.BOUND,
    AccountEventKind.DEVICE_ADDED,
    AccountEventKind.REVOKED,
    AccountEventKind.SUSPENDED,
    AccountEventKind.RESUMED,
    AccountEventKind.STRIKE,
    AccountEventKind.DISOWNED,
    AccountEventKind.REPORTED,
}
OF_A_REQUEST = {
    AccountEventKind.STRIKE,
    AccountEventKind.DISOWNED,
    AccountEventKind.REPORTED,
}


def event_of(kind, sequence):
    return DescribedEvent(
        type=kind.value,
        guid=guid(f"event {kind.value}", PARTITION),
        happened_at=ANSWERED_AT - timedelta(milliseconds=sequence),
        sequence=sequence,
        account=ACCOUNT.guid,
        account_id=None if kind is AccountEventKind.ERASED else "Zoë & user-7",
        app_space=SPACE.guid,
        device=DEVICES["ES256"] if kind in OF_A_DEVICE else None,
        request=REQUEST if kind in OF_A_REQUEST else None,
    )


def event_vectors():
    secrets = [entropy("webhook new", 32), entropy("webhook old", 32)]
    events = [event_of(kind, number) for number, kind in enumerate(AccountEventKind, 1)]
    newer = attrs.evolve(events[0], type="moved", guid=guid("event moved", PARTITION))
    text = ijson.compact(write_record(events[0])).decode()
    other = guid("event other", PARTITION)

    def signed(body, message, live_secrets=secrets[:1]):
        data = body.encode()
        return {
            "headers": dict(
                webhook_headers(live_secrets, message=message, at=ANSWERED_AT, body=data)
            ),
            "body": body,
        }

    def valid(event, live_secrets=secrets[:1]):
        document = write_record(event)
        body = ijson.compact(document).decode()
        return {"event": document, **signed(body, event.guid, live_secrets)}

    def invalid(why, body, message=events[0].guid):
        return {"why": why, **signed(body, message)}

    return {
        "about": "Events to origins: the body and the headers of a callback of each type. `invalid`"
        " are signed, and refused.",
        "timestamp": str(SIGNED_AT),
        "secret": secret_text(secrets[0]),
        "olderSecret": secret_text(secrets[1]),
        "valid": [
            *({"about": event.type, **valid(event)} for event in events),
            {"about": "a type that only a newer service knows", **valid(newer)},
            {"about": "two secrets while the origin changes them", **valid(events[1], secrets)},
        ],
        "invalid": [
            invalid("the webhook-id of another event", text, other),
            invalid("no JSON", text[:-1]),
            invalid("a list", f"[{text}]"),
            invalid("a member twice", f'{text[:-1]},"type":"locked"}}'),
            invalid("no type", text.replace('"type"', '"kind"')),
            invalid("a type that is no text", text.replace('"bound"', "7")),
            invalid("no GUID", text.replace(events[0].guid, "7")),
            invalid("a sequence that is a text", text.replace('"sequence":1', '"sequence":"1"')),
            invalid("a negative sequence", text.replace('"sequence":1', '"sequence":-1')),
            invalid("a time without milliseconds", text.replace(".249Z", "Z")),
            invalid("no account", text.replace('"privakeyId"', '"account"')),
            invalid("a device that is no GUID", text.replace(DEVICES["ES256"], "phone")),
        ],
    }
