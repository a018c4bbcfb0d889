"""
Tenants: companies and their secrets, as the command line shows and changes them.

Every method raises `Unavailable` if the store or another port fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Unpack

from counterseal import (
    OPERATOR,
    Administration,
    BackchannelClients,
    ChannelRealms,
    Credentials,
    Policy,
    Ports,
    Sessions,
    jwks_document,
    read_json,
)
from counterseal.credentials.documents import write_basic
from counterseal.errors import InvalidField, NotFound
from counterseal.models import (
    Admin,
    AppSpace,
    CallbackType,
    Company,
    DeliveryMode,
    Guid,
    IdpSettings,
    NewOrigin,
    Origin,
    Scheme,
)
from counterseal.tenancy.documents import effective_document
from counterseal_server.configuration import policy_setting
from counterseal_server.extras import require_extra
from counterseal_web.admin import documents as admin_documents
from counterseal_web.admin.documents import backchannel_document, session_document
from counterseal_web.admin.providers import read_provider


class Tenants:
    """
    What an operator does with tenants.

    Attributes:
        administration: The use cases for companies, App Spaces, origins and administrators.
        credentials: The use cases for their secrets.
        backchannel_clients: The use cases for CIBA clients.
        realms: The use cases for realms of Keycloak.
    """

    def __init__(self, ports: Ports, policy: Policy) -> None:
        self.administration = Administration(ports, policy, by=OPERATOR)
        self.credentials = Credentials(ports, policy, by=OPERATOR)
        self.backchannel_clients = BackchannelClients(ports, policy, by=OPERATOR)
        self.realms = ChannelRealms(ports, policy, by=OPERATOR)
        self._sessions = Sessions(ports, policy)

    def tree(self) -> list[dict[str, Any]]:
        """Return companies with their App Spaces, and these with their origins."""
        return [
            {
                "companyGuid": company.guid,
                "name": company.name,
                "verifiedName": company.verified_name,
                "appSpaces": self._spaces(company),
            }
            for company in self.administration.list(None, Company)
        ]

    def app_space(self, company: Guid, name: str, idp: str | None) -> AppSpace:
        """
        Create an App Space; *idp* is its provider's settings in JSON, with the client's secret.

        Raises:
            NotFound: There is no such company.
            InvalidField: A text does not fit.
        """
        settings, secret = _provider(idp, None)
        return self.administration.create_app_space(company, name, idp=settings, idp_secret=secret)

    def provider(self, app_space: Guid, idp: str | None) -> tuple[IdpSettings | None, str | None]:
        """
        Return an App Space's provider as *idp*, in JSON, changes it, and the new secret.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: A text does not fit.
        """
        if idp is None:
            return None, None
        return _provider(idp, self.administration.get(app_space, AppSpace).idp)

    def origin(
        self, app_space: Guid, name: str, scheme: str, **settings: Unpack[NewOrigin]
    ) -> dict[str, Any]:
        """
        Create an origin with *settings*, and return what it needs.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: The name does not fit.
        """
        new_origin = self.administration.create_origin(app_space, name, **settings)
        return self.secret(new_origin.guid, scheme, timedelta(0)) | {
            "callbackSecret": self.credentials.issue_webhook_key(new_origin.guid)
        }

    def secret(self, origin: Guid, scheme: str, overlap: timedelta) -> dict[str, Any]:
        """
        Create a new secret of an origin, and return it with the header to authenticate with.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The overlap is longer than the policy allows.
        """
        issued = self.credentials.issue(origin, Scheme(scheme), overlap=overlap)
        basic = issued.scheme is Scheme.BASIC
        return {
            "requestOriginGuid": origin,
            "key": issued.secret,
            "authorization": write_basic(issued.secret, guid=origin) if basic else None,
        }

    def describe(self, guid: Guid) -> dict[str, Any]:
        """
        Return a company, an App Space, an origin or an administrator, without secrets.

        Raises:
            NotFound: There is no such record of tenancy.
        """
        for kind, document in _documents().items():
            try:
                record = self.administration.get(guid, kind)
            except NotFound:
                continue
            return document(record)
        raise NotFound

    def ciba(
        self,
        origin: Guid,
        mode: str | None,
        notification_endpoint: str | None,
        jwks: str | None,
        *,
        endpoint_audiences: bool | None = None,
    ) -> dict[str, Any]:
        """
        Make an origin a CIBA client, or without *mode* a client no longer; return how it is one.

        Args:
            origin: Its GUID.
            mode: The value of one of `DeliveryMode`; None makes it a client no longer.
            notification_endpoint: Where pings are sent; None in the mode poll.
            jwks: Its public keys, a JWK Set as text; None leaves them as they are.
            endpoint_audiences: Whether what it signs may name an endpoint as its audience; None
                leaves it as it is.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The endpoint does not fit the mode, or *jwks* is no JWK Set.
            UnfitKey: One of its keys is unfit.
            CallbackForbidden: The endpoint is not on the allow-list.
            CallbackUncallable: Nothing would ever be sent to the endpoint.
        """
        if mode is None:
            return backchannel_document(self.backchannel_clients.unregister(origin))
        keys = None if jwks is None else read_json(jwks.encode(), field="jwks")
        if keys is not None and not isinstance(keys, dict):
            raise InvalidField("jwks", "not a JSON object")
        client = self.backchannel_clients.register(
            origin,
            mode=DeliveryMode(mode),
            notification_endpoint=notification_endpoint,
            jwks=keys,
            endpoint_audiences=endpoint_audiences,
        )
        return backchannel_document(client)

    def realm(
        self, origin: Guid, issuer: str | None, jwks: str | None, *, registered_only: bool
    ) -> dict[str, Any]:
        """
        Give an origin a realm of Keycloak, or without *issuer* none; return what it has.

        Args:
            origin: Its GUID.
            issuer: The realm's URL.
            jwks: The realm's keys, a JWK Set as text; needed with *issuer*.
            registered_only: Whether a request has to name one that the origin has made.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The extra is not installed, *issuer* is no realm's URL, or *jwks* is
                missing or no JWK Set with a key for signatures.
            UnfitKey: One of its keys is unfit.
            CallbackForbidden: The realm's callback is not on the allow-list.
            CallbackUncallable: Nothing would ever be sent there.
        """
        if issuer is None:
            if jwks is not None or registered_only:
                raise InvalidField("issuer", "missing")
            return _realm_document(self.realms.unregister(origin))
        package = require_extra("keycloak", "counterseal_keycloak")
        keys = None if jwks is None else read_json(jwks.encode(), field="jwks")
        if not isinstance(keys, dict):
            raise InvalidField("jwks", "missing, or not a JSON object")
        return _realm_document(
            self.realms.register(
                origin,
                issuer=issuer,
                callback=package.callback_of(issuer),
                jwks=keys,
                registered_only=registered_only,
            )
        )

    def policy(self, record: Guid) -> dict[str, Any]:
        """
        Return what counts in an App Space or for an origin of what they can narrow, and why.

        Raises:
            NotFound: There is no such App Space or origin.
        """
        app_space, origin = self._level_of(record)
        settings = self.administration.effective_policy(app_space, origin)
        return {
            "appSpaceGuid": app_space,
            "requestOriginGuid": origin,
            "settings": [effective_document(each) for each in settings if each.narrowable],
        }

    def narrow(self, record: Guid, changes: Iterable[str], removals: Iterable[str]) -> None:
        """
        Narrow the policy of an App Space or origin.

        Args:
            record: Its GUID.
            changes: Settings, each as `name=value`.
            removals: The names of those that the level above decides again.

        Raises:
            NotFound: There is no such App Space or origin.
            InvalidField: A setting does not fit; the error names it.
        """
        policy: dict[str, Any] = dict.fromkeys(removals)
        for change in changes:
            name, equals, text = change.partition("=")
            if not equals:
                raise InvalidField("set", f"{change} is not NAME=VALUE")
            policy[name] = policy_setting(name, text)
        app_space, origin = self._level_of(record)
        if origin is None:
            self.administration.edit_app_space(app_space, policy=policy)
        else:
            self.administration.edit_origin(origin, policy=policy)

    def _level_of(self, record: Guid) -> tuple[Guid, Guid | None]:
        """Return an App Space and None, or an origin's App Space and the origin."""
        try:
            return self.administration.get(record, AppSpace).guid, None
        except NotFound:
            origin = self.administration.get(record, Origin)
            return origin.app_space, origin.guid

    def allow(self, origin: Guid, entry: str, *, webauthn: bool) -> Origin:
        """
        Add an address to an origin's allow-list, or a WebAuthn domain.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The entry does not fit, or there are too many.
        """
        kind = CallbackType.DOMAIN if webauthn else CallbackType.ADDRESS
        return self.administration.allow_callback(origin, entry, kind=kind)

    def forbid(self, origin: Guid, entry: str) -> Origin:
        """
        Remove an entry from an origin's allow-list, by its GUID or by its text.

        Raises:
            NotFound: There is no such origin, or no entry with this GUID.
            InvalidField: The entry is not on the list, or is an address and a domain.
        """
        listed_entries = self.administration.get(origin, Origin).entries
        meant = [each for each in listed_entries if entry == each.guid or each.is_spelled(entry)]
        if len(meant) > 1:
            problem = f"{entry} is an address and a domain: give the GUID, which admin show has"
            raise InvalidField("url", problem)
        if meant:
            return self.administration.forbid_entry(origin, meant[0].guid)
        return self.administration.forbid_callback(origin, entry)

    def allowed(self, origin: Origin) -> dict[str, Any]:
        """Return an origin's allow-list."""
        return {"callbacks": list(origin.callbacks), "domains": list(origin.domains)}

    def administrators(self, parent: Guid | None) -> list[dict[str, Any]]:
        """Return the administrators of a company, of an App Space, or of all companies."""
        document = _documents()[Admin]
        return [document(record) for record in self.administration.list(parent, Admin)]

    def sessions(self, admin: Guid) -> list[dict[str, Any]]:
        """
        Return where an administrator is logged in, and the open link.

        Raises:
            NotFound: There is no such administrator.
        """
        return [session_document(each) for each in self._sessions.list(admin, by=OPERATOR)]

    def end_session(self, session: Guid) -> Guid:
        """
        End a session or a link of an administrator.

        Raises:
            NotFound: There is no such session.
        """
        return self._sessions.revoke(session, by=OPERATOR).guid

    def _spaces(self, company: Company) -> list[dict[str, Any]]:
        return [
            {"appSpaceGuid": space.guid, "name": space.name, "origins": self._origins(space)}
            for space in self.administration.list(company.guid, AppSpace)
        ]

    def _origins(self, space: AppSpace) -> list[dict[str, Any]]:
        return [
            {
                "requestOriginGuid": origin.guid,
                "name": origin.name,
                "role": origin.role.value,
                "auth": [credential.scheme.value for credential in origin.credentials],
                **self.allowed(origin),
            }
            for origin in self.administration.list(space.guid, Origin)
        ]


def _provider(idp: str | None, record: IdpSettings | None) -> tuple[IdpSettings | None, str | None]:
    idp_document = None if idp is None else read_json(idp.encode(), field="idp")
    return read_provider({"idp": idp_document}, record)


def _documents() -> Mapping[type[Any], Callable[[Any], dict[str, Any]]]:
    return {
        Company: admin_documents.company_document,
        AppSpace: admin_documents.app_space_document,
        Origin: admin_documents.origin_document,
        Admin: admin_documents.admin_document,
    }


def _realm_document(origin: Origin) -> dict[str, Any]:
    realm = origin.realm
    return {
        "requestOriginGuid": origin.guid,
        "issuer": None if realm is None else realm.issuer,
        "callbackUrl": None if realm is None else realm.callback,
        "path": None if realm is None else f"/keycloak/{origin.guid}/authentication",
        "jwks": None if realm is None else jwks_document(realm.keys),
        "registeredOnly": realm is not None and realm.registered_only,
    }
