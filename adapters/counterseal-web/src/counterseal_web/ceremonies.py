"""Ceremonies: the WebAuthn calls of an origin, which are those of the CX service."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from counterseal.ceremonies.documents import (
    authenticated_document,
    authentication_document,
    read_created,
    read_passkey_user,
    read_used,
    registered_document,
    registration_document,
)
from counterseal.challenges.documents.question import read_account_id
from counterseal.models import RelyingParty
from counterseal.wire.members import read_text
from counterseal_web.calls import Call
from counterseal_web.messages import Reply
from counterseal_web.operations import Audience, Operation, Payload
from counterseal_web.service import Service


def start_registration(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Begin to register a passkey of a user in a browser; creates the account at first use."""
    body, profile = call.document, party.origin.profile
    user = read_passkey_user(body, profile)
    started = service.ceremonies.start_registration(
        party, read_account_id(body, profile), read_text(body, "domain"), user_info=user.info
    )
    created = started.account_created
    return Reply(
        status=HTTPStatus.CREATED if created else HTTPStatus.OK,
        document=registration_document(
            started.registration,
            user,
            rp_name=party.app_space.name,
            registered=started.registered,
            algorithms=started.algorithms,
            conveyance=started.conveyance,
        ),
        headers={"Location": f"{call.root}/account/{started.account.guid}"},
    )


def register_passkey(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Register the passkey that a browser has made; it authenticates, and answers no request."""
    account_id = read_account_id(call.document, party.origin.profile)
    registered = service.ceremonies.register(party, account_id, read_created(call.document))
    return Reply(document=registered_document(*registered))


def start_authentication(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Begin to authenticate a user by a passkey in a browser."""
    body = call.document
    started = service.ceremonies.start_authentication(
        party, read_account_id(body, party.origin.profile), read_text(body, "domain")
    )
    document = authentication_document(started.authentication, allowed=started.allowed)
    return Reply(document=document)


def finish_authentication(service: Service, call: Call, party: RelyingParty) -> Reply:
    """Verify what a browser has signed; the challenge in it says which authentication it ends."""
    used = read_used(call.document)
    authentication = service.ceremonies.finish_authentication(
        party,
        read_account_id(call.document, party.origin.profile),
        used.credential_id,
        used.assertion,
        user_handle=used.user_handle,
    )
    return Reply(document=authenticated_document(authentication))


ENDING = ("not_found", "denied", "wrong_state", "deadline_passed", "unreachable")

_call = partial(Operation, audience=Audience.ORIGIN, accepts=Payload.FORM)

CEREMONY_API = (
    _call(
        "bindPasskey",
        "PUT",
        "/account/webauthn/bind",
        start_registration,
        {200: "RegistrationOptions", 201: "RegistrationOptions"},
        takes="NewPasskey",
        refuses=(
            "asking_only",
            "domain_forbidden",
            "unreachable",
            "wrong_kind",
            "too_many_bindings",
            "unfit_key",
            "denied",
            "too_often",
        ),
    ),
    _call(
        "registerPasskey",
        "POST",
        "/account/webauthn/register",
        register_passkey,
        {200: "RegisteredPasskey"},
        takes="CreatedPasskey",
        refuses=("asking_only", *ENDING, "too_many_bindings", "unfit_key"),
    ),
    _call(
        "authenticateByPasskey",
        "POST",
        "/request/webauthn/authenticate",
        start_authentication,
        {200: "AssertionOptions"},
        takes="PasskeyDomain",
        refuses=("asking_only", "domain_forbidden", "unreachable", "too_often"),
    ),
    _call(
        "finishAuthentication",
        "POST",
        "/request/webauthn/finishAuthentication",
        finish_authentication,
        {200: "Authenticated"},
        takes="UsedPasskey",
        refuses=("asking_only", *ENDING),
    ),
)
