"""The roster: an origin's users at the service, their devices, and leave to bind one more."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal.models import BindingState, Guid
from counterseal.wire.link import BindLink, write_link
from counterseal.wire.members import Members


@attrs.frozen(kw_only=True)
class BindInvitation:
    """
    Leave for one device of one user to finish one binding.

    Attributes:
        account: The account's GUID, `privakeyId` on the wire.
        token: The session token, a secret: whoever has it binds a device. Show it as a QR code
            or hand it to your own app; never send it by e-mail or text message, never log it.
        expires_at: From then on the token is refused.
    """

    account: Guid
    account_id: str
    app_space: Guid
    app_space_name: str
    token: str = attrs.field(repr=False)
    expires_at: datetime

    def link(self, *, display_name: str | None = None) -> str:
        """
        Return the link that a QR code holds; it holds the token.

        Args:
            display_name: What to call the account on the device.
        """
        return write_link(
            BindLink(
                token=self.token,
                app_space=self.app_space,
                app_space_name=self.app_space_name,
                account=self.account,
                display_name=display_name,
            )
        )


@attrs.frozen(kw_only=True)
class Device:
    """
    One device of an account, which may be revoked, or an open invitation.

    Attributes:
        state: None where the service does not say.
    """

    guid: Guid
    name: str = attrs.field(repr=False)
    state: BindingState | None


@attrs.frozen(kw_only=True)
class KnownAccount:
    """
    One user of the origin, as the service knows it.

    Attributes:
        account: The account's GUID, `privakeyId` on the wire.
        user_info: What the last `bind` left with it.
    """

    account: Guid
    account_id: str
    user_info: str = attrs.field(repr=False)


def read_invitation(account_id: str, document: object) -> BindInvitation:
    """
    Read the reply to `account/bind`, with the session token in either of its shapes.

    Raises:
        InvalidField: A member is missing or of another type.
    """
    members = Members.of(document)
    if isinstance(members.document.get("sessionToken"), dict):
        # The shape of 2019, which a service may be set to.
        older = Members.of(members.document["sessionToken"], "sessionToken")
        token, expires_at = older.text("guid"), older.time("expiration")
    else:
        token, expires_at = members.text("sessionToken"), members.time("sessionTokenExpiration")
    return BindInvitation(
        account=members.guid("privakeyId"),
        account_id=account_id,
        app_space=members.guid("appSpaceGuid"),
        app_space_name=members.text("appSpaceName"),
        token=token,
        expires_at=expires_at,
    )


def read_devices(document: object) -> tuple[Device, ...]:
    """
    Read the reply to `device/getAll`, a list.

    Raises:
        InvalidField: It is none, or a member is missing or of another type.
    """
    return tuple(_device(each) for each in Members({"devices": document}).objects("devices"))


def read_account(document: object) -> KnownAccount:
    """
    Read the reply to `account/getAccount`.

    Raises:
        InvalidField: A member is missing or of another type.
    """
    members = Members.of(document)
    return KnownAccount(
        account=members.guid("privakeyId"),
        account_id=members.text("accountId"),
        user_info=members.text_or_none("userInfo") or "",
    )


def _device(members: Members) -> Device:
    name = next((each for each in ("state", "status") if members.has(each)), None)
    return Device(
        guid=members.guid("guid"),
        name=members.text_or_none("name") or "",
        state=None if name is None else members.choice(name, BindingState),
    )
