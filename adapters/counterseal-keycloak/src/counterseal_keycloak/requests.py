"""
Requests: what a realm asks for, as Keycloak writes it (`AuthenticationChannelRequest`).

The client's additional parameters stand beside the members that Keycloak knows. One of them is
ours, `counterseal_request`; others are ignored, as OAuth demands of parameters (RFC 6749, 3.1).
"""

from __future__ import annotations

import re
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import Action, Guid, Origin, Question
from counterseal.models.guid import parse
from counterseal_keycloak.bearers import Bearer

REQUEST = "counterseal_request"
"""The additional parameter that names a challenge which the origin has issued."""

BINDING_MESSAGE = re.compile(r"[a-zA-Z0-9\-._+/!?#]{1,50}")
"""`BackchannelAuthenticationEndpoint.BINDING_MESSAGE_VALIDATION`: a code word, never a text."""

SCOPE_LIMIT = 140
"""Characters of the scopes that a person is shown, as of the argument `action` of a log-in."""


@attrs.frozen(kw_only=True)
class AuthenticationRequest:
    """
    What a realm asks for.

    Attributes:
        binding_message: The code word, which the client shows too; None for none.
        consent: The scopes that the person has to consent to; None if the client needs no consent.
        challenge: The challenge that is to be the request; None to ask for a log-in.
    """

    binding_message: str | None = None
    consent: str | None = None
    challenge: Guid | None = None


def read_request(document: object) -> AuthenticationRequest:
    """
    Read the body of a request; `login_hint` is not read, since the bearer's `sub` says who.

    Raises:
        InvalidField: It is no JSON object, a member does not fit, or there is one whose effect the
            person would not see.
    """
    if not isinstance(document, dict):
        raise InvalidField("body", "not a JSON object")
    if document.get("user_code") is not None:
        raise InvalidField("user_code", "not supported")
    message = _text(document, "binding_message")
    if message is not None and not BINDING_MESSAGE.fullmatch(message):
        raise InvalidField("binding_message", "not 1 to 50 characters of a code word")
    consent = document.get("is_consent_required")
    if consent not in (None, True, False):
        raise InvalidField("is_consent_required", "not a truth value")
    request = _text(document, REQUEST)
    scopes = _text(document, "scope") or ""
    if request is not None and (message is not None or consent):
        # The person was shown the challenge already: nothing can be added to it.
        name = "is_consent_required" if message is None else "binding_message"
        raise InvalidField(name, f"it cannot be shown with {REQUEST}")
    return AuthenticationRequest(
        binding_message=message,
        consent=_consent(scopes) if consent else None,
        challenge=None if request is None else parse(request, field=REQUEST),
    )


def question_of(request: AuthenticationRequest, bearer: Bearer, origin: Origin) -> Question:
    """
    Return the question whether to log in at the client; the code word is shown as its purpose.

    Raises:
        InvalidField: The client or the scopes are too long to be shown.
    """
    arguments: dict[str, Any] = {"client": bearer.client}
    if request.consent is not None:
        arguments["action"] = request.consent
    action = Action(
        type="login",
        resource=origin.name,
        arguments=arguments,
        purpose=request.binding_message,
    )
    return Question(account_id=bearer.account_id, content=action)


def _consent(scopes: str) -> str:
    if not 0 < len(scopes) <= SCOPE_LIMIT:
        raise InvalidField("scope", f"not 1 to {SCOPE_LIMIT} characters, to be consented to")
    return scopes


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidField(name, "not a text")
    return value
