"""Admission: who an origin's or administrator's call comes from, and what else is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import counterseal as cs
from counterseal.wire.signature import ALGORITHM, COVERED, LABEL, TAG
from counterseal_web.messages import Message, Reply
from counterseal_web.operations import Audience
from counterseal_web.problems import problem

log = logging.getLogger("counterseal_web")

T = TypeVar("T")

BASIC = 'Basic realm="counterseal", charset="UTF-8"'
SIGNED = 'CX1-HMAC-SHA256 realm="counterseal", Signature realm="counterseal"'
OFFERS = {Audience.ORIGIN: f"{BASIC}, {SIGNED}", Audience.ADMIN: SIGNED}
"""What may be used; which of them is one caller's own is told to nobody."""

WANTED = " ".join(f'"{name}"' for name in COVERED)
ACCEPTED = f'{LABEL}=({WANTED});created;alg="{ALGORITHM}";tag="{TAG}"'
"""How a message may be signed (RFC 9421, 5.1)."""


class NotAdmittedError(Exception):
    """Whoever called is nobody that *audience* is for."""

    def __init__(self, audience: Audience) -> None:
        super().__init__()
        self.audience = audience


def admitted(
    asked: Message, audience: Audience, authenticate: Callable[[cs.SignedRequest], T]
) -> T:
    """
    Return who *asked*.

    Raises:
        NotAdmittedError: Its credential does not hold.
        Unavailable: A port failed.
    """
    signed = cs.SignedRequest(
        method=asked.method,
        uri=asked.uri,
        body=asked.body,
        authorization=asked.authorization,
        headers=asked.headers,
    )
    try:
        return authenticate(signed)
    except cs.Refused as refusal:
        # Whatever is wrong with a credential, the outside is told the same.
        log.info("not authenticated: %s", refusal.code)
        raise NotAdmittedError(audience) from None


def not_admitted(audience: Audience) -> Reply:
    """Return the one problem that a caller without a credential that holds is told."""
    headers = {"WWW-Authenticate": OFFERS[audience], "Accept-Signature": ACCEPTED}
    return problem("unauthorized", headers=headers)
