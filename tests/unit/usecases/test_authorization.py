"""Administrators: what each may do, what it may not see, and how its own secret lives."""

from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD, BackchannelClients, ChannelRealms, MailedLinks
from counterseal.credentials.decisions import credentials
from counterseal.credentials.decisions.authentication import SignedRequest
from counterseal.credentials.documents import write_basic, write_cx1
from counterseal.errors import CredentialRefused, Foreign, InvalidField, NotFound, RoleLacking
from counterseal.keys import generate, jwks_document
from counterseal.models import (
    OPERATOR,
    Admin,
    AdminRole,
    Algorithm,
    AppSpace,
    Clients,
    Company,
    DeliveryMode,
    Operator,
    Origin,
    Scheme,
)
from counterseal.models.guid import mint, partition_of
from counterseal.tenancy.decisions import tenancy
from counterseal_testing.service import CALLBACK

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
NOBODY = mint(0, bytes(15))
COMPANY, APP_SPACE, SUPPORT = AdminRole
URI = "https://auth.example.com/admin/api/companies/new"


class Tenant:
    """One of everything that can be administered, in one App Space."""

    def __init__(self, service, name, *, company=None, idp=None):
        self.company = company or service.administration.create_company(name)
        self.space = service.administration.create_app_space(self.company.guid, name, idp=idp)
        self.party = service.new_origin(self.space, name)
        service.credentials.issue(self.party.origin.guid, Scheme.HMAC)
        clients = BackchannelClients(service.ports, service.policy, by=OPERATOR)
        clients.register(self.party.origin.guid, mode=DeliveryMode.POLL)
        realms = ChannelRealms(service.ports, service.policy, by=OPERATOR)
        realms.register(self.party.origin.guid, **REALM, registered_only=False)
        self.party = service.renewed(self.party)
        self.origin = self.party.origin
        self.name = name
        if idp is None:
            invitation = service.invitations.invite(self.party, name)
            self.phone = service.complete(invitation, service.phone())
            unused = service.invitations.invite(self.party, f"{name}, invited")
            self.invitation = unused.token.partition(".")[0]
        else:
            self.phone = service.log_in(self.space, name)
        self.account = self.phone.device.bond.account
        reaches = {
            COMPANY: {"company": self.company.guid},
            APP_SPACE: {"app_space": self.space.guid},
            SUPPORT: {"app_space": self.space.guid},
        }
        self.admins = {
            role: new_admin(service, role=role, **reach) for role, reach in reaches.items()
        }
        callback = self._queued_callback(service)
        service.sender.script(410)
        self.callback = service.callbacks.attempt(callback.guid)
        self.waiting = self._queued_callback(service)
        self.question = service.ask(self.name, "Pay?", origin=self.party).challenge.guid

    def _queued_callback(self, service):
        challenge = service.ask(self.name, "Pay?", origin=self.party, callback=CALLBACK).challenge
        self.phone.answer(challenge)
        (callback,) = [one for one in service.callback_records() if one.challenge == challenge.guid]
        return callback


def new_admin(service, **members):
    """Make an administrator; return its record."""
    return service.stored(service.credentials.create_admin("somebody", **members).guid)


@pytest.fixture
def ours(service):
    return Tenant(service, "ours")


@pytest.fixture
def sister(service, ours):
    """Another App Space of the same company."""
    return Tenant(service, "sister", company=ours.company)


@pytest.fixture
def stranger(service):
    return Tenant(service, "stranger")


REALM = {
    "issuer": "https://login.example/realms/shop",
    "callback": CALLBACK,
    "jwks": jwks_document([generate(Algorithm.ES256, kid="realm").public]),
}
UP, MID, ALL = {COMPANY}, {COMPANY, APP_SPACE}, set(AdminRole)
VERBS = {
    "see company": (UP, lambda s, t, by: s.by(by).administration.get(t.company.guid, Company)),
    "see app space": (ALL, lambda s, t, by: s.by(by).administration.get(t.space.guid, AppSpace)),
    "see origin": (MID, lambda s, t, by: s.by(by).administration.get(t.origin.guid, Origin)),
    "see relying party": (
        MID,
        lambda s, t, by: s.by(by).administration.relying_party(t.origin.guid),
    ),
    "edit company": (
        UP,
        lambda s, t, by: s.by(by).administration.edit_company(t.company.guid, "New"),
    ),
    "verify company": (
        set(),
        lambda s, t, by: s.by(by).administration.verify_company(t.company.guid, "Verified"),
    ),
    "make app space": (
        UP,
        lambda s, t, by: s.by(by).administration.create_app_space(t.company.guid, "New"),
    ),
    "edit app space": (
        UP,
        lambda s, t, by: s.by(by).administration.edit_app_space(t.space.guid, name="New"),
    ),
    "make origin": (
        MID,
        lambda s, t, by: s.by(by).administration.create_origin(t.space.guid, "New"),
    ),
    "edit origin": (
        MID,
        lambda s, t, by: s.by(by).administration.edit_origin(t.origin.guid, name="New"),
    ),
    "make origin for CX clients": (
        MID,
        lambda s, t, by: s.by(by).administration.create_origin(
            t.space.guid, "New", clients=Clients.CX
        ),
    ),
    "loosen the limits of origin": (
        MID,
        lambda s, t, by: s.by(by).administration.edit_origin(t.origin.guid, clients=Clients.CX),
    ),
    "allow": (
        MID,
        lambda s, t, by: s.by(by).administration.allow_callback(
            t.origin.guid, "https://new.example"
        ),
    ),
    "forbid": (
        MID,
        lambda s, t, by: s.by(by).administration.forbid_callback(t.origin.guid, CALLBACK),
    ),
    "forbid entry": (
        MID,
        lambda s, t, by: s.by(by).administration.forbid_entry(
            t.origin.guid, t.origin.entries[0].guid
        ),
    ),
    "issue": (MID, lambda s, t, by: s.by(by).credentials.issue(t.origin.guid, Scheme.HMAC)),
    "revoke": (MID, lambda s, t, by: s.by(by).credentials.revoke(t.origin.guid)),
    "revoke one": (
        MID,
        lambda s, t, by: s.by(by).credentials.revoke_credential(
            t.origin.guid, t.origin.credential_guid(t.origin.credentials[0])
        ),
    ),
    "webhook key": (MID, lambda s, t, by: s.by(by).credentials.issue_webhook_key(t.origin.guid)),
    "edit CIBA client": (
        MID,
        lambda s, t, by: BackchannelClients(s.ports, s.policy, by=by).register(
            t.origin.guid, mode=DeliveryMode.POLL, endpoint_audiences=True
        ),
    ),
    "end CIBA client": (
        MID,
        lambda s, t, by: BackchannelClients(s.ports, s.policy, by=by).unregister(t.origin.guid),
    ),
    "make realm": (
        MID,
        lambda s, t, by: ChannelRealms(s.ports, s.policy, by=by).register(
            t.origin.guid, **REALM, registered_only=True
        ),
    ),
    "end realm": (
        MID,
        lambda s, t, by: ChannelRealms(s.ports, s.policy, by=by).unregister(t.origin.guid),
    ),
    "make company admin": (
        UP,
        lambda s, t, by: s.by(by).credentials.create_admin("New", company=t.company.guid),
    ),
    "make app space admin": (
        UP,
        lambda s, t, by: s.by(by).credentials.create_admin(
            "New", role=APP_SPACE, app_space=t.space.guid
        ),
    ),
    "make support": (
        MID,
        lambda s, t, by: s.by(by).credentials.create_admin(
            "New", role=SUPPORT, app_space=t.space.guid
        ),
    ),
    "see callback": (MID, lambda s, t, by: s.callbacks.get(t.callback.guid, by=by)),
    "see the dead": (MID, lambda s, t, by: s.callbacks.list_dead(t.callback.origin, by=by)),
    "see all the dead": (
        MID,
        lambda s, t, by: s.callbacks.list_all_dead(app_space=t.space.guid, by=by),
    ),
    "find the dead": (MID, lambda s, t, by: s.callbacks.find_dead(t.callback.origin, by=by)),
    "see the queued": (MID, lambda s, t, by: s.callbacks.list_queued(t.callback.origin, by=by)),
    "drop": (MID, lambda s, t, by: s.callbacks.drop(t.waiting.guid, by=by)),
    "requeue": (MID, lambda s, t, by: s.callbacks.requeue(t.callback.guid, by=by)),
    "requeue all": (
        MID,
        lambda s, t, by: s.callbacks.requeue_all((t.callback.origin,), by=by),
    ),
    "find": (ALL, lambda s, t, by: s.accounts.find(t.space.guid, t.name, by=by)),
    "search": (ALL, lambda s, t, by: s.accounts.search(t.space.guid, "", by=by)),
    "look": (ALL, lambda s, t, by: s.accounts.get_with_devices(t.account, by=by)),
    "see questions": (ALL, lambda s, t, by: s.challenges.list_of_account(t.account, by=by)),
    "withdraw": (ALL, lambda s, t, by: s.challenges.withdraw(t.question, by=by)),
    "invite": (MID, lambda s, t, by: s.invitations.invite_as_admin(t.space.guid, "new", by=by)),
    "mail": (
        MID,
        lambda s, t, by: MailedLinks(s.ports, s.policy).make(t.space.guid, "mailed", by=by),
    ),
    "end link": (ALL, lambda s, t, by: MailedLinks(s.ports, s.policy).end(t.account, by=by)),
    "renew": (ALL, lambda s, t, by: s.invitations.renew(t.invitation, by=by)),
    "lock": (ALL, lambda s, t, by: s.accounts.lock(t.account, by=by)),
    "unlock": (ALL, lambda s, t, by: s.accounts.unlock(t.account, by=by)),
    "revoke all": (ALL, lambda s, t, by: s.accounts.revoke_all(t.account, by=by)),
    "erase": (ALL, lambda s, t, by: s.accounts.erase(t.account, by=by)),
    "suspend": (ALL, lambda s, t, by: s.devices.suspend(t.phone.guid, by=by)),
    "revoke device": (ALL, lambda s, t, by: s.devices.revoke(t.phone.guid, by=by)),
}
"""The roles that each takes, and how it is done; as at the CX service."""


OF_THE_COMPANY = {
    *("see company", "edit company", "verify company", "make app space", "make company admin"),
}
"""The company itself is out of reach of whoever administers an App Space."""


@pytest.mark.parametrize("role", AdminRole)
@pytest.mark.parametrize("verb", VERBS)
def test_a_role_does_what_it_includes_and_no_more(service, ours, verb, role):
    roles, call = VERBS[verb]
    before = service.records()
    if role in roles:
        call(service, ours, ours.admins[role])
        if service.records() != before:
            assert service.events[-1].actor == ours.admins[role].guid
        return
    refusal = Foreign if verb in OF_THE_COMPANY and role is not COMPANY else RoleLacking
    with pytest.raises(refusal) as caught:
        call(service, ours, ours.admins[role])
    assert caught.value.public_code == ("not_found" if refusal is Foreign else "forbidden")
    assert service.records() == before
    event = service.events[-1]
    assert (event.actor, event.reason) == (ours.admins[role].guid, refusal.code)


@pytest.mark.parametrize("role", AdminRole)
@pytest.mark.parametrize("verb", VERBS)
def test_a_record_out_of_reach_looks_like_a_missing_one(service, ours, stranger, verb, role):
    _, call = VERBS[verb]
    before = service.records()
    with pytest.raises(Foreign) as caught:
        call(service, stranger, ours.admins[role])
    assert caught.value.public_code == NotFound.public_code
    assert service.records() == before
    assert service.events[-1].reason == "foreign"


@pytest.mark.parametrize("role", [APP_SPACE, SUPPORT])
@pytest.mark.parametrize("verb", VERBS)
def test_another_app_space_of_the_company_is_reached_by_the_companys_administrators_only(
    service, ours, sister, verb, role
):
    roles, call = VERBS[verb]
    before = service.records()
    with pytest.raises(Foreign):
        call(service, sister, ours.admins[role])
    assert service.records() == before
    if COMPANY in roles:
        call(service, sister, ours.admins[COMPANY])


@pytest.mark.parametrize("verb", VERBS)
def test_an_administrator_of_all_companies_and_the_operator_reach_everything(
    service, stranger, verb
):
    _, call = VERBS[verb]
    root = new_admin(service, all_companies=True)
    call(service, stranger, root)
    if verb not in {
        "forbid",
        "forbid entry",
        "requeue",
        "requeue all",
        "drop",
        "erase",
        "withdraw",
        "renew",
        "suspend",
        "revoke device",
    }:
        call(service, stranger, Operator(name="cli"))


@pytest.mark.parametrize("cause", ["revoked", "expired", "unknown", "no administrator"])
def test_s18_an_administrator_is_looked_at_anew_in_each_act(service, ours, cause):
    """Its request was authenticated before that."""
    admin = new_admin(service, company=ours.company.guid, life=HOUR)
    if cause == "revoked":
        service.credentials.revoke_admin(admin.guid)
    elif cause == "expired":
        service.clock.advance(HOUR)
    else:
        admin = attrs.evolve(admin, guid=NOBODY if cause == "unknown" else ours.origin.guid)
    for _, call in VERBS.values():
        before = service.records()
        with pytest.raises(CredentialRefused):
            call(service, ours, admin)
        assert service.records() == before
    with pytest.raises(CredentialRefused):
        service.by(admin).administration.list(None, Company)


WRITING = {
    name: call
    for name, (_, call) in VERBS.items()
    if name
    in {
        "edit company",
        "make app space",
        "edit app space",
        "make origin",
        "edit origin",
        "allow",
        "forbid",
        "forbid entry",
        "issue",
        "revoke",
        "revoke one",
        "webhook key",
        "edit CIBA client",
        "end CIBA client",
        "make realm",
        "end realm",
        "make company admin",
        "make app space admin",
        "make support",
    }
} | {
    "rotate": lambda s, t, by: s.by(by).credentials.rotate_admin(t.admins[SUPPORT].guid),
    "revoke admin": lambda s, t, by: s.by(by).credentials.revoke_admin(t.admins[SUPPORT].guid),
}
"""Of an administrator that lies in the partition of what it changes."""


def revoked_meanwhile(service, tenant, call):
    """Let an administrator act that is revoked between reading and commit; return the refusal."""
    admin = tenant.admins[COMPANY]
    racing = service.meanwhile(lambda: service.credentials.revoke_admin(admin.guid))
    try:
        call(racing, tenant, admin)
    except CredentialRefused as refusal:
        return refusal
    return None


@pytest.mark.parametrize("call", WRITING.values(), ids=WRITING)
def test_s18_an_administrator_that_is_revoked_before_the_commit_changes_nothing(
    service, ours, call
):
    assert revoked_meanwhile(service, ours, call) is not None
    assert service.last_event()[1] == "credential_refused"


@pytest.mark.parametrize("call", WRITING.values(), ids=WRITING)
def test_s18_a_guard_of_an_administrator_that_is_left_out_is_noticed(
    service, ours, monkeypatch, call
):
    for module in (tenancy, credentials):
        monkeypatch.setattr(module, "admin_guards", lambda admin, record: ())
    assert revoked_meanwhile(service, ours, call) is None


def test_what_an_administrator_claims_to_be_does_not_count(service, ours, stranger):
    support = ours.admins[SUPPORT]
    claimed = attrs.evolve(support, role=COMPANY, app_space=None, company=None)
    with pytest.raises(Foreign):
        service.by(claimed).administration.get(stranger.company.guid, Company)


def test_only_who_administers_all_companies_makes_one(service, ours):
    root = new_admin(service, all_companies=True)
    company = service.by(root).administration.create_company("New")
    assert service.events[-1].actor == root.guid
    assert service.stored(company.guid) == company
    for admin in ours.admins.values():
        with pytest.raises(RoleLacking):
            service.by(admin).administration.create_company("New")
        with pytest.raises(RoleLacking):
            service.by(admin).credentials.create_admin("New", all_companies=True)
    assert new_admin(service.by(root), all_companies=True).company is None


@pytest.mark.parametrize("verb", ["erase", "revoke all"])
@pytest.mark.parametrize("role", AdminRole)
def test_support_removes_no_user_whom_a_provider_answers_for(service, verb, role):
    tenant = Tenant(service, "vouched", idp=service.idp.settings())
    _, call = VERBS[verb]
    if role is SUPPORT:
        with pytest.raises(RoleLacking):
            call(service, tenant, tenant.admins[role])
        service.devices.revoke(tenant.phone.guid, by=tenant.admins[role])
    else:
        call(service, tenant, tenant.admins[role])


# Lists


def test_a_list_leaves_out_what_is_out_of_reach(service, ours, sister, stranger):
    def listed(parent, kind, by):
        return {record.guid for record in service.by(by).administration.list(parent, kind)}

    company, app_space, support = (ours.admins[role] for role in AdminRole)
    root, op = new_admin(service, all_companies=True), OPERATOR
    companies = {service.company.guid, ours.company.guid, stranger.company.guid}
    cases = [
        ((None, Company), {root: companies, op: companies, company: {ours.company.guid}}),
        (
            (ours.company.guid, AppSpace),
            {
                op: {ours.space.guid, sister.space.guid},
                company: {ours.space.guid, sister.space.guid},
                app_space: {ours.space.guid},
                support: {ours.space.guid},
            },
        ),
        (
            (ours.space.guid, Origin),
            {
                op: {ours.origin.guid},
                company: {ours.origin.guid},
                app_space: {ours.origin.guid},
            },
        ),
        ((sister.space.guid, Origin), {op: {sister.origin.guid}, company: {sister.origin.guid}}),
        ((stranger.space.guid, Origin), {op: {stranger.origin.guid}, root: {stranger.origin.guid}}),
        ((ours.company.guid, Admin), {op: {company.guid, sister.admins[COMPANY].guid}}),
        (
            (ours.space.guid, Admin),
            {
                op: {app_space.guid, support.guid},
                company: {app_space.guid, support.guid},
                app_space: {app_space.guid, support.guid},
                support: {support.guid},
            },
        ),
        ((None, Admin), {op: {root.guid}, root: {root.guid}}),
        ((NOBODY, Origin), {}),
    ]
    for (parent, kind), expected in cases:
        for by in (op, root, company, app_space, support):
            members = expected.get(by)
            if members is None and by in {root, company} and op in expected:
                within = by is root or parent in {ours.company.guid, ours.space.guid}
                members = expected[op] if within else set()
            assert listed(parent, kind, by) == (members or set()), (parent, kind, by.name)


def test_the_companies_are_listed_with_the_administrator_alone(service, ours):
    trips = []

    class Store:
        def __getattr__(self, name):
            return getattr(service.store, name)

        def get(self, *guids):
            trips.append(guids)
            return service.store.get(*guids)

    admin = ours.admins[COMPANY]
    service.but(store=Store()).by(admin).administration.list(None, Company)
    assert trips == [(admin.guid,)]


# Administrators of administrators


def test_an_administrator_has_a_role_at_a_place(service, ours):
    for role, admin in ours.admins.items():
        assert (admin.role, admin.company) == (role, ours.company.guid)
        assert admin.app_space == (None if role is COMPANY else ours.space.guid)
        assert partition_of(admin.guid) == partition_of(ours.company.guid)
    with pytest.raises(NotFound):
        service.credentials.create_admin("New", role=SUPPORT, app_space=ours.company.guid)


@pytest.mark.parametrize(
    ("role", "reaches", "field"),
    [
        (COMPANY, (), "companyGuid"),
        (COMPANY, ("app_space",), "appSpaceGuid"),
        (COMPANY, ("company", "all_companies"), "allCompanies"),
        (APP_SPACE, (), "appSpaceGuid"),
        (APP_SPACE, ("company",), "appSpaceGuid"),
        (APP_SPACE, ("all_companies",), "appSpaceGuid"),
        (APP_SPACE, ("app_space", "all_companies"), "allCompanies"),
        (SUPPORT, (), "appSpaceGuid"),
        (SUPPORT, ("company", "app_space"), "companyGuid"),
    ],
)
def test_an_administrator_whose_role_and_reach_differ_is_refused(
    service, ours, role, reaches, field
):
    reach = {"company": ours.company.guid, "app_space": ours.space.guid, "all_companies": True}
    with pytest.raises(InvalidField) as caught:
        service.credentials.create_admin(
            "New", role=role, **{name: reach[name] for name in reaches}
        )
    assert caught.value.field == field
    assert service.last_event() == ("admin.create", "invalid_field")


APPOINTS = {COMPANY: set(AdminRole), APP_SPACE: {SUPPORT}, SUPPORT: set()}


@pytest.mark.parametrize("verb", ["rotate_admin", "revoke_admin"])
@pytest.mark.parametrize("whom", AdminRole)
@pytest.mark.parametrize("role", AdminRole)
def test_who_makes_an_administrator_may_rotate_and_revoke_it(service, ours, role, whom, verb):
    reach = {"company": ours.company.guid} if whom is COMPANY else {"app_space": ours.space.guid}
    other = new_admin(service, role=whom, **reach)
    call = getattr(service.by(ours.admins[role]).credentials, verb)
    if whom in APPOINTS[role]:
        call(other.guid)
        assert service.events[-1].actor == ours.admins[role].guid
        return
    # A company's lies outside what the others reach at all.
    with pytest.raises(Foreign if whom is COMPANY else RoleLacking):
        call(other.guid)
    assert service.stored(other.guid) == other


@pytest.mark.parametrize("role", AdminRole)
def test_an_administrator_sees_rotates_and_revokes_itself(service, ours, role):
    admin = ours.admins[role]
    assert service.by(admin).administration.get(admin.guid, Admin) == admin
    service.by(admin).credentials.rotate_admin(admin.guid)
    bare = service.by(admin).credentials.revoke_admin(admin.guid)
    assert (bare.credentials, service.last_event()) == ((), ("admin.revoke", ""))
    with pytest.raises(CredentialRefused):
        service.by(admin).credentials.rotate_admin(admin.guid)
    service.credentials.rotate_admin(admin.guid)


def test_no_administrator_of_a_company_reaches_one_of_all(service, ours):
    root = new_admin(service, all_companies=True)
    for admin in ours.admins.values():
        credentials = service.by(admin).credentials
        for verb in (credentials.rotate_admin, credentials.revoke_admin):
            with pytest.raises(Foreign):
                verb(root.guid)


def test_nobody_makes_an_administrator_that_outlives_it(service, ours):
    boss = new_admin(service, company=ours.company.guid, life=HOUR)

    def helper(**members):
        return new_admin(service.by(boss), role=SUPPORT, app_space=ours.space.guid, **members)

    assert helper().ends_at == helper(life=HOUR).ends_at == boss.ends_at
    assert helper(life=HOUR - TICK).ends_at == boss.ends_at - TICK
    with pytest.raises(InvalidField) as caught:
        helper(life=HOUR + TICK)
    assert caught.value.field == "life"
    forever = new_admin(service.by(ours.admins[COMPANY]), company=ours.company.guid)
    assert forever.ends_at is None


def test_what_a_temporary_administrator_made_for_an_origin_stays_and_its_administrators_end(
    service, ours
):
    """Said so in how-to/look-after-tenants.md: an origin does not stop because its maker left."""
    boss = new_admin(service, company=ours.company.guid, life=HOUR)
    helper = new_admin(service.by(boss), role=SUPPORT, app_space=ours.space.guid)
    space = service.by(boss).administration.create_app_space(ours.company.guid, "New")
    origin = service.by(boss).administration.create_origin(space.guid, "New")
    secret = service.by(boss).credentials.issue(origin.guid, Scheme.BASIC)
    service.by(boss).credentials.issue_webhook_key(origin.guid)
    service.clock.advance(HOUR)
    for ended in (boss, helper):
        with pytest.raises(CredentialRefused):
            service.by(ended).administration.get(space.guid, AppSpace)
    header = write_basic(secret.secret, guid=origin.guid)
    request = SignedRequest(method="POST", uri=URI, body=b"", authorization=header)
    party = service.authentication.authenticate(request)
    assert (party.origin.guid, len(party.origin.webhook_keys)) == (origin.guid, 1)
    # Who has to rotate them finds in the audit log which they are.
    by_boss = {(event.event, event.subject) for event in service.events if event.actor == boss.guid}
    assert by_boss >= {("credential.issue", origin.guid), ("webhook_key.issue", origin.guid)}
    fresh = service.credentials.issue(origin.guid, Scheme.BASIC)
    with pytest.raises(CredentialRefused):
        service.authentication.authenticate(request)
    header = write_basic(fresh.secret, guid=origin.guid)
    service.authentication.authenticate(attrs.evolve(request, authorization=header))


def test_to_revoke_an_administrator_leaves_those_that_it_made(service, ours):
    """Said so in how-to/look-after-tenants.md."""
    boss = new_admin(service, company=ours.company.guid, life=HOUR)
    helper = new_admin(service.by(boss), role=SUPPORT, app_space=ours.space.guid)
    service.credentials.revoke_admin(boss.guid)
    service.by(helper).administration.get(ours.space.guid, AppSpace)
    service.clock.advance(HOUR)
    with pytest.raises(CredentialRefused):
        service.by(helper).administration.get(ours.space.guid, AppSpace)


@pytest.mark.parametrize("whom", AdminRole)
def test_nobody_gets_the_secret_of_one_that_outlives_it(service, ours, whom):
    boss = new_admin(service, company=ours.company.guid, life=HOUR)
    forever = ours.admins[whom]
    with pytest.raises(RoleLacking):
        service.by(boss).credentials.rotate_admin(forever.guid)
    assert service.last_event() == ("admin.rotate", "role_lacking")
    assert service.stored(forever.guid) == forever
    # Its own, and that of one which ends with it, it may have.
    helper = new_admin(service.by(boss), role=SUPPORT, app_space=ours.space.guid)
    for guid in (boss.guid, helper.guid):
        service.by(boss).credentials.rotate_admin(guid)
    # To take a secret away tells none.
    assert service.by(boss).credentials.revoke_admin(forever.guid).credentials == ()


# Their secrets


def admitted(service, guid, secret):
    service.clock.advance(timedelta(milliseconds=1))
    header = write_cx1(
        secret,
        method="POST",
        uri=URI,
        milliseconds=int(service.clock.now().timestamp() * 1000),
        guid=guid,
        body=b"{}",
    )
    request = SignedRequest(method="POST", uri=URI, body=b"{}", authorization=header)
    try:
        service.authentication.authenticate_admin(request)
    except CredentialRefused:
        return False
    return True


def test_an_administrators_secret_rotates_with_an_overlap(service):
    old = service.credentials.create_admin("root", all_companies=True)
    new = service.credentials.rotate_admin(old.guid, overlap=HOUR)
    assert (new.guid, new.scheme, service.last_event()) == (
        old.guid,
        Scheme.HMAC,
        ("admin.rotate", ""),
    )
    assert admitted(service, old.guid, old.secret)
    assert admitted(service, old.guid, new.secret)
    service.clock.advance(HOUR)
    assert not admitted(service, old.guid, old.secret)
    assert admitted(service, old.guid, new.secret)
    last = service.credentials.rotate_admin(old.guid)
    assert not admitted(service, old.guid, new.secret)
    assert admitted(service, old.guid, last.secret)
    service.credentials.revoke_admin(old.guid)
    assert not admitted(service, old.guid, last.secret)


def test_a_rotation_makes_no_life_longer(service):
    admin = service.credentials.create_admin("root", all_companies=True, life=HOUR)
    new = service.credentials.rotate_admin(admin.guid, overlap=HOUR)
    assert service.stored(admin.guid).ends_at == service.clock.now() + HOUR
    service.clock.advance(HOUR)
    assert not admitted(service, admin.guid, new.secret)


@pytest.mark.parametrize("overlap", [-TICK, STANDARD.credential_overlap_limit + TICK])
def test_an_administrators_overlap_is_within_the_policys_limit(service, overlap):
    admin = service.credentials.create_admin("root", all_companies=True)
    with pytest.raises(InvalidField) as caught:
        service.credentials.rotate_admin(admin.guid, overlap=overlap)
    assert caught.value.field == "overlap"


def test_what_is_no_administrator_is_not_found(service):
    for nobody in (NOBODY, service.origin.origin.guid):
        for verb in (service.credentials.rotate_admin, service.credentials.revoke_admin):
            with pytest.raises(NotFound):
                verb(nobody)


def test_the_operator_has_a_name_in_the_audit_log(service, ours):
    service.accounts.lock(ours.account, by=OPERATOR)
    assert service.events[-1].actor == OPERATOR.name == "staff"
    service.accounts.unlock(ours.account, by=Operator(name="cli"))
    assert service.events[-1].actor == "cli"
    with pytest.raises(InvalidField):
        Operator(name="")
