"""Event labels: what people read for the names and reasons of the audit log's events."""

from __future__ import annotations

from collections.abc import Mapping

from counterseal.models import RefusalReason
from counterseal_portal.labels import REASONS
from counterseal_web.problems import STATUS

EVENTS: Mapping[str, str] = {
    "account.lock": "Account locked",
    "account.unlock": "Account unlocked",
    "account.revoke": "All devices of an account revoked",
    "account.erase": "Account erased",
    "account.mail_link": "Link to mail to a user made",
    "account.demand_codes": "Codes demanded for a time",
    "admin.create": "Administrator created",
    "admin.revoke": "Administrator revoked",
    "admin.rotate": "New key of an administrator",
    "app_space.create": "App Space created",
    "app_space.edit": "App Space changed",
    "binding.address": "Address for push changed",
    "binding.compare": "Comparison code of a new device entered",
    "binding.complete": "Device bound",
    "binding.confirm": "New device confirmed",
    "binding.expire": "Invitation or new device expired",
    "binding.invite": "Device invited",
    "binding.miscompare": "Wrong comparison code of a new device",
    "binding.push": "Devices notified of a new device",
    "binding.redeem_link": "Mailed link used, and device invited",
    "binding.refuse": "New device refused",
    "binding.register": "Passkey registered",
    "binding.renew": "Device invited again",
    "binding.resume": "Device resumed",
    "binding.revoke": "Device revoked",
    "binding.rotate": "Keys of a device replaced",
    "binding.strike": "Wrong PIN entered",
    "binding.suspend": "Device suspended",
    "binding.unbind": "Device removed by its user",
    "binding.update": "Details of a device changed",
    "callback.drop": "Callback dropped",
    "callback.fail": "Callback dead",
    "callback.requeue": "Callback queued again",
    "callback.succeed": "Callback delivered",
    "challenge.answered": "Question answered",
    "challenge.attach": "Question taken up by a realm's request",
    "challenge.cancelled": "Question withdrawn",
    "challenge.disowned": "“This was not me”",
    "challenge.expired": "Question not answered in time",
    "challenge.failed": "Question failed",
    "challenge.fetch": "Question seen on a device",
    "challenge.issue": "Question asked",
    "challenge.mistype": "Code mistyped",
    "challenge.push": "Devices notified of a question",
    "challenge.redeem": "Tokens of a CIBA request issued",
    "company.create": "Company created",
    "company.edit": "Company changed",
    "company.verify": "Verified name of a company set or taken away",
    "credential.issue": "Credential of an origin made",
    "credential.revoke": "Credentials of an origin revoked",
    "credential.revoke_one": "One credential of an origin revoked",
    "identity.logout": "Logged out at the Identity Provider",
    "identity.revalidate": "Identity Provider asked again",
    "login.authenticate": "Logged in at the Identity Provider",
    "login.redirect": "Sent to the Identity Provider",
    "origin.allow_callback": "Entry added to an allow-list",
    "origin.create": "Origin created",
    "origin.edit": "Origin changed",
    "origin.forbid_callback": "Entry removed from an allow-list",
    "session.link": "One-time link made",
    "session.redeem": "One-time link opened",
    "session.revoke": "Session ended by somebody",
    "session.start": "Administrator logged in",
    "session.step_up": "Administrator confirmed that they are there",
    "webhook_key.issue": "Callback secret made",
}
"""By the name of the event; one that is not here is shown by its name."""

CHOICES = (
    ("account.", "All of accounts"),
    ("binding.", "All of devices and invitations"),
    ("challenge.", "All of questions"),
    *((name, EVENTS[name]) for name in sorted(EVENTS, key=lambda name: EVENTS[name].casefold())),
)
"""What a search offers: nouns, and then events by what they are called."""

REFUSALS = frozenset(STATUS)
"""The codes of refusals; any other reason is a result."""

TEXTS: Mapping[str, str] = {
    "account_locked": "the account is locked",
    "deadline_passed": "too late",
    "denied": "not proven",
    "endpoint_audience": "an endpoint as audience",
    "device_not_active": "the device is not active",
    "foreign": "out of reach",
    "proof_ended": "its passkey or device was removed or suspended",
    "role_lacking": "the role does not include it",
    "asking_only": "the origin only asks",
    "strong_key_missed": "wrong PIN",
    "too_many_bindings": "too many devices",
    "too_often": "too often",
    "wrong_code": "wrong code",
    "wrong_state": "no longer possible",
}
"""By the reason of the event; one that is neither here nor a person's is shown by its code."""


def event_label(event: str) -> str:
    """Return what people read for the event's name."""
    return EVENTS.get(event, event)


def reason_text(reason: str) -> str:
    """Return what people read for an event's reason; empty for none, and for `PRESSURED`."""
    if reason == RefusalReason.PRESSURED.value:
        return ""
    own = {each.value: text for each, text in REASONS.items()}
    return own.get(reason) or TEXTS.get(reason) or reason.replace("_", " ")


def reason_label(reason: str) -> str:
    """Return the same, and whether it was a refusal."""
    text = reason_text(reason)
    return f"Refused: {text}" if reason in REFUSALS else text
