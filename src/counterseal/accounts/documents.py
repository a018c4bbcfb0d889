"""
Users and their devices: what an origin sends about them, and what the service replies.

| record | in |
|---|---|
| `BindRequest` | the body of `account/bind` |
| `BindInvitation` | the reply to it |
| `KnownAccount` | the reply to `account/getAccount` |
| `KnownDevice` | the reply to `device/getAll`, a list |
| `DeviceName` | the body of `device/revoke` |
| `Comparison` | the body of `device/confirm` |
| `RequestName` | the body of `request/cancel` |

The body of `request/add` is in `challenges.documents.question`, and a challenge as the service
replies it in `challenges.documents.messages`.
See `wire.members.Members` for the refusals of all readers here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from counterseal.models import Account, Binding, BindingState, Guid, TokenForm
from counterseal.wire.link import BindLink, write_link
from counterseal.wire.members import OPTIONAL_TEXT, TEXT, Members, format_time, member


@attrs.frozen(kw_only=True)
class BindRequest:
    """
    The request to invite a device of one user.

    `challenges.documents.question` reads the forms of CX clients.
    """

    account_id: str = attrs.field(metadata=member("accountId", TEXT))
    user_info: str | None = attrs.field(
        repr=False, metadata=member("userInfo", OPTIONAL_TEXT, omitted=True)
    )


@attrs.frozen(kw_only=True)
class DeviceName:
    """The device, or the invitation, that is to be revoked; its GUID is not checked yet."""

    device: str = attrs.field(metadata=member("deviceGuid", TEXT))


@attrs.frozen(kw_only=True)
class Comparison:
    """A new device, and its comparison code as the user read it out; nothing is checked yet."""

    device: str = attrs.field(metadata=member("deviceGuid", TEXT))
    code: str = attrs.field(repr=False, metadata=member("comparisonCode", TEXT))


@attrs.frozen(kw_only=True)
class RequestName:
    """The request that is to be cancelled; its GUID is not checked yet."""

    request: str = attrs.field(metadata=member("requestGuid", TEXT))


@attrs.frozen(kw_only=True)
class BindInvitation:
    """
    Invitation for one device of one user to complete one binding.

    Attributes:
        account: The account's GUID, `privakeyId` on the wire.
        token: The session token, a secret: anyone with it can bind a device. Show it as a QR code
            or pass it to your own app; never send it by e-mail or text message, never log it.
        expires_at: From then on the token is refused.
        app: The address of the service's device in the browser; None if it has none.
        service: The address of the service; None if it does not say so.
    """

    account: Guid
    app_space: Guid
    app_space_name: str
    token: str = attrs.field(repr=False)
    expires_at: datetime
    app: str | None = None
    service: str | None = None

    def link(
        self,
        *,
        display_name: str | None = None,
        in_browser: bool = True,
        app_url: str | None = None,
    ) -> str:
        """
        Return the link for a QR code, which has the token.

        Args:
            display_name: What the device is to call the account.
            in_browser: Whether it opens the service's device in the browser, where it has one;
                otherwise it is for an app that handles `counterseal:` links.
            app_url: The address of another app in the browser, which the link opens instead.

        Raises:
            InvalidField: *app_url* is not a base address.
        """
        app = self.app if in_browser else None
        return write_link(
            BindLink(
                token=self.token,
                app_space=self.app_space,
                app_space_name=self.app_space_name,
                account=self.account,
                display_name=display_name,
                app=app if app_url is None else app_url,
                service=self.service,
            )
        )


@attrs.frozen(kw_only=True)
class KnownAccount:
    """
    One user of the origin, as the service knows it.

    Attributes:
        account: The account's GUID, `privakeyId` on the wire.
        user_info: From the last `account/bind`.
    """

    account: Guid
    account_id: str
    user_info: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class KnownDevice:
    """
    One device of an account, which may be revoked, or an open invitation.

    Attributes:
        state: None where the service does not say.
        answers: Whether it can answer a challenge; False for a passkey in a browser, which only
            authenticates. A service that does not say has no others.
        platform, app_version: Of its app, as the device says; empty if it says nothing.
        last_seen_at: When it last made a call, about; None if it has made none.
    """

    guid: Guid
    name: str = attrs.field(repr=False)
    state: BindingState | None
    answers: bool = True
    platform: str = ""
    app_version: str = ""
    last_seen_at: datetime | None = None


def invitation_document(invitation: BindInvitation, form: TokenForm) -> dict[str, Any]:
    """Return the reply to `account/bind`, for an origin whose clients read tokens in *form*."""
    expiration = format_time(invitation.expires_at)
    token: dict[str, str] | str = invitation.token
    if form is TokenForm.OBJECT:
        token = {"guid": invitation.token, "expiration": expiration}
    document: dict[str, Any] = {
        "privakeyId": invitation.account,
        "sessionToken": token,
        "sessionTokenExpiration": expiration,
        "appSpaceGuid": invitation.app_space,
        "appSpaceName": invitation.app_space_name,
    }
    if invitation.app is not None:
        document |= {"appUrl": invitation.app, "serviceUrl": invitation.service}
    return document


def read_invitation(document: object) -> BindInvitation:
    """Read the reply to `account/bind`, with the session token in either form."""
    members = Members.of(document)
    if isinstance(members.document.get("sessionToken"), dict):
        form = Members(members.document["sessionToken"])
        token, expires_at = form.text("guid"), form.time("expiration")
    else:
        token, expires_at = members.text("sessionToken"), members.time("sessionTokenExpiration")
    return BindInvitation(
        account=members.guid("privakeyId"),
        app_space=members.guid("appSpaceGuid"),
        app_space_name=members.text("appSpaceName"),
        token=token,
        expires_at=expires_at,
        app=members.text_or_none("appUrl"),
        service=members.text_or_none("serviceUrl"),
    )


def account_document(account: Account) -> dict[str, Any]:
    """Return an account as an origin of its App Space sees it."""
    return {
        "privakeyId": account.guid,
        "accountId": account.account_id,
        "userInfo": account.user_info,
        "appSpaceGuid": account.app_space,
        "locked": account.locked_at is not None,
        "createdAt": format_time(account.created_at),
    }


def read_account(document: object) -> KnownAccount:
    """Read the reply to `account/getAccount`."""
    members = Members.of(document)
    return KnownAccount(
        account=members.guid("privakeyId"),
        account_id=members.text("accountId"),
        user_info=members.text_or_none("userInfo") or "",
    )


def device_document(binding: Binding) -> dict[str, Any]:
    """Return a device as an origin of its App Space sees it."""
    authority = binding.suspended_by
    return {
        "guid": binding.guid,
        "name": binding.name,
        "platform": binding.platform,
        "appVersion": binding.app_version,
        "status": binding.state.value,
        "answers": binding.answers,
        "suspendedBy": None if authority is None else authority.value,
        "createdAt": format_time(binding.created_at),
        "boundAt": _format_optional(binding.bound_at),
        "endedAt": _format_optional(binding.ended_at),
        "lastSeenAt": _format_optional(binding.last_seen_at),
    }


def read_devices(document: object) -> tuple[KnownDevice, ...]:
    """Read the reply to `device/getAll`, a list."""
    return tuple(_device(each) for each in Members({"devices": document}).objects("devices"))


def _device(members: Members) -> KnownDevice:
    name = next((each for each in ("state", "status") if members.has(each)), None)
    return KnownDevice(
        guid=members.guid("guid"),
        name=members.text_or_none("name") or "",
        state=None if name is None else members.choice(name, BindingState),
        answers=members.flag("answers") if members.has("answers") else True,
        platform=members.text_or_none("platform") or "",
        app_version=members.text_or_none("appVersion") or "",
        last_seen_at=members.time_or_none("lastSeenAt"),
    )


def _format_optional(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
