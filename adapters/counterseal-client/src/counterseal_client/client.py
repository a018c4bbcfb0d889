"""The client: the calls of an origin, over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, Self, Unpack

from counterseal import read_json, read_question
from counterseal.accounts.documents import (
    BindInvitation,
    BindRequest,
    DeviceName,
    KnownAccount,
    KnownDevice,
    RequestName,
    read_account,
    read_devices,
    read_invitation,
)
from counterseal.challenges.documents.messages import ProcessedRequest, read_processed
from counterseal.challenges.documents.question import read_device, read_duration, request_document
from counterseal.events.documents import AccountEventPage
from counterseal.ijson import compact
from counterseal.models import (
    DEFAULT_BUTTONS,
    Action,
    Button,
    ChallengeState,
    Content,
    Guid,
    HtmlContent,
    PairsContent,
    Question,
    RequestContext,
    Scheme,
    TextContent,
)
from counterseal.wire.members import read_record, write_record
from counterseal_client.actions import ActionCalls
from counterseal_client.calls import Call, Calls
from counterseal_client.connection import ATTEMPTS, Connection, ConnectionOptions
from counterseal_client.credential import Credential
from counterseal_client.errors import (
    BadReply,
    Finished,
    demand,
    demand_guid,
    require_evidence,
)
from counterseal_client.pending_request import PendingRequest, guid_of, read_pending_request
from counterseal_client.waiting import Poll, Waiting
from counterseal_http import requested_wait


class Client(ActionCalls):
    """
    The client of one Request Origin; threads may share it.

    Every call raises `Unavailable` if there is no reply, or none that can be read, and
    `RequestRefused`, with the service's code, if the service refuses.

    Args:
        base_url: The service's public address, equal to the service's own `public_url`.
        origin: The Request Origin's GUID.
        key: The origin's secret, as the service returned it.
        scheme: The origin's scheme: `basic`, `hmac` (CX1) or `signature` (RFC 9421).
        app_space: The App Space's GUID; if given, replies of another App Space are refused.
        **options: The connection's settings, as of `Connection.open`: `timeout`, `tls`,
            `allow_http`, `guard`, `connections`, `clock`, `entropy`, `sleep`, `monotonic`.

    Raises:
        Unfit: An argument is of another type, or has a value that cannot work.
    """

    def __init__(
        self,
        base_url: str,
        origin: str,
        key: str,
        *,
        scheme: Scheme | str = Scheme.BASIC,
        app_space: str | None = None,
        **options: Unpack[ConnectionOptions],
    ) -> None:
        for name, text in (("base_url", base_url), ("origin", origin), ("key", key)):
            demand(name, text, str)
        self._app_space = None if app_space is None else demand_guid("app_space", app_space)
        connection = Connection.open(base_url, **options)
        super().__init__(Calls(connection, Credential(origin, key, scheme)))

    def __repr__(self) -> str:
        """Name the service, the origin and the scheme, and not the key."""
        return f"Client({self._calls.connection.address.base!r}, {self._calls.credential!r})"

    def ask(
        self,
        account_id: str,
        content: Content | str,
        *,
        buttons: Iterable[Button] | None = None,
        duration: timedelta | str | int | None = None,
        callback: str | None = None,
        additional_info: Any = None,
        transaction_id: str | None = None,
        notification_title: str | None = None,
        notification_body: str | None = None,
        show_notification: bool = True,
        show_code: bool = False,
        device: str | None = None,
        context: RequestContext | None = None,
        idempotency_key: str | None = None,
    ) -> PendingRequest:
        """
        Issue a request to a user.

        The call always has an idempotency key, so a lost reply never makes a second request.
        With a key of your own, such as an order's id, this is true even if your program crashes.

        Args:
            account_id: The origin's own id of the user, from the authenticated session.
            content: The question; a `str` is plain text, even if it looks like HTML. An `Action`
                asks for an approval that `consume` uses once.
            buttons: At least two; `Approve` (strong) and `Reject` if none are given.
            duration: How long the request may be answered: a `timedelta` of whole seconds, a text
                such as `5m`, or a number of seconds.
            callback: Where the outcome is delivered: an address on the origin's allow-list.
            additional_info: A text or JSON object, sent to the device, and back in the reply.
            transaction_id: Sent back in the reply.
            notification_title: The title of the push notification, after the App Space's name.
            notification_body: The text of the push notification.
            show_notification: Whether devices show a notification.
            show_code: Whether the person has to type a code that you show, `PendingRequest.code`.
            device: The GUID of the only device that is asked; by default, all of the user are.
                If the device is revoked meanwhile, nobody can answer, and the request expires.
            context: What you know of where the act comes from: IP address, place and browser. It is
                shown as your words, and signed.
            idempotency_key: A call with the same key and question returns the first result.

        Returns:
            A record to keep on your server until you act on the answer.

        Raises:
            InvalidField: The question is malformed; the error names the member.
            Unfit: *idempotency_key* is not a key, or an argument is of another type.
            Unreachable: The account is unknown, locked, or has no bound device.
            AskedTooOften: The person has too many open requests, or got requests too often.
        """
        demand("content", content, str, TextContent, HtmlContent, PairsContent, Action)
        if buttons is not None:
            demand("buttons", buttons, Iterable)
            buttons = tuple(buttons)
            for index, button in enumerate(buttons):
                demand(f"buttons[{index}]", button, Button)
        if duration is not None:
            demand("duration", duration, timedelta, str, int)
        if isinstance(duration, str | int):
            duration = read_duration(duration)
        if context is not None:
            demand("context", context, RequestContext)
        question = Question(
            account_id=account_id,
            content=TextContent(text=content) if isinstance(content, str) else content,
            buttons=DEFAULT_BUTTONS if buttons is None else buttons,
            duration=duration,
            callback=callback,
            additional_info=additional_info,
            transaction_id=transaction_id,
            notification_title=notification_title,
            notification_body=notification_body,
            show_notification=show_notification,
            show_code=show_code,
            device=read_device(device),
            context=context,
        )
        body = compact(request_document(question))
        read_question(read_json(body))  # refuses what the service would refuse
        reply = self._calls.call_once("POST", "request/add", body, idempotency_key)
        origin, text = self._calls.credential.origin, body.decode()
        pending_request = reply.read(
            lambda document: read_pending_request(text, document, origin=origin)
        )
        self._require_own(pending_request.app_space)
        return pending_request

    def status(self, request: PendingRequest | str) -> ProcessedRequest:
        """
        Return a request as it is now.

        Raises:
            NotFound: This origin has no request of that GUID.
            EvidenceRefused: The reply is about another request.
        """
        return self._poll(request).request

    def wait(self, request: PendingRequest | str, timeout: timedelta) -> ProcessedRequest:
        """
        Return a request when it has ended, or as it is after *timeout*.

        If the service holds the call, the client polls every 25 seconds; if not, less and less
        often. It never polls before `Retry-After`. Only the failure of the last poll is raised.

        Raises:
            NotFound: This origin has no request of that GUID.
            EvidenceRefused: The reply is about another request.
            Unfit: An argument is of another type, or no GUID.
            Unavailable: The last poll got no reply.
        """
        demand("timeout", timeout, timedelta)
        waiting = Waiting(
            poll=lambda hold: self._poll(request, hold=hold, attempts=1),
            sleep=self._calls.connection.sleep,
            monotonic=self._calls.connection.monotonic,
        )
        return waiting.until(timeout)

    def cancel(self, request: PendingRequest | str) -> None:
        """
        Cancel a request.

        Raises:
            Finished: The request has ended in another way.
            NotFound: This origin has no request of that GUID.
        """
        body = compact(write_record(RequestName(request=guid_of(request))))
        try:
            self._calls.call(Call(method="PATCH", path="request/cancel", body=body))
        except Finished as refusal:
            # Perhaps an earlier attempt, whose reply was lost, has cancelled it.
            if not refusal.repeated or self.status(request).state is not ChallengeState.CANCELLED:
                raise

    def bind(
        self, account_id: str, *, user_info: str | None = None, idempotency_key: str | None = None
    ) -> BindInvitation:
        """
        Invite one device of a user.

        **The account id must come from the user's authenticated session**, and never from a
        form, an address or a body: it decides whose device is bound.

        Args:
            account_id: The origin's own id of the user.
            user_info: Stored with the account; None does not change it.
            idempotency_key: A call with the same key returns the same invitation, while it is
                open; by default a new key.

        Raises:
            Unfit: *idempotency_key* is not a key, or an argument is of another type.
            InvalidField: A text cannot be written as JSON.
        """
        demand("account_id", account_id, str)
        body = compact(write_record(BindRequest(account_id=account_id, user_info=user_info)))
        reply = self._calls.call_once("PUT", "account/bind", body, idempotency_key)
        invitation = reply.read(read_invitation)
        self._require_own(invitation.app_space)
        return invitation

    def devices(self, account_id: str) -> tuple[KnownDevice, ...]:
        """
        Return the devices of a user, revoked ones too, and open invitations.

        Raises:
            Unreachable: There is no such account.
            Unfit: The account id is not a text.
        """
        demand("account_id", account_id, str)
        query = (("accountId", account_id),)
        call = Call(method="GET", path="device/getAll", query=query)
        return self._calls.call(call).read(read_devices)

    def revoke_device(self, device: str) -> None:
        """
        Revoke a device, or an open invitation, for good; a repeat does nothing.

        Raises:
            NotFound: This App Space has no device of that GUID.
        """
        body = compact(write_record(DeviceName(device=demand_guid("device", device))))
        with suppress(Finished):
            self._calls.call(Call(method="PATCH", path="device/revoke", body=body))

    def account(self, account_id: str) -> KnownAccount:
        """
        Return a user as the service knows it.

        Raises:
            Unreachable: There is no such account.
            Unfit: The account id is not a text.
        """
        demand("account_id", account_id, str)
        query = (("accountId", account_id),)
        call = Call(method="GET", path="account/getAccount", query=query)
        return self._calls.call(call).read(read_account)

    def events(self, after: str | None = None, *, limit: int = 100) -> Iterator[AccountEventPage]:
        """
        Yield what happened to the App Space's accounts since *after*, page by page, to the end.

        Store `page.next` with what you did about the page, and begin with it the next time. The
        last page may have no events; `page.gap` says that some were forgotten before you came.

        Args:
            after: The `next` of an earlier page; None begins with the oldest event that is kept.
            limit: How many events of the log one call looks at, 1000 at most.

        Raises:
            RequestRefused: *after* is no cursor of this App Space, or *limit* does not fit; its
                `field` says which.
            Unfit: An argument is of another type.
        """
        if after is not None:
            demand("after", after, str)
        demand("limit", limit, int)
        more = True
        while more:
            query = (("limit", str(limit)), *((("after", after),) if after is not None else ()))
            call = Call(method="GET", path="events", query=query)
            page = self._calls.call(call).read(
                lambda document: read_record(AccountEventPage, document)
            )
            for event in page.events:
                self._require_own(event.app_space)
            after, more = page.next, page.more
            yield page

    def close(self) -> None:
        """Refuse further calls; calls that run are completed."""
        self._calls.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_own(self, app_space: Guid) -> None:
        if self._app_space is not None and app_space != self._app_space:
            raise BadReply("another App Space than the configured one")

    def _poll(
        self, request: PendingRequest | str, *, hold: int = 0, attempts: int = ATTEMPTS
    ) -> Poll:
        guid = guid_of(request)
        call = Call(
            method="GET",
            path="request/getRequest",
            query=(("requestGuid", guid), *((("wait", str(hold)),) if hold else ())),
            attempts=attempts,
            hold=timedelta(seconds=hold),
        )
        reply = self._calls.call(call)
        processed = reply.read(read_processed)
        if isinstance(request, PendingRequest):
            request.require_equal(processed)
        require_evidence(processed.guid == guid, "guid")
        return Poll(
            request=processed,
            retry_after=requested_wait(reply.headers, self._calls.connection.clock.now()),
        )
