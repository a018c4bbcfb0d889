"""
The settings of the service, in one frozen record.

A flag overrides the environment, the environment the file, and the file the default.
Each setting has the same name everywhere: `public_url` in the file, `COUNTERSEAL_PUBLIC_URL` in the
environment, `--public-url` on the command line if there is such a flag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import Guid
from counterseal.models.document_hosts import EXAMPLE, document_host, is_document_origin
from counterseal.models.passkeys import origin_of
from counterseal.policy import PROFILES, Policy
from counterseal.wire.link import is_base
from counterseal_http.networks import METADATA, WEB_PORTS, Network
from counterseal_web.settings import require_pages

DATABASE_FILE = "counterseal.db"
KEYS_FOLDER = "keys"
MASTER_KEY_FILE = "master.key"
WEBPUSH_KEY_FILE = "webpush.key"

LOG_FORMATS = ("human", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")
LAST_PORT = 65_535
MODEL = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FORBIDDEN_HOSTS = re.compile(r"[\s/]")


def _demand(ok: object, attribute: attrs.Attribute[Any], problem: str) -> None:
    if not ok:
        raise InvalidField(attribute.name, problem)


def _among(*choices: str) -> Any:
    def valid(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
        _demand(value in choices, attribute, f"not one of {', '.join(choices)}")

    return valid


def _within(low: Any, high: Any) -> Any:
    def valid(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        _demand(low <= value <= high, attribute, f"not within {low} and {high}")

    return valid


def _host(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    _demand(value and not FORBIDDEN_HOSTS.search(value), attribute, "not a host or address")


def _base(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    _demand(
        is_base(value), attribute, "not an address like https://auth.example.com, without a slash"
    )


def _network(text: str | Network) -> Network:
    try:
        network = ip_network(text)
    except ValueError:
        problem = f"{text}: not a network like 10.2.0.0/16, or one address"
        raise InvalidField("callback_networks", problem) from None
    if network.num_addresses > 1 and any(_inside(network, secret) for secret in METADATA):
        problem = f"{text}: clouds keep credentials there; name each address by itself"
        raise InvalidField("callback_networks", problem)
    return network


def _inside(network: Network, other: Network) -> bool:
    first, last = network[0], network[-1]
    return first in other and last in other


def _networks(texts: Iterable[str | Network]) -> tuple[Network, ...]:
    return tuple(_network(text) for text in texts)


def _ports(_: object, attribute: attrs.Attribute[Any], ports: tuple[int, ...]) -> None:
    _demand(ports, attribute, "none: nothing would be sent")
    for port in ports:
        _demand(1 <= port <= LAST_PORT, attribute, f"not within 1 and {LAST_PORT}")


def _cors(_: object, attribute: attrs.Attribute[Any], value: Mapping[Guid, Any]) -> None:
    require_pages(value, field=attribute.name)


def _documents(_: object, attribute: attrs.Attribute[Any], origins: tuple[str, ...]) -> None:
    for origin in origins:
        _demand(is_document_origin(origin), attribute, f"{origin}: not {EXAMPLE}, in lower case")


def _models(_: object, attribute: attrs.Attribute[Any], models: tuple[str, ...]) -> None:
    for model in models:
        _demand(MODEL.fullmatch(model), attribute, f"{model}: not a UUID in lower case")


def _absolute(path: str | Path) -> Path:
    return Path(path).absolute()


def _roots(files: Mapping[str, Iterable[str | Path]]) -> Mapping[str, tuple[Path, ...]]:
    return {name: tuple(map(_absolute, paths)) for name, paths in files.items()}


def _maybe_absolute(path: str | Path | None) -> Path | None:
    return None if path is None else _absolute(path)


SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@attrs.frozen(kw_only=True)
class Settings:
    """
    How the service runs.

    Attributes:
        data: The folder for the database and the keys.
        store: The URL of the store; None is a SQLite file in *data*.
        store_file: The file that *store* was read from, if it was.
        master_key: The master keys; see `counterseal_keys.MasterKeys`.
        master_key_file: A file with the master keys; by default in *data*.
        host: The address to listen at.
        port: The port to listen at.
        worker_port: The port at which `callbacks run` and `notify run` reply to monitoring; None
            is none.
        public_url: The URL that clients use, before the path; signatures cover it.
        policy: A profile, with single settings changed.
        administration: Whether administrators are served, under `/admin/api`.
        browser_device: Whether the browser device is served, at `/app`.
        browser_device_url: Where bind links open, if not at `/app` of *public_url*.
        browser_device_documents: The web origins from which the browser device may fetch the
            documents of actions, beside its own and that of *public_url*. One at an address of its
            own has its list from whoever wrote its files.
        portal: Whether the portal for administrators and support staff is served, at `/portal`.
        ciba: Whether the endpoints of OpenID Connect CIBA are served, under `/ciba`.
        keycloak: Whether the authentication channel of Keycloak's realms is served, under
            `/keycloak`.
        aap: Whether the calls of the Agent Approval Protocol are served, under `/aap`.
        passkey_models: The models of authenticators whose passkeys browsers may register, by
            AAGUID; empty allows all.
        passkey_roots: Files with the root certificates of vendors, one in each, PEM, by the
            attestation format in which they count.
        cors: The origins of the web pages that may make device calls, by App Space.
        ca_file: A file with certificates, PEM, that are trusted beside the machine's wherever the
            service calls; without it, only the machine's are.
        allow_private_callbacks: Whether callbacks may go to plain http and private addresses.
        callback_networks: Networks that callbacks may go to although they are not public.
        callback_ports: The ports that callbacks may go to.
        callback_plain_http: Whether callbacks to *callback_networks* may go by plain http.
        allow_private_providers: Whether Identity Providers may be at such addresses, and apps to
            which users return at `http://localhost`.
        fcm_account_file: The key file of the service account for FCM; without it, FCM is off.
        fcm_url: The URL of FCM.
        webpush_contact: The URL of the operator for push services; without it, Web Push is off.
        webpush_key: The VAPID key.
        webpush_key_file: A file with the VAPID key; by default in *data*.
        relay_url: The URL of the operator's own push service.
        relay_secret: The secret shared with it; two during a rotation.
        relay_secret_file: A file with this secret.
        allow_private_pushes: Whether pushes may go to plain http and private addresses.
        connections: How many connections may be open at once, idle ones included.
        threads: How many requests run at once.
        bodies: How many bodies are received at once; one address may have an eighth of these
            places. As many requests may wait until a thread is free.
        body_deadline: How long a whole body may take.
        waiters: How many requests may wait for an answer; fewer than *threads*.
        senders: How many callbacks are sent at once; with 0, only other processes send them.
        notification_workers: How many push messages each channel sends at once; with 0, only
            other processes send them.
        metrics: Whether to serve `/metrics`.
        opentelemetry: Whether traces and metrics are exported as the variables `OTEL_…` say.
        continue_traces: Whether the trace of a caller that sends `traceparent` is continued.
        log_format: `human` for text, `json` for JSON lines.
        log_level: The lowest level that is logged.
        grace: How long running requests may take to finish after a signal.
    """

    data: Path = attrs.field(converter=_absolute)
    store: str | None = attrs.field(default=None, repr=False)
    store_file: Path | None = attrs.field(default=None, converter=_maybe_absolute)
    master_key: str | None = attrs.field(default=None, repr=False)
    master_key_file: Path = attrs.field(converter=_absolute)
    host: str = attrs.field(default="127.0.0.1", validator=_host)
    port: int = attrs.field(default=8787, validator=_within(1, LAST_PORT))
    worker_port: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(_within(1, LAST_PORT))
    )
    public_url: str = attrs.field(validator=_base)
    policy: Policy = PROFILES["standard"]
    administration: bool = True
    browser_device: bool = False
    browser_device_url: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(_base)
    )
    browser_device_documents: tuple[str, ...] = attrs.field(
        default=(), converter=tuple, validator=_documents
    )
    portal: bool = False
    ciba: bool = False
    keycloak: bool = False
    aap: bool = False
    passkey_models: tuple[str, ...] = attrs.field(default=(), converter=tuple, validator=_models)
    passkey_roots: Mapping[str, tuple[Path, ...]] = attrs.field(factory=dict, converter=_roots)
    cors: Mapping[Guid, tuple[str, ...]] = attrs.field(factory=dict, validator=_cors)
    ca_file: Path | None = attrs.field(default=None, converter=_maybe_absolute)
    allow_private_callbacks: bool = False
    callback_networks: tuple[Network, ...] = attrs.field(default=(), converter=_networks)
    callback_ports: tuple[int, ...] = attrs.field(
        default=tuple(sorted(WEB_PORTS)), converter=tuple, validator=_ports
    )
    callback_plain_http: bool = False
    allow_private_providers: bool = False
    fcm_account_file: Path | None = attrs.field(default=None, converter=_maybe_absolute)
    fcm_url: str = attrs.field(default="https://fcm.googleapis.com", validator=_base)
    webpush_contact: str | None = None
    webpush_key: str | None = attrs.field(default=None, repr=False)
    webpush_key_file: Path = attrs.field(converter=_absolute)
    relay_url: str | None = attrs.field(default=None, repr=False)
    relay_secret: str | None = attrs.field(default=None, repr=False)
    relay_secret_file: Path | None = attrs.field(default=None, converter=_maybe_absolute)
    allow_private_pushes: bool = False
    connections: int = attrs.field(default=8_192, validator=_within(1, 1_000_000))
    threads: int = attrs.field(default=80, validator=_within(2, 1_000))
    bodies: int = attrs.field(default=1_024, validator=_within(1, 10_000))
    body_deadline: timedelta = attrs.field(default=10 * SECOND, validator=_within(SECOND, HOUR))
    waiters: int = attrs.field(default=64, validator=_within(0, 900))
    senders: int = attrs.field(default=64, validator=_within(0, 100))
    notification_workers: int = attrs.field(default=16, validator=_within(0, 100))
    metrics: bool = True
    opentelemetry: bool = False
    continue_traces: bool = False
    log_format: str = attrs.field(default="human", validator=_among(*LOG_FORMATS))
    log_level: str = attrs.field(default="info", validator=_among(*LOG_LEVELS))
    grace: timedelta = attrs.field(default=10 * SECOND, validator=_within(SECOND, DAY))

    @master_key_file.default
    def _beside(self) -> Path:
        return self.data / KEYS_FOLDER / MASTER_KEY_FILE

    @webpush_key_file.default
    def _with_the_keys(self) -> Path:
        return self.data / KEYS_FOLDER / WEBPUSH_KEY_FILE

    @public_url.default
    def _local(self) -> str:
        # Nobody can call a wildcard address.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def __attrs_post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if self.callback_plain_http and not self.callback_networks:
            problem = "it goes to callback_networks only, and there are none"
            raise InvalidField("callback_plain_http", problem)
        if self.waiters >= self.threads:
            raise InvalidField("waiters", "not fewer than threads: nobody else would be served")
        if self.continue_traces and not self.opentelemetry:
            raise InvalidField("continue_traces", "without opentelemetry there are no traces")

    @property
    def serving_policy(self) -> Policy:
        """Return the policy that the service has, with what follows from other settings."""
        changes: dict[str, Any] = {}
        if self.allow_private_callbacks or self.callback_plain_http:
            changes["callback_plain_http"] = True
        if self.allow_private_providers:
            changes["return_localhost"] = True
        if not self.policy.passkey_origin:
            changes["passkey_origin"] = origin_of(self.public_url)
        return attrs.evolve(self.policy, **changes)

    @property
    def app_url(self) -> str | None:
        """Return where bind links open; None if no device in the browser is offered."""
        if self.browser_device_url is not None or not self.browser_device:
            return self.browser_device_url
        return f"{self.public_url}/app"

    @property
    def app_origins(self) -> tuple[str, ...] | None:
        """
        Return the web origins from which the browser device may fetch documents.

        They are None if nobody knows: none is offered, or one at an address of its own, and
        `browser_device_documents` says nothing.
        """
        is_elsewhere = self.browser_device_url is not None
        if self.app_url is None or (is_elsewhere and not self.browser_device_documents):
            return None
        # A page by http may fetch from its own host by https (CSP Level 3, 6.7.2.8).
        hosts = dict.fromkeys(document_host(url) for url in (self.app_url, self.public_url))
        origins = [f"https://{host}" for host in hosts]
        return (*filter(is_document_origin, origins), *self.browser_device_documents)

    @property
    def database_file(self) -> Path:
        """Return the path of the SQLite file, which is used if no store is set."""
        return self.data / DATABASE_FILE

    @property
    def store_address(self) -> str | Path:
        """Return the address of the store; it may contain a password."""
        return self.database_file if self.store is None else self.store

    @property
    def keys_folder(self) -> Path:
        """Return the folder of the key files."""
        return self.data / KEYS_FOLDER
