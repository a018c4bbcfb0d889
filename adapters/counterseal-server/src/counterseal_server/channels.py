"""
Channels: how the service sends push messages, as the settings say.

Each kind of address has one channel.
A channel is created when it first sends: most commands send nothing, and start faster.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import ParamSpec, Protocol

import counterseal_http as http
from counterseal.errors import InvalidField, Unavailable
from counterseal.models import AddressKind, PushAddress, PushMessage, PushOutcome, PushResult
from counterseal.ports import Clock, Entropy, Notifier
from counterseal_server import files
from counterseal_server.extras import lacking
from counterseal_server.settings import Settings
from counterseal_server.webpush_key import webpush_key

P = ParamSpec("P")

FCM = frozenset({AddressKind.FCM_TOKEN, AddressKind.FCM_FID})
WEBPUSH = frozenset({AddressKind.WEBPUSH})

SECRET_LIMIT = 4_096
ACCOUNT_LIMIT = 65_536

MISCONFIGURED = PushOutcome(result=PushResult.MISCONFIGURED)
LATER = PushOutcome(result=PushResult.LATER)


class Channel(Notifier, Protocol):
    """A Notifier that can be closed."""

    def close(self) -> None:
        """Close the connections; send nothing from now on."""


class Channels:
    """
    Several Notifiers as one; a failure of one does not affect the others.

    Args:
        makers: For each set of kinds, a function that creates its channel.
    """

    def __init__(self, makers: dict[frozenset[AddressKind], Callable[[], Channel]]) -> None:
        self._makers = makers
        self._open_channels: dict[frozenset[AddressKind], Channel] = {}
        self._lock = threading.Lock()

    def kinds(self) -> frozenset[AddressKind]:
        """Return the kinds of all channels."""
        return frozenset().union(*self._makers)

    def require_sendable(self, address: PushAddress) -> None:
        """
        Refuse what the channel of the address's kind refuses.

        Raises:
            InvalidField: *address* is malformed, or a setting of the channel is invalid.
        """
        for kinds in self._makers:
            if address.kind in kinds:
                self._channel(kinds).require_sendable(address)

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Send to each address by the channel of its kind.

        Raises:
            InvalidField: A setting of a channel is invalid.
        """
        outcomes = dict.fromkeys(addresses, MISCONFIGURED)
        for kinds in self._makers:
            served = tuple(address for address in outcomes if address.kind in kinds)
            if served:
                outcomes.update(zip(served, self._pushed(kinds, served, message), strict=True))
        return tuple(outcomes[address] for address in addresses)

    def open(self) -> None:
        """
        Create all channels now, so that an invalid setting fails at the start.

        Raises:
            InvalidField: A setting of a channel is invalid.
        """
        for kinds in self._makers:
            self._channel(kinds)

    def close(self) -> None:
        """Close the channels that were created."""
        with self._lock:
            for channel in self._open_channels.values():
                channel.close()

    def _pushed(
        self,
        kinds: frozenset[AddressKind],
        addresses: tuple[PushAddress, ...],
        message: PushMessage,
    ) -> tuple[PushOutcome, ...]:
        try:
            return self._channel(kinds).push(addresses, message)
        except Unavailable:
            return (LATER,) * len(addresses)

    def _channel(self, kinds: frozenset[AddressKind]) -> Channel:
        with self._lock:
            if kinds not in self._open_channels:
                self._open_channels[kinds] = self._makers[kinds]()
            return self._open_channels[kinds]


def channels(
    settings: Settings, clock: Clock, entropy: Entropy, *, tls: http.Authorities
) -> Channels:
    """
    Return the channels that are configured, which may be none.

    Kinds without a channel of their own go to the relay, if there is one.

    Args:
        settings: Which channels there are, and how each sends.
        clock: The time.
        entropy: Makes the keys of Web Push messages.
        tls: The authorities that push services' certificates need.
    """
    makers: dict[frozenset[AddressKind], Callable[[], Channel]] = {}
    if settings.fcm_account_file is not None:
        makers[FCM] = lambda: _for("fcm_account_file", _fcm, settings, clock, tls)
    if settings.webpush_contact is not None:
        makers[WEBPUSH] = lambda: _for("webpush_contact", _webpush, settings, clock, entropy, tls)
    if settings.relay_url is not None:
        rest = frozenset(AddressKind).difference(*makers)
        makers[rest] = lambda: _for("relay_url", _relay, settings, clock, rest, tls)
    return Channels(makers)


def _for(setting: str, make: Callable[P, Channel], *args: P.args, **kwargs: P.kwargs) -> Channel:
    try:
        return make(*args, **kwargs)
    except ModuleNotFoundError as error:
        what = lacking(error)
        if what is None:
            raise
        raise InvalidField(setting, what) from None


def _fcm(settings: Settings, clock: Clock, tls: http.Authorities) -> Channel:
    fcm = import_module("counterseal_fcm")

    field = "fcm_account_file"
    data = files.read(str(settings.fcm_account_file), field=field, limit=ACCOUNT_LIMIT)
    try:
        account = fcm.read_service_account(data)
    except InvalidField as error:
        raise InvalidField(field, error.problem) from None
    guard = push_guard(settings)
    channel: Channel = fcm.FcmNotifier(
        account, clock, base_url=settings.fcm_url, guard=guard, tls=tls
    )
    return channel


def _webpush(settings: Settings, clock: Clock, entropy: Entropy, tls: http.Authorities) -> Channel:
    webpush = import_module("counterseal_webpush")
    try:
        vapid = webpush.Vapid(webpush_key(settings), settings.webpush_contact or "")
    except InvalidField as error:
        raise InvalidField(
            f"webpush_{error.field.removeprefix('webpush_')}", error.problem
        ) from None
    channel: Channel = webpush.WebPushNotifier(
        vapid, clock, entropy, guard=push_guard(settings), tls=tls
    )
    return channel


def _relay(
    settings: Settings, clock: Clock, kinds: frozenset[AddressKind], tls: http.Authorities
) -> Channel:
    relay = import_module("counterseal_relay")
    try:
        secrets = relay.read_secrets(_relay_secret(settings))
    except InvalidField as error:
        raise InvalidField(f"relay_{error.field.removeprefix('relay_')}", error.problem) from None
    guard, url = push_guard(settings), settings.relay_url or ""
    try:
        guard.target(url)
    except http.Forbidden as error:
        raise InvalidField("relay_url", str(error)) from None
    channel: Channel = relay.RelayNotifier(url, secrets, clock, kinds=kinds, guard=guard, tls=tls)
    return channel


def _relay_secret(settings: Settings) -> str:
    if settings.relay_secret is not None:
        return settings.relay_secret
    if settings.relay_secret_file is None:
        raise InvalidField("secret", "missing, and so is relay_secret_file")
    path = str(settings.relay_secret_file)
    data = files.read(path, field="relay_secret_file", limit=SECRET_LIMIT)
    return data.decode("utf-8", "replace")


def push_guard(settings: Settings) -> http.Guard:
    """Return the guard for push messages."""
    if settings.allow_private_pushes:
        return http.Guard(allow_http=True, allow_private=True, ports=None)
    return http.Guard()
