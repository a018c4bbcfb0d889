"""Event labels: what people read for the names and reasons of the audit log's events."""

from __future__ import annotations

from collections.abc import Mapping

from counterseal.models import RefusalReason
from counterseal_portal.labels import REASONS
from counterseal_web.problems import STATUS

EVENTS: Mapping[str, str] = {
    "account.challenges": "Questions of an account read",
    "account.demand_codes": "Codes demanded for a time",
    "account.devices": "Devices of an account read",
    "account.erase": "Account erased",
    "account.find": "Account looked up by its id",
    "account.get": "Account read by an origin",
    "account.lock": "Account locked",
    "account.mail_link": "Link to mail to a user made",
    "account.read": "Account read",
    "account.revoke": "All devices of an account revoked",
    "account.search": "Accounts searched",
    "account.unlock": "Account unlocked",
    "account_event.publish": "Event of an account published to origins",
    "action.consume": "Approved action used",
    "action.expire": "Approved action not used in time",
    "action.report": "Outcome of an action reported",
    "action.status": "Action looked up by its origin",
    "action.withdraw": "Approved action withdrawn",
    "admin.create": "Administrator created",
    "admin.revoke": "Administrator revoked",
    "admin.rotate": "New key of an administrator",
    "app_space.create": "App Space created",
    "app_space.edit": "App Space changed",
    "audit.count": "Counts of the audit log read",
    "audit.export": "Audit log exported",
    "audit.head": "Signed head of the audit log read",
    "audit.name": "Names for the audit log read",
    "audit.renew": "Heads of the audit log signed anew",
    "audit.search": "Audit log searched",
    "audit.verify": "Audit log verified",
    "authentication.expire": "Passkey not used in time",
    "authentication.finish": "Passkey used to answer",
    "authentication.start": "Passkey asked for",
    "binding.address": "Address for push changed",
    "binding.compare": "Comparison code of a new device entered",
    "binding.complete": "Device bound",
    "binding.confirm": "New device confirmed",
    "binding.expire": "Invitation or new device expired",
    "binding.invite": "Device invited",
    "binding.miscompare": "Wrong comparison code of a new device",
    "binding.peek": "Invitation looked at",
    "binding.push": "Notification of a new device",
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
    "binding.unconfirmed": "New devices that wait read",
    "binding.update": "Details of a device changed",
    "callback.attempt": "Callback sent",
    "callback.claim": "Callback taken up by a worker",
    "callback.dead": "Dead callbacks listed",
    "callback.drop": "Callback dropped",
    "callback.fail": "Callback dead",
    "callback.get": "Callback read",
    "callback.queued": "Queued callbacks listed",
    "callback.requeue": "Callback queued again",
    "callback.succeed": "Callback delivered",
    "challenge.answer": "Answer sent",
    "challenge.answered": "Question answered",
    "challenge.attach": "Question taken up by a realm's request",
    "challenge.cancel": "Question withdrawn by its origin",
    "challenge.cancelled": "Question withdrawn",
    "challenge.disown": "“This was not me” sent",
    "challenge.disowned": "“This was not me”",
    "challenge.ended": "Past questions read on a device",
    "challenge.expire": "Questions looked through for late ones",
    "challenge.expired": "Question not answered in time",
    "challenge.failed": "Question failed",
    "challenge.fetch": "Question seen on a device",
    "challenge.issue": "Question asked",
    "challenge.list": "Questions listed by their origin",
    "challenge.mistype": "Code mistyped",
    "challenge.pending": "Open questions read on a device",
    "challenge.push": "Notification of a question",
    "challenge.redeem": "Tokens of a CIBA request issued",
    "challenge.status": "Question looked up by its origin",
    "challenge.withdraw": "Question withdrawn by staff",
    "company.create": "Company created",
    "company.edit": "Company changed",
    "company.verify": "Verified name of a company set or taken away",
    "credential.check": "Credential checked",
    "credential.issue": "Credential of an origin made",
    "credential.revoke": "Credentials of an origin revoked",
    "credential.revoke_one": "One credential of an origin revoked",
    "device.keys": "Keys of the service read by a device",
    "device.prove": "Call of a device proven",
    "device.telemetry": "Report of a device received",
    "directory.get": "Company, App Space or origin read",
    "directory.list": "Companies, App Spaces or origins listed",
    "event.read": "Events of accounts read by an origin",
    "gauges.read": "Numbers of the overview read",
    "identity.forget": "Log-in at the Identity Provider forgotten",
    "identity.logout": "Logged out at the Identity Provider",
    "identity.remember": "Log-in at the Identity Provider stored",
    "identity.revalidate": "Identity Provider asked again",
    "login.authenticate": "Logged in at the Identity Provider",
    "login.begin_test": "Test log-in begun",
    "login.expire": "Log-in not finished in time",
    "login.finish_test": "Test log-in finished",
    "login.redirect": "Sent to the Identity Provider",
    "login.relay": "Sent back by the Identity Provider",
    "logo.read": "Logo read",
    "notification.attempt": "Notification sent",
    "notification.claim": "Notification taken up by a worker",
    "notification.get": "Notification read",
    "origin.allow_callback": "Entry added to an allow-list",
    "origin.create": "Origin created",
    "origin.edit": "Origin changed",
    "origin.forbid_callback": "Entry removed from an allow-list",
    "registration.expire": "Passkey not registered in time",
    "registration.register": "Passkey registered by its user",
    "registration.start": "Registration of a passkey begun",
    "session.ask": "Device of an administrator asked",
    "session.enrol": "One-time link used to register",
    "session.expire": "Session ended by its time",
    "session.link": "One-time link made",
    "session.list": "Sessions of an administrator listed",
    "session.redeem": "One-time link opened",
    "session.revoke": "Session ended by somebody",
    "session.start": "Administrator logged in",
    "session.step_up": "Administrator confirmed that they are there",
    "session.use": "Page of the portal opened",
    "tenancy.ensure": "Company, App Space or origin looked for, to be made",
    "webhook_key.issue": "Callback secret made",
}
"""By the name of the event; what a device reports of itself is shown by its name."""

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
    "role_lacking": "not in their role",
    "asking_only": "the origin only asks",
    "strong_key_missed": "wrong PIN",
    "begun": "begun",
    "late": "no time was left",
    "tampered": "signs of a change were found",
    "undelivered": "no service took it",
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


NO_REASON = "-"
"""In an address: only events without a reason."""

REASON_CHOICES = (
    (NO_REASON, "It was done, with nothing to add"),
    *sorted(((code, reason_label(code)) for code in REFUSALS), key=lambda choice: choice[1]),
)
"""What a search offers of how something ended."""
