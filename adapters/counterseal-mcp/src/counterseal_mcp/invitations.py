"""
Invitations: a person without a device gets a link, by MCP's elicitation in URL mode.

The client shows the link to the person and keeps it from the model; no result of a tool has it.
The person who opens the link binds a device that answers for the account, so this is off by
default, needs one account, and is not done over HTTP. Form mode is never used: it is no way for
secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from urllib.parse import urlsplit

import attrs
from mcp.server.session import ServerSession
from mcp_types import (
    ElicitRequest,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
    RequestId,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from counterseal.errors import InvalidField
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import BindingState
from counterseal.ports import Clock, Entropy
from counterseal_client import BindInvitation, Client, RequestRefused, Unauthorised, Unreachable
from counterseal_mcp.refusals import CallRefused

MESSAGE = (
    "To approve what an agent asks, bind a device of yours to your account first. "
    "Open this link only if you began this yourself."
)
REQUEST = "bind"
"""The name of the request in a result that asks for input."""

ID_BYTES = 16
_ENDED = frozenset({BindingState.INVITED, BindingState.REVOKED, BindingState.EXPIRED})
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


@attrs.define
class Invitations:
    """
    Makes invitations for an account without a device, one at a time; threads may share it.

    Attributes:
        client: The client of the origin.
    """

    client: Client
    clock: Clock = attrs.field(factory=SystemClock)
    _open: dict[str, BindInvitation] = attrs.field(init=False, factory=dict)
    _lock: Lock = attrs.field(init=False, factory=Lock)

    def link(self, account_id: str) -> str | None:
        """
        Return a link that binds the account's first device in the browser.

        It is None if the account has a device, which is then locked or suspended, or if the
        service has no device in the browser, since no client opens another link.
        """
        with self._lock:
            if self._has_device(account_id):
                return None
            invitation = self._open.get(account_id)
            if invitation is None or invitation.expires_at <= self.clock.now():
                invitation = self._open[account_id] = self.client.bind(account_id)
        link = invitation.link()
        address = urlsplit(link)
        local = address.scheme == "http" and address.hostname in _LOCAL
        return link if address.scheme == "https" or local else None

    def _has_device(self, account_id: str) -> bool:
        try:
            devices = self.client.devices(account_id)
        except Unreachable:  # there is no such account yet
            return False
        return any(device.state not in _ENDED for device in devices)


def require_full_origin(client: Client, account_id: str) -> None:
    """
    Refuse an origin that only asks, since the service lets it invite nobody.

    The service says no role, so it is asked for the account's devices, which it refuses to such
    an origin. The account need not exist.

    Raises:
        InvalidField: The origin only asks (`invite`), or its key is refused (`key_file`).
        RequestRefused: The service refuses the call for another reason.
        Unavailable: The service cannot be reached, so its origin's role is unknown.
    """
    try:
        client.devices(account_id)
    except Unreachable:
        pass
    except Unauthorised:
        raise InvalidField("key_file", "the service refuses this key of the origin") from None
    except RequestRefused as error:
        if error.problem != "asking_only":
            raise
        raise InvalidField(
            "invite",
            "the origin's role is asking, and only a full one may invite: use a full origin, or"
            " remove invite",
        ) from None


def can_open_links(session: ServerSession) -> bool:
    """Tell whether the client declares elicitation in URL mode."""
    capabilities = session.client_capabilities
    elicitation = None if capabilities is None else capabilities.elicitation
    return elicitation is not None and elicitation.url is not None


async def offer(
    session: ServerSession, request_id: RequestId | None, link: str, entropy: Entropy | None = None
) -> InputRequiredResult:
    """
    Let the client show the link to the person.

    Returns:
        What the tool returns: the client calls it again when the person has seen the link. Only
        the newer protocol has such results.

    Raises:
        CallRefused: By the older protocol, the person has seen the link now (`binding_needed`), or
            does not want to (`binding_declined`).
    """
    if session.protocol_version in MODERN_PROTOCOL_VERSIONS:
        params = ElicitRequestURLParams(message=MESSAGE, url=link)
        return InputRequiredResult(input_requests={REQUEST: ElicitRequest(params=params)})
    token = (entropy or SystemEntropy()).token(ID_BYTES).hex()
    result = await session.elicit_url(MESSAGE, link, token, related_request_id=request_id)
    raise refusal_of(result)


def refusal_of(result: ElicitResult) -> CallRefused:
    """Return the refusal for a person who has seen the link, and has no device yet."""
    accepted = result.action == "accept"
    return CallRefused("binding_needed" if accepted else "binding_declined")


def response_of(responses: Mapping[str, object] | None) -> ElicitResult | None:
    """Return what the client says about a link; None if it was shown none."""
    response = (responses or {}).get(REQUEST)
    return response if isinstance(response, ElicitResult) else None
