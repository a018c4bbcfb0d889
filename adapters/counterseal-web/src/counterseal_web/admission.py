"""Admission: the origin or administrator that calls, or one problem for all that fail."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TypeVar

import counterseal as cs
from counterseal.credentials.documents import ALGORITHM, COVERED, LABEL, TAG, read_basic, read_cx1
from counterseal.errors import CredentialRefused
from counterseal.models import Guid
from counterseal.models.guid import parse
from counterseal_web.calls import Call
from counterseal_web.messages import Reply
from counterseal_web.operations import Audience
from counterseal_web.problems import RefusedRequestError, problem

log = logging.getLogger("counterseal_web")

T = TypeVar("T")

BASIC = 'Basic realm="counterseal", charset="UTF-8"'
SIGNED = 'CX1-HMAC-SHA256 realm="counterseal", Signature realm="counterseal"'
OFFERS = {Audience.ORIGIN: f"{BASIC}, {SIGNED}", Audience.ADMIN: SIGNED}
"""What may be used; which of them is one caller's own is not said."""

COMPONENTS = " ".join(f'"{name}"' for name in COVERED)
ACCEPTED = f'{LABEL}=({COMPONENTS});created;alg="{ALGORITHM}";tag="{TAG}"'
"""How a message may be signed (RFC 9421, 5.1)."""

_KEYID = re.compile(r';keyid="([0-9a-f-]{36})"')


class NotAdmittedError(RefusedRequestError):
    """
    The credential of the call does not hold.

    Attributes:
        audience: For whom the operation is.
    """

    word = "unauthorized"

    def __init__(self, audience: Audience) -> None:
        super().__init__()
        self.audience = audience

    def reply(self) -> Reply:
        """Return the one problem for every credential that does not hold."""
        headers = {"WWW-Authenticate": OFFERS[self.audience], "Accept-Signature": ACCEPTED}
        return problem(self.word, headers=headers)


def admit(call: Call, audience: Audience, authenticate: Callable[[cs.SignedRequest], T]) -> T:
    """
    Return the origin or administrator that calls.

    Raises:
        NotAdmittedError: Its credential does not hold.
        Unavailable: A port failed.
    """
    signed = cs.SignedRequest(
        method=call.method,
        uri=call.uri,
        body=call.body,
        authorization=call.authorization,
        headers=call.headers,
    )
    try:
        return authenticate(signed)
    except cs.Refused as refusal:
        # The reply is the same, whatever is wrong with a credential.
        # The log says who was claimed, and over which address a signature had to be: the usual
        # mistake.
        signed_badly = isinstance(refusal, CredentialRefused) and _is_signed(call)
        address = f"; no signature held over {call.root}" if signed_badly else ""
        log.info("not authenticated: %s%s%s", refusal.code, describe_claim(signed), address)
        raise NotAdmittedError(audience) from None


def describe_claim(request: cs.SignedRequest) -> str:
    """
    Return who *request* says that it is from, for the log; empty if it names no GUID.

    Nothing else that was sent is returned: a secret in place of the GUID would end in the log.
    """
    try:
        return f"; claimed to be {parse(_claimed_name(request), field='guid')}"
    except cs.Refused:
        return ""


def _claimed_name(request: cs.SignedRequest) -> Guid:
    if request.authorization[:6].lower() == "basic ":
        return read_basic(request.authorization).guid
    if request.authorization:
        return read_cx1(request.authorization).guid
    # A signature that cannot be read as a whole may name its key all the same.
    inputs = [value for name, value in request.headers if name.lower() == "signature-input"]
    match = _KEYID.search(inputs[0]) if inputs else None
    return Guid("" if match is None else match[1])


def _is_signed(call: Call) -> bool:
    names = {name.lower() for name, _ in call.headers}
    return "signature-input" in names or (call.authorization or "").startswith("CX1-")
