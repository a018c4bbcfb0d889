"""Two companies with everything that a page can be about, so that each route has an address."""

from datetime import timedelta
from urllib.parse import urlsplit

from counterseal import AdminLogins, BackchannelClients, Sessions
from counterseal.keys import generate, jwks_document
from counterseal.models import (
    OPERATOR,
    Admin,
    AdminRole,
    Algorithm,
    Company,
    DeliveryMode,
    Origin,
    Scheme,
)
from counterseal_testing import FakeModel, FakePasskey
from counterseal_testing.service import CALLBACK
from counterseal_web.router import NAME


def make_client(ports, policy, origin, endpoint=None):
    """Make an origin a CIBA client with a key, which is pinged if it has an endpoint."""
    BackchannelClients(ports, policy, by=OPERATOR).register(
        origin,
        mode=DeliveryMode.PING if endpoint else DeliveryMode.POLL,
        notification_endpoint=endpoint,
        jwks=jwks_document([generate(Algorithm.ES256, kid="key-1").public]),
    )


def register_passkey(ports, policy, public_url, link, *, browser="Firefox on Linux"):
    """Use a one-time link of an administrator, and register a passkey; return its GUID."""
    host = urlsplit(public_url)
    logins = AdminLogins(ports, policy, domain=host.netloc)
    cookie = logins.sessions.redeem(link, browser=browser).token
    started = logins.start_registration(cookie)
    passkey = FakePasskey(rp_id=host.hostname, origin=public_url)
    logins.register(cookie, FakeModel(attestation="none").create(passkey, started.challenge))
    return logins.list_keys(started.admin.guid)[-1].guid


class Tenants:
    """
    A company, and everything in it that a route of the portal can name.

    Args:
        portal: The portal of the tests.
        company, app_space, origin: Their names.
        account_id: Of the account.
    """

    def __init__(
        self, portal, *, company="Example", app_space="App", origin="Shop", account_id="zoe"
    ):
        self.portal, service = portal, portal.service
        self.service = service
        administration = service.administration
        self.company = administration.create_company(company).guid
        self.app_space = administration.create_app_space(self.company, app_space).guid
        self.provider = administration.create_app_space(
            self.company, app_space, idp=service.idp.settings()
        ).guid
        self.origin = administration.create_origin(self.app_space, origin).guid
        administration.allow_callback(self.origin, CALLBACK)
        service.credentials.issue(self.origin, Scheme.HMAC)
        make_client(service.ports, service.policy, self.origin, CALLBACK)
        record = administration.get(self.origin, Origin)
        self.entry = record.entries[0].guid
        self.credential = record.credential_guid(record.credentials[0])
        party = administration.relying_party(self.origin)
        self.phone = service.bind(account_id, origin=party)
        invitation = service.invitations.invite(party, account_id, user_info="Zoë Example")
        self.invitation = invitation.binding
        self.account = service.accounts.get(party, account_id).guid
        self.device = service.accounts.list_devices(party, account_id)[0].guid
        self.lost = self.device
        self.callbacks = [self._callback(party, account_id) for _ in range(2)]
        self.question = service.ask(account_id, "Pay?", origin=party).challenge.guid
        self.admin = service.credentials.create_person(
            "Night shift", role=AdminRole.SUPPORT, app_space=self.app_space
        ).guid
        sessions = Sessions(service.ports, service.policy)
        link = sessions.create_link(self.admin, by=OPERATOR).token
        public_url = portal.web.settings.public_url
        self.passkey = register_passkey(service.ports, service.policy, public_url, link)
        self.session = sessions.create_link(self.admin, by=OPERATOR).session.guid

    def _callback(self, party, account_id):
        """Return a callback that is queued."""
        issued = self.service.ask(account_id, "Pay?", origin=party, callback=CALLBACK)
        self.phone.answer(self.phone.fetch(issued.challenge.guid))
        self.service.clock.advance(timedelta(minutes=1))
        queued_callbacks = self.service.callbacks.list_queued(party.origin.guid, by=OPERATOR)
        return queued_callbacks[-1].guid

    def _admin(self, name, **reach):
        return self.service.credentials.create_admin(name, **reach).guid

    def people(self):
        """Return a browser for each role within this company, by name."""
        reaches = {
            "global": {"all_companies": True},
            "company": {"company": self.company},
            "app_space": {"role": AdminRole.APP_SPACE, "app_space": self.app_space},
            "support": {"role": AdminRole.SUPPORT, "app_space": self.app_space},
        }
        return {
            name: self.portal.log_in(
                self.service.administration.get(self._admin(name, **reach), Admin)
            )
            for name, reach in reaches.items()
        }

    def address(self, route):
        """Return the path of *route* in this company."""
        names = {
            "company": self.company,
            "app_space": self.provider if route.id.startswith("app_space.provider") else None,
            "origin": self.origin,
            "entry": self.entry,
            "credential": self.credential,
            "account": self.account,
            "device": self._device_of(route),
            "callback": self.callbacks[0],
            "question": self.question,
            "cause": "all",
            "admin": self.admin,
            "session": self.session,
            "setting": "challenge_life",
            "key": self.passkey,
        }
        names["app_space"] = names["app_space"] or self.app_space
        return NAME.sub(lambda match: names[match[1]], route.path)

    def _device_of(self, route):
        named_devices = {
            "account.renew_invitation": self.invitation,
            "account.lost_device": self.lost,
        }
        return named_devices.get(route.id.removesuffix(".do"), self.device)

    def exists(self):
        """Return whether the company is still as it was made."""
        return self.service.administration.get(self.company, Company).name
