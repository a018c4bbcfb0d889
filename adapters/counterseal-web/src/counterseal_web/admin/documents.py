"""Admin documents: records of tenancy as administrators see them; no secret is among them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from counterseal import jwks_document
from counterseal.accounts.documents import account_document, device_document
from counterseal.models import (
    Account,
    Admin,
    AppSpace,
    AppSpaceChanges,
    Binding,
    Callback,
    CallbackEntry,
    CallbackState,
    Challenge,
    Company,
    Credential,
    Origin,
    OriginChanges,
    Session,
)
from counterseal.tenancy.documents import write_settings
from counterseal.wire.members import format_time
from counterseal_web.admin.editable import members_document
from counterseal_web.admin.providers import provider_document

Document = dict[str, Any]


def company_document(company: Company) -> Document:
    """Return a company."""
    return {
        "companyGuid": company.guid,
        "name": company.name,
        "verifiedName": company.verified_name,
        "createdAt": format_time(company.created_at),
    }


def app_space_document(app_space: AppSpace) -> Document:
    """Return an App Space."""
    return {
        "appSpaceGuid": app_space.guid,
        "companyGuid": app_space.company,
        **members_document(app_space, AppSpaceChanges),
        "idpType": "simple" if app_space.idp is None else "oidc",
        "idp": None if app_space.idp is None else provider_document(app_space.idp),
        "policy": write_settings(app_space.policy),
        "createdAt": format_time(app_space.created_at),
    }


def origin_document(origin: Origin) -> Document:
    """Return an origin; one without `keys` is revoked, or had none yet."""
    return {
        "requestOriginGuid": origin.guid,
        "appSpaceGuid": origin.app_space,
        **members_document(origin, OriginChanges),
        "keys": [origin_key_document(origin, each) for each in origin.credentials],
        "policy": write_settings(origin.policy),
        "callbacks": [callback_document(entry) for entry in origin.entries],
        "createdAt": format_time(origin.created_at),
    }


def backchannel_document(origin: Origin) -> Document:
    """Return how an origin is a CIBA client; `mode` is null if it is none."""
    client = origin.backchannel
    return {
        "requestOriginGuid": origin.guid,
        "mode": None if client is None else client.mode.value,
        "notificationEndpoint": None if client is None else client.notification_endpoint,
        "jwks": None if client is None else jwks_document(client.keys),
        "endpointAudiences": client is not None and client.endpoint_audiences,
    }


def callback_document(entry: CallbackEntry) -> Document:
    """Return an entry of an origin's allow-list."""
    return {
        "callbackGuid": entry.guid,
        "callbackUrl": entry.text,
        "callbackType": entry.type.value,
    }


def delivery_document(callback: Callback) -> Document:
    """Return the state of a callback's delivery: a dead one has its cause, a queued one a time."""
    next_at = callback.next_at if callback.state is CallbackState.QUEUED else None
    return {
        "deliveryGuid": callback.guid,
        "requestGuid": callback.challenge,
        "eventGuid": callback.event,
        "waitsFor": callback.waits_for,
        "requestOriginGuid": callback.origin,
        "callbackUrl": callback.url,
        "status": callback.state.value,
        "cause": None if callback.cause is None else callback.cause.value,
        "attempts": callback.attempts,
        "lastStatus": callback.last_status,
        "nextAttemptAt": None if next_at is None else format_time(next_at),
        "createdAt": format_time(callback.created_at),
    }


def key_document(credential: Credential) -> Document:
    """Return a secret's type and times; the newest comes first."""
    return {
        "keyType": credential.scheme.value,
        "createdAt": format_time(credential.created_at),
        "endsAt": None if credential.ends_at is None else format_time(credential.ends_at),
    }


def origin_key_document(origin: Origin, credential: Credential) -> Document:
    """Return an origin's secret with the name by which it is revoked."""
    return {"keyGuid": origin.credential_guid(credential)} | key_document(credential)


def user_document(account: Account, devices: Iterable[Binding]) -> Document:
    """Return an account with its devices."""
    return account_document(account) | {"devices": [device_document(each) for each in devices]}


def account_request_document(challenge: Challenge) -> Document:
    """
    Return a request as `Challenges.list_of_account` returns it to support staff.

    Where its content is hidden from them, so are the buttons.
    """
    display = json.loads(challenge.display) if challenge.display else None
    content = None if display is None else display["content"]
    outcome, reason = challenge.outcome, challenge.reason
    return {
        "guid": challenge.guid,
        "requestOriginGuid": challenge.origin,
        "transactionId": challenge.transaction_id,
        "content": None if content is None else content.get("text", content.get("html", content)),
        "buttons": None
        if content is None
        else [
            {
                "title": button.title,
                "strongAuth": button.strong,
                "style": button.style,
                "approving": button.approving,
            }
            for button in challenge.buttons
        ],
        "state": challenge.state.value,
        "issuedAt": format_time(challenge.issued_at),
        "expiresAt": format_time(challenge.deadline),
        "endedAt": None if outcome is None else format_time(outcome.at),
        "buttonSelected": None if outcome is None else outcome.button,
        "approved": challenge.approved,
        "device": None if outcome is None else outcome.device,
        "reason": None if reason is None else reason.value,
    }


def admin_document(admin: Admin) -> Document:
    """Return an administrator; one without `keys` is revoked."""
    return {
        "adminGuid": admin.guid,
        "name": admin.name,
        "role": admin.role.value,
        "companyGuid": admin.company,
        "appSpaceGuid": admin.app_space,
        "keys": [key_document(each) for each in admin.credentials],
        "endsAt": None if admin.ends_at is None else format_time(admin.ends_at),
        "createdAt": format_time(admin.created_at),
    }


def session_document(session: Session) -> Document:
    """Return where an administrator is logged in, or an open link."""
    used_at = session.last_used_at
    return {
        "sessionGuid": session.guid,
        "state": session.state.value,
        "browser": session.browser,
        "createdAt": format_time(session.created_at),
        "lastUsedAt": None if used_at is None else format_time(used_at),
    }
