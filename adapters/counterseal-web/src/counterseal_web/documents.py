"""Documents: records as the outside is shown them; no secret and no push address is among them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import counterseal as cs
from counterseal.models import Account, AppSpace, Binding, Challenge, Origin, TokenForm
from counterseal.wire.claims import format_time

Document = dict[str, Any]


def invitation_document(invitation: cs.Invitation, origin: Origin) -> Document:
    """Return what *origin* hands to the device that is to be bound."""
    expiration = format_time(invitation.deadline)
    token: Document | str = invitation.token
    if origin.token_form is TokenForm.OBJECT:
        token = {"guid": invitation.token, "expiration": expiration}
    return {
        "privakeyId": invitation.account.guid,
        "sessionToken": token,
        "sessionTokenExpiration": expiration,
        "appSpaceGuid": invitation.app_space.guid,
        "appSpaceName": invitation.app_space.name,
    }


def account_document(account: Account) -> Document:
    """Return an account as an origin of its App Space sees it."""
    return {
        "privakeyId": account.guid,
        "accountId": account.account_id,
        "userInfo": account.user_info,
        "appSpaceGuid": account.app_space,
        "locked": account.locked_at is not None,
        "createdAt": format_time(account.created_at),
    }


def device_document(binding: Binding) -> Document:
    """Return a device as an origin of its App Space sees it."""
    authority = binding.suspended_by
    return {
        "guid": binding.guid,
        "name": binding.name,
        "status": binding.state.value,
        "suspendedBy": None if authority is None else authority.value,
        "createdAt": format_time(binding.created_at),
        "boundAt": _maybe(binding.bound_at),
        "endedAt": _maybe(binding.ended_at),
    }


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


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
