"""Documents: records as the outside is shown them; no secret and no push address is among them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import counterseal as cs
from counterseal.models import AppSpace, Binding, Challenge
from counterseal.wire.claims import format_time

Document = dict[str, Any]


def invited_document(app_space: AppSpace) -> Document:
    """Return what a device learns of the App Space that its session token is for."""
    return {"appSpace": app_space.guid, "appSpaceName": app_space.name}


def begun_document(begun: cs.Redirect) -> Document:
    """Return what an app that begins a log-in has to know."""
    return {"url": begun.url, "secret": begun.app_secret, "expiresAt": format_time(begun.deadline)}


def welcome_document(invitation: cs.Invitation) -> Document:
    """Return what an app whose user has logged in finishes the bind with."""
    return {
        "sessionToken": invitation.token,
        "sessionTokenExpiration": format_time(invitation.deadline),
        "appSpaceGuid": invitation.app_space.guid,
        "appSpaceName": invitation.app_space.name,
    }


def bound_document(bound: cs.Bound) -> Document:
    """Return what a device learns when its bind is finished."""
    return {
        "device": bound.binding.guid,
        "account": bound.account.guid,
        "appSpace": bound.app_space.guid,
        "serviceKeys": cs.jwks_document(bound.service_keys),
    }


def status_document(proven: cs.AuthenticatedDevice, policy: cs.Policy) -> Document:
    """Return what a device is told of itself."""
    binding = proven.binding
    return own_document(binding, policy) | {
        "account": proven.account.guid,
        "appSpace": proven.app_space.guid,
        "appSpaceName": proven.app_space.name,
    }


def own_document(binding: Binding, policy: cs.Policy) -> Document:
    """Return a device's own record, as it may see it."""
    return {
        "device": binding.guid,
        "status": binding.state.value,
        "name": binding.name,
        "addresses": len(binding.addresses),
        "attemptsLeft": max(0, policy.strike_limit - binding.strikes),
        "keys": [{"role": held.role.value, "kid": held.key.kid} for held in binding.keys],
    }


def pending_document(waiting: Iterable[Challenge]) -> Document:
    """Return what a device is asked at the moment, by name only."""
    return {
        "requests": [
            {
                "guid": held.guid,
                "issuedAt": format_time(held.issued_at),
                "expiresAt": format_time(held.deadline),
            }
            for held in waiting
        ]
    }


def shown_document(challenge: Challenge, now: datetime) -> Document:
    """Return one request as a device gets it; it shows and signs `display`."""
    return {
        "guid": challenge.guid,
        "state": challenge.state_at(now).value,
        "expiresAt": format_time(challenge.deadline),
        "display": challenge.display,
    }


def answered_document(challenge: Challenge) -> Document:
    """Return how a request ended, to the device that ended it."""
    outcome = challenge.outcome
    return {
        "guid": challenge.guid,
        "state": challenge.state.value,
        "approved": challenge.approved,
        "receipt": None if outcome is None else outcome.receipt,
    }
