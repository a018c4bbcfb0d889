"""Pings: what the service POSTs to a CIBA client whose request has ended (CIBA Core 1.0, 10.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import attrs

from counterseal import Refused, read_json
from counterseal.keys import constant_time_equal
from counterseal.wire.members import Members
from counterseal_client.errors import CallbackRefused

LIMIT = 16_384
"""Octets of a ping."""

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")


@attrs.frozen(kw_only=True)
class Ping:
    """A ping whose token is that of the request: it has ended, and `redeem` says how."""

    auth_req_id: str = attrs.field(repr=False)


def receive_ping(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    find_token: Callable[[str], str | None],
) -> Ping:
    """
    Return the ping in *headers* and *body* (CIBA Core 1.0, 10.2), or raise.

    A ping arrives at least once. It only says that a request has ended: go on with
    `CibaClient.redeem`. Answer it with 204, and with 401 if this raises.

    Args:
        headers: The request's; the case of their names does not matter.
        body: The bytes as received.
        find_token: Returns the notification token of a request, by its `auth_req_id`; None if
            there is no such request.

    Raises:
        CallbackRefused: It is no ping, its request is unknown, or its token is another one.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    values = [value for name, value in pairs if name.lower() == "authorization"]
    match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise CallbackRefused("no Bearer token")
    if len(body) > LIMIT:
        raise CallbackRefused("too large")
    try:
        auth_req_id = Members.of(read_json(body)).text("auth_req_id")
    except Refused:
        raise CallbackRefused("the body is no ping") from None
    token = find_token(auth_req_id)
    if token is None or not constant_time_equal(token, match[1]):
        raise CallbackRefused("another notification token")
    return Ping(auth_req_id=auth_req_id)
