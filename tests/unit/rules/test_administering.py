"""Rules of administering: every role, every deed, every place."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, product

import attrs
import pytest

from counterseal.errors import CredentialRefused, Foreign, InvalidField, RoleLacking
from counterseal.models import Admin, AdminRole, Credential, Scheme, guid
from counterseal.rules.authorization import (
    APPOINTING,
    PERMITTED,
    Administering,
    Deed,
    Place,
    admin_in_force,
    no_later_than,
    role_fits,
    role_permits,
    support_removes_simply,
    within_reach,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TICK = timedelta.resolution
ADMIN, HERE, THERE, MINE, OTHER = (guid.mint(7, bytes([n]) * 15) for n in range(5))
SECRET = Credential(scheme=Scheme.HMAC, created_at=NOW)
COMPANY, APP_SPACE, SUPPORT = AdminRole
ROOT = Admin(guid=ADMIN, company=None, name="root", credentials=(SECRET,), created_at=NOW)
LOCAL = attrs.evolve(ROOT, company=HERE)
SPACE = attrs.evolve(LOCAL, role=APP_SPACE, app_space=MINE)
STAFF = attrs.evolve(SPACE, role=SUPPORT)
REACHES = ("company", "app_space", "all_companies")
PLACES = [
    Place(company=None),
    Place(company=HERE),
    Place(company=HERE, app_space=MINE),
    Place(company=HERE, app_space=OTHER),
    Place(company=THERE),
    Place(company=THERE, app_space=OTHER),
    Place(company=THERE, app_space=MINE),
]


def facts(admin, deed=Deed.USERS, place=None):
    return Administering(now=NOW, admin=admin, deed=deed, place=place)


def refused(rule, refusal, *args):
    try:
        rule(facts(*args))
    except refusal:
        return True
    return False


class TestAdminInForce:
    @pytest.mark.parametrize(
        "ends", [(None,), (NOW + TICK,), (NOW, None), (None, NOW), (NOW - TICK, NOW + TICK)]
    )
    def test_one_secret_that_counts_is_enough(self, ends):
        secrets = tuple(attrs.evolve(SECRET, ends_at=end) for end in ends)
        admin_in_force(facts(attrs.evolve(ROOT, credentials=secrets)))

    @pytest.mark.parametrize("ends", [(), (NOW,), (NOW, NOW - TICK)])
    def test_none_is_not(self, ends):
        secrets = tuple(attrs.evolve(SECRET, ends_at=end) for end in ends)
        admin = attrs.evolve(ROOT, credentials=secrets)
        assert refused(admin_in_force, CredentialRefused, admin)

    def test_the_administrators_own_end_is_exclusive(self):
        admin_in_force(facts(attrs.evolve(ROOT, ends_at=NOW + TICK)))
        assert refused(admin_in_force, CredentialRefused, attrs.evolve(ROOT, ends_at=NOW))


class TestWithinReach:
    @pytest.mark.parametrize(
        ("admin", "reached"),
        [
            (ROOT, PLACES),
            (LOCAL, PLACES[1:4]),
            (SPACE, PLACES[2:3]),
            (STAFF, PLACES[2:3]),
        ],
        ids=["all companies", "a company", "an App Space", "support"],
    )
    def test_what_each_reaches_and_nothing_else(self, admin, reached):
        found = [
            place
            for place in PLACES
            if not refused(within_reach, Foreign, admin, Deed.USERS, place)
        ]
        assert found == reached

    @pytest.mark.parametrize("admin", [ROOT, LOCAL, SPACE, STAFF])
    def test_where_nothing_is_named_nothing_is_foreign(self, admin):
        within_reach(facts(admin, place=None))

    @pytest.mark.parametrize(
        "admin",
        [
            attrs.evolve(LOCAL, app_space=MINE),
            attrs.evolve(ROOT, app_space=MINE),
            attrs.evolve(LOCAL, role=APP_SPACE),
            attrs.evolve(LOCAL, role=SUPPORT),
            attrs.evolve(ROOT, role=APP_SPACE),
            attrs.evolve(ROOT, role=SUPPORT, app_space=MINE),
        ],
    )
    def test_a_record_that_does_not_fit_together_reaches_nothing(self, admin):
        places = [*PLACES, Place(company=None, app_space=MINE)]
        assert all(refused(within_reach, Foreign, admin, Deed.USERS, place) for place in places)


ROLES = {
    Deed.COMPANIES: {COMPANY},
    Deed.COMPANY: {COMPANY},
    Deed.SEE_APP_SPACE: {COMPANY, APP_SPACE, SUPPORT},
    Deed.APP_SPACE: {COMPANY},
    Deed.ORIGINS: {COMPANY, APP_SPACE},
    Deed.USERS: {COMPANY, APP_SPACE, SUPPORT},
    Deed.REMOVE_USERS: {COMPANY, APP_SPACE, SUPPORT},
    Deed.COMPANY_ADMINS: {COMPANY},
    Deed.APP_SPACE_ADMINS: {COMPANY},
    Deed.USER_SUPPORT: {COMPANY, APP_SPACE},
    Deed.ITSELF: {COMPANY, APP_SPACE, SUPPORT},
}
"""privakey-wire 10.1, and what it leaves open."""


class TestRolePermits:
    def test_every_deed_has_its_roles(self):
        assert set(PERMITTED) == set(Deed) == set(ROLES)
        assert set(APPOINTING) == set(AdminRole)
        assert len(set(APPOINTING.values())) == len(AdminRole)

    @pytest.mark.parametrize(("deed", "admin"), [*product(Deed, [ROOT, SPACE, STAFF])])
    def test_a_role_does_what_it_includes(self, deed, admin):
        assert refused(role_permits, RoleLacking, admin, deed) is (admin.role not in ROLES[deed])

    @pytest.mark.parametrize("deed", Deed)
    def test_one_companys_administrator_makes_no_companies(self, deed):
        assert refused(role_permits, RoleLacking, LOCAL, deed) is (deed is Deed.COMPANIES)


class TestSupportRemovesSimply:
    @pytest.mark.parametrize(
        ("admin", "deed", "simple"),
        [*product([ROOT, SPACE, STAFF], [Deed.REMOVE_USERS, Deed.USERS], [True, False])],
    )
    def test_only_where_no_provider_answers_for_the_user(self, admin, deed, simple):
        place = Place(company=HERE, app_space=MINE, simple=simple)
        expected = admin is STAFF and deed is Deed.REMOVE_USERS and not simple
        assert refused(support_removes_simply, RoleLacking, admin, deed, place) is expected

    def test_and_nowhere_where_nothing_is_named(self):
        assert refused(support_removes_simply, RoleLacking, STAFF, Deed.REMOVE_USERS, None)
        assert not refused(support_removes_simply, RoleLacking, STAFF, Deed.USERS, None)


class TestNoLaterThan:
    @pytest.mark.parametrize(
        ("maker", "wanted", "ends"),
        [
            (None, None, None),
            (None, NOW, NOW),
            (NOW, None, NOW),
            (NOW, NOW, NOW),
            (NOW, NOW - TICK, NOW - TICK),
        ],
    )
    def test_who_is_made_ends_with_its_maker_at_the_latest(self, maker, wanted, ends):
        assert no_later_than(attrs.evolve(ROOT, ends_at=maker), wanted, field="life") == ends

    def test_and_not_later(self):
        with pytest.raises(InvalidField) as caught:
            no_later_than(attrs.evolve(ROOT, ends_at=NOW), NOW + TICK, field="life")
        assert str(caught.value) == "life: longer than that of whoever makes it"


class TestRoleFits:
    @pytest.mark.parametrize(
        ("role", "places"),
        [
            (role, frozenset(places))
            for role in AdminRole
            for count in range(4)
            for places in combinations(REACHES, count)
        ],
    )
    def test_a_role_has_its_place_and_no_other(self, role, places):
        said = {name: name in places for name in REACHES}
        own = {"company", "all_companies"} if role is COMPANY else {"app_space"}
        if len(places) == 1 and places <= own:
            role_fits(role, **said)
            return
        with pytest.raises(InvalidField) as caught:
            role_fits(role, **said)
        assert caught.value.field in {"companyGuid", "appSpaceGuid", "allCompanies"}
