"""
The answer and the disown: what a device signs.

Compact JWS of type `counterseal-answer+jwt` or `counterseal-disown+jwt`:

| claim | value |
|---|---|
| `iss` | the device (binding GUID) |
| `sub` | the account |
| `aud` | the App Space |
| `challenge` | the challenge |
| `display` | SHA-256 of the display document's canonical bytes, base64url |
| `button`, `title` | index and title of the chosen button; answers only |
| `code` | the matching code as typed; only if the challenge asks for one |
| `reason` | why the person refuses, one of `RefusalReason`; only if they say so |
| `deviceKey` | the thumbprint of the device key; only where a passkey names it |
| `iat`, `jti` | seconds since the epoch; a random id |
"""

from __future__ import annotations

from typing import Any

import attrs

from counterseal.errors import InvalidField, MalformedToken
from counterseal.models import Guid, RefusalReason
from counterseal.wire.members import demand, demand_guids, demand_id

ANSWER_TYP = "counterseal-answer+jwt"
DISOWN_TYP = "counterseal-disown+jwt"

_COMMON: dict[str, type] = {
    "iss": str,
    "sub": str,
    "aud": str,
    "challenge": str,
    "display": str,
    "iat": int,
    "jti": str,
}
_ANSWER = {**_COMMON, "button": int, "title": str}
_OF_BOTH: dict[str, type] = {"deviceKey": str, "reason": str}
_OPTIONAL: dict[str, type] = {"code": str, **_OF_BOTH}


@attrs.define(kw_only=True)
class Answer:
    """
    The claims of an answer, or of a disown, which has no button, title or code.

    An answer has a code only if one was typed. Its device key, where it names one, is a thumbprint.
    Its reason is why the person refuses; no answer that approves may have one.
    """

    device: Guid
    account: Guid
    app_space: Guid
    challenge: Guid
    display_hash: str
    button: int | None = None
    title: str | None = attrs.field(default=None, repr=False)
    code: str | None = attrs.field(default=None, repr=False)
    device_key: str | None = None
    reason: RefusalReason | None = None
    issued_at: int
    id: str

    @property
    def typ(self) -> str:
        """The `typ` of the token."""
        return DISOWN_TYP if self.button is None else ANSWER_TYP


def answer_claims(answer: Answer) -> dict[str, Any]:
    """Return the payload of *answer*."""
    claims: dict[str, Any] = {
        "iss": answer.device,
        "sub": answer.account,
        "aud": answer.app_space,
        "challenge": answer.challenge,
        "display": answer.display_hash,
        "iat": answer.issued_at,
        "jti": answer.id,
    }
    optional = {
        "button": answer.button,
        "title": answer.title,
        "code": answer.code,
        "deviceKey": answer.device_key,
        "reason": None if answer.reason is None else answer.reason.value,
    }
    return claims | {name: value for name, value in optional.items() if value is not None}


def read_answer(claimed: dict[str, Any], *, typ: str) -> Answer:
    """
    Read the payload of an answer (or, by *typ*, of a disown); see `wire.members` for refusals.

    InvalidField names `reason`, if it is another word than those of `RefusalReason`.
    """
    if typ == ANSWER_TYP:
        demand(claimed, _ANSWER, _OPTIONAL)
        if claimed["button"] < 0:
            raise MalformedToken
    else:
        demand(claimed, _COMMON, _OF_BOTH)
    demand_guids(claimed["iss"], claimed["sub"], claimed["aud"], claimed["challenge"])
    demand_id(claimed["jti"])
    reason = claimed.get("reason")
    return Answer(
        device=claimed["iss"],
        account=claimed["sub"],
        app_space=claimed["aud"],
        challenge=claimed["challenge"],
        display_hash=claimed["display"],
        button=claimed.get("button"),
        title=claimed.get("title"),
        code=claimed.get("code"),
        device_key=claimed.get("deviceKey"),
        reason=None if reason is None else _read_reason(reason),
        issued_at=claimed["iat"],
        id=claimed["jti"],
    )


def _read_reason(word: str) -> RefusalReason:
    try:
        return RefusalReason(word)
    except ValueError:
        words = ", ".join(reason.value for reason in RefusalReason)
        raise InvalidField("reason", f"must be one of {words}") from None
