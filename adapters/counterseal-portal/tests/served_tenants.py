"""A company of a served service, with everything that a route of the portal can name."""

from portal_tenants import Tenants, make_client, register_passkey
from served_service import WAIT, Phone, eventually, open_client

from counterseal import (
    OPERATOR,
    Accounts,
    Administration,
    Callbacks,
    Challenges,
    Credentials,
    Invitations,
    Sessions,
)
from counterseal.memory import SystemEntropy
from counterseal.models import AdminRole, Origin, Question, Scheme, TextContent
from counterseal_testing.identity import FakeIdentityProvider


class ServedTenants:
    """
    A company, made by the use cases on the store of a running service, as its commands make one.

    The callback is dead: its receiver replies 410.

    Args:
        service: A `ServedService`.
        runtime: Its runtime in this process.
        receiver: A `CallbackReceiver`.
        account_id: Of its account, and part of its names.
    """

    address = Tenants.address
    _device_of = Tenants._device_of

    def __init__(self, service, runtime, receiver, account_id):
        self._ports, self._policy = runtime.ports, runtime.policy
        ports, policy = self._ports, self._policy
        administration = Administration(ports, policy, by=OPERATOR)
        self._credentials = Credentials(ports, policy, by=OPERATOR)
        provider = FakeIdentityProvider(SystemEntropy())
        self.company = administration.create_company(f"Company of {account_id}").guid
        self.app_space = administration.create_app_space(self.company, "Example app").guid
        self.provider = administration.create_app_space(
            self.company, "App with a provider", idp=provider.settings()
        ).guid
        self.origin = administration.create_origin(self.app_space, "Shop").guid
        self.entry = administration.allow_callback(self.origin, receiver.url).entries[0].guid
        make_client(ports, policy, self.origin)
        self._credentials.issue_webhook_key(self.origin)
        party = administration.relying_party(self.origin)
        key = self._credentials.issue(self.origin, Scheme.SIGNATURE).secret
        record = administration.get(self.origin, Origin)
        self.credential = record.credential_guid(record.credentials[0])
        with open_client(service, self.origin, key) as client:
            phone = Phone(service, client.bind(account_id).link())
            pending = client.ask(account_id, "Pay 49.90 EUR?", callback=receiver.url)
            phone.answer()
            assert client.wait(pending, WAIT).approved
            Phone(service, client.bind(account_id).link())
        accounts = Accounts(ports, policy)
        self.account = accounts.get(party, account_id).guid
        self.device, self.lost = (
            each.guid for each in accounts.list_devices(party, account_id)[:2]
        )
        question = Question(
            account_id=account_id,
            content=TextContent(text="Pay?"),
            duration=policy.challenge_life_limit,
        )
        self.question = Challenges(ports, policy).issue(party, question).challenge.guid
        self.invitation = Invitations(ports, policy).invite(party, account_id).binding
        self.callbacks = [eventually(self._dead_callback).guid]
        admin, link = self.person("Night shift", role=AdminRole.SUPPORT, app_space=self.app_space)
        self.admin = admin.guid
        self.passkey = register_passkey(ports, policy, service.url, link)
        self.session = Sessions(ports, policy).create_link(self.admin, by=OPERATOR).session.guid

    def _dead_callback(self):
        callbacks = Callbacks(self._ports, self._policy)
        return next(iter(callbacks.list_dead(self.origin, by=OPERATOR)), None)

    def has_failed_callback(self):
        """Return whether its callback waits for another attempt."""
        callback = Callbacks(self._ports, self._policy).get(self.callbacks[0], by=OPERATOR)
        return callback.attempts > 0 and callback.lease_until is None

    def person(self, name, **reach):
        """Create an administrator who is a person; return it, and a one-time link's secret."""
        admin = self._credentials.create_person(name, **reach)
        issued = Sessions(self._ports, self._policy).create_link(admin.guid, by=OPERATOR)
        return admin, issued.token

    def records(self):
        """Return what is stored of everything that a route can name."""
        names = (self.company, self.app_space, self.provider, self.origin, self.account)
        names += (
            self.device,
            self.invitation,
            self.lost,
            self.question,
            self.callbacks[0],
            self.admin,
            self.session,
            self.passkey,
        )
        return self._ports.store.get(*names)
