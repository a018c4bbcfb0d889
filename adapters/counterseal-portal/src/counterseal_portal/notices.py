"""Notices: what a page says after something was done, by the parameter `done` of its address."""

from __future__ import annotations

from collections.abc import Mapping

from counterseal_portal.visit import Visit

NOTICES: Mapping[str, str] = {
    "account-locked": "The account is locked.",
    "account-unlocked": "The account is unlocked.",
    "account-erased": "The account is erased.",
    "devices-revoked": "All devices and open invitations are revoked.",
    "device-suspended": "The device is suspended.",
    "device-resumed": "The device may act again.",
    "device-revoked": "The device is revoked.",
    "company-created": "The company is created.",
    "company-saved": "The company is saved.",
    "company-verified": "The verified name is saved. Devices show it at their next call.",
    "app-space-created": "The App Space is created.",
    "app-space-saved": "The App Space is saved.",
    "setting-saved": "The setting is saved.",
    "origin-created": "The origin is created. It needs a credential before it can ask anybody.",
    "origin-saved": "The origin is saved.",
    "events-saved": "What the origin hears is saved.",
    "client-saved": "The origin is a CIBA client.",
    "client-ended": "The origin is a CIBA client no longer.",
    "credentials-revoked": "All credentials of the origin are revoked.",
    "credential-revoked": "The credential is revoked.",
    "entry-added": "The entry is on the allow-list.",
    "entry-removed": "The entry is no longer on the allow-list.",
    "callback-requeued": "The callback is queued again.",
    "callback-dropped": "The callback is dropped, and will not be sent.",
    "session-ended": "The session is ended.",
    "admin-revoked": "The administrator is revoked.",
    "key-removed": "It is removed, and can no longer be used.",
    "key-removed-alone": (
        "It is removed, and can no longer be used. All other sessions and links are ended: you are"
        " logged in in this browser only."
    ),
    "passkey-added": "The passkey is added.",
    "device-confirmed": "The device is confirmed, and approves for you.",
    "device-miscompared": "Too many wrong codes: the device is removed. Add it again.",
}
"""Closed: an address that says anything else says nothing."""

DONE = "done"
"""The parameter."""


def notice_of(visit: Visit) -> str:
    """Return what to say at the top of the page; empty for nothing."""
    return NOTICES.get(visit.query.get(DONE, ""), "")
