"""Users: what an origin does with the accounts of its users and with their devices."""

from __future__ import annotations

from contextlib import suppress

from counterseal.errors import InvalidField
from counterseal.models import Guid
from counterseal.models.guid import parse
from counterseal.wire.origin import (
    BindInvitation,
    KnownAccount,
    KnownDevice,
    read_account,
    read_devices,
    read_invitation,
)
from counterseal_client.caller import Call, Caller
from counterseal_client.errors import BadReply, Finished, Unfit, demand
from counterseal_client.line import Reply
from counterseal_client.question import json_body


class Users:
    """
    The half of a client that is about users.

    Args:
        caller: Makes the calls.
        app_space: The configured App Space; None takes any.
    """

    def __init__(self, caller: Caller, app_space: Guid | None) -> None:
        self._caller = caller
        self._app_space = app_space

    def bind(
        self, account_id: str, *, user_info: str | None = None, idempotency_key: str | None = None
    ) -> BindInvitation:
        """
        Invite one device of a user.

        **The account id must come from the user's authenticated session**, and never from a
        form, an address or a body: whoever chooses it chooses whose device is bound.

        Args:
            account_id: The origin's own id of the user.
            user_info: Kept with the account; None leaves it as it is.
            idempotency_key: The same key again gets the same invitation, while it is open; a
                fresh one if none is given.

        Raises:
            Unfit: The idempotency key is none, or an argument is of another type.
            InvalidField: A text that JSON cannot hold.
            RequestRefused: The service says no.
            Unavailable: There is no answer, or none that can be read.
        """
        demand("account_id", account_id, str)
        body = json_body(accountId=account_id, userInfo=user_info)
        reply = self._keyed("PUT", "account/bind", body, idempotency_key)
        invitation = reply.read(read_invitation)
        self._require_own(invitation.app_space)
        return invitation

    def devices(self, account_id: str) -> tuple[KnownDevice, ...]:
        """
        Return the devices of a user, revoked ones too, and open invitations.

        Raises:
            Unreachable: There is no such account.
            RequestRefused: The service says no for another reason.
            Unfit: The account id is no text.
            Unavailable: There is no answer, or none that can be read.
        """
        demand("account_id", account_id, str)
        query = (("accountId", account_id),)
        call = Call(method="GET", path="device/getAll", query=query)
        return self._caller.call(call).read(read_devices)

    def revoke_device(self, device: str) -> None:
        """
        Revoke a device, or an open invitation, for good; again does nothing.

        Raises:
            NotThere: This App Space has none of that GUID.
            RequestRefused: The service says no for another reason.
            Unavailable: There is no answer.
        """
        body = json_body(deviceGuid=own_guid(device))
        with suppress(Finished):
            self._caller.call(Call(method="PATCH", path="device/revoke", body=body))

    def account(self, account_id: str) -> KnownAccount:
        """
        Return what the service knows of a user.

        Raises:
            Unreachable: There is no such account.
            RequestRefused: The service says no for another reason.
            Unfit: The account id is no text.
            Unavailable: There is no answer, or none that can be read.
        """
        demand("account_id", account_id, str)
        query = (("accountId", account_id),)
        call = Call(method="GET", path="account/getAccount", query=query)
        return self._caller.call(call).read(read_account)

    def _keyed(self, method: str, path: str, body: bytes, key: str | None) -> Reply:
        call = Call(
            method=method,
            path=path,
            body=body,
            idempotency_key=self._caller.idempotency_key(key),
        )
        return self._caller.call(call)

    def _require_own(self, app_space: Guid) -> None:
        if self._app_space is not None and app_space != self._app_space:
            raise BadReply("another App Space than the configured one")


def own_guid(text: str) -> Guid:
    """
    Read a GUID that the program gives.

    Raises:
        Unfit: It is none of this service's.
    """
    demand("guid", text, str)
    try:
        return parse(text, field="guid")
    except InvalidField:
        raise Unfit("not a GUID of this service") from None
