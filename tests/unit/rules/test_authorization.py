"""Rules of authorization: every role, every permission, everything to reach."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, product

import attrs
import pytest

from counterseal.errors import CredentialRefused, Foreign, InvalidField, RoleLacking
from counterseal.models import Admin, AdminRole, Credential, Scheme, guid
from counterseal.tenancy.rules.authorization import (
    APPOINTING,
    PERMITTED,
    AdministrationFacts,
    Permission,
    Reach,
    admin_in_force,
    capped_end,
    role_fits,
    role_permits,
    support_may_remove,
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
TARGETS = [
    Reach(company=None),
    Reach(company=HERE),
    Reach(company=HERE, app_space=MINE),
    Reach(company=HERE, app_space=OTHER),
    Reach(company=THERE),
    Reach(company=THERE, app_space=OTHER),
    Reach(company=THERE, app_space=MINE),
]


def facts(admin, permission=Permission.USERS, reach=None):
    return AdministrationFacts(now=NOW, admin=admin, permission=permission, reach=reach)


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
            (ROOT, TARGETS),
            (LOCAL, TARGETS[1:4]),
            (SPACE, TARGETS[2:3]),
            (STAFF, TARGETS[2:3]),
        ],
        ids=["all companies", "a company", "an App Space", "support"],
    )
    def test_what_each_reaches_and_nothing_else(self, admin, reached):
        allowed_targets = [
            reach
            for reach in TARGETS
            if not refused(within_reach, Foreign, admin, Permission.USERS, reach)
        ]
        assert allowed_targets == reached

    @pytest.mark.parametrize("admin", [ROOT, LOCAL, SPACE, STAFF])
    def test_where_nothing_is_named_nothing_is_foreign(self, admin):
        within_reach(facts(admin, reach=None))

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
        reaches = [*TARGETS, Reach(company=None, app_space=MINE)]
        assert all(
            refused(within_reach, Foreign, admin, Permission.USERS, reach) for reach in reaches
        )


ROLES = {
    Permission.COMPANIES: {COMPANY},
    Permission.COMPANY: {COMPANY},
    Permission.SEE_APP_SPACE: {COMPANY, APP_SPACE, SUPPORT},
    Permission.APP_SPACE: {COMPANY},
    Permission.ORIGINS: {COMPANY, APP_SPACE},
    Permission.USERS: {COMPANY, APP_SPACE, SUPPORT},
    Permission.REMOVE_USERS: {COMPANY, APP_SPACE, SUPPORT},
    Permission.COMPANY_ADMINS: {COMPANY},
    Permission.APP_SPACE_ADMINS: {COMPANY},
    Permission.USER_SUPPORT: {COMPANY, APP_SPACE},
    Permission.AUDIT: {COMPANY, APP_SPACE, SUPPORT},
    Permission.ITSELF: {COMPANY, APP_SPACE, SUPPORT},
}
"""The roles of the CX service, and what its documents leave open."""


class TestRolePermits:
    def test_every_permission_has_its_roles(self):
        assert set(PERMITTED) == set(Permission) == set(ROLES)
        assert set(APPOINTING) == set(AdminRole)
        assert len(set(APPOINTING.values())) == len(AdminRole)

    @pytest.mark.parametrize(("permission", "admin"), [*product(Permission, [ROOT, SPACE, STAFF])])
    def test_a_role_does_what_it_includes(self, permission, admin):
        assert refused(role_permits, RoleLacking, admin, permission) is (
            admin.role not in ROLES[permission]
        )

    @pytest.mark.parametrize("permission", Permission)
    def test_one_companys_administrator_makes_no_companies(self, permission):
        assert refused(role_permits, RoleLacking, LOCAL, permission) is (
            permission is Permission.COMPANIES
        )


class TestSupportRemovesSimply:
    @pytest.mark.parametrize(
        ("admin", "permission", "simple"),
        [
            *product(
                [ROOT, SPACE, STAFF], [Permission.REMOVE_USERS, Permission.USERS], [True, False]
            )
        ],
    )
    def test_only_where_no_provider_answers_for_the_user(self, admin, permission, simple):
        reach = Reach(company=HERE, app_space=MINE, origins_identify_users=simple)
        expected = admin is STAFF and permission is Permission.REMOVE_USERS and not simple
        assert refused(support_may_remove, RoleLacking, admin, permission, reach) is expected

    def test_and_nowhere_where_nothing_is_named(self):
        assert refused(support_may_remove, RoleLacking, STAFF, Permission.REMOVE_USERS, None)
        assert not refused(support_may_remove, RoleLacking, STAFF, Permission.USERS, None)


class TestNoLaterThan:
    @pytest.mark.parametrize(
        ("maker", "ends_at", "ends"),
        [
            (None, None, None),
            (None, NOW, NOW),
            (NOW, None, NOW),
            (NOW, NOW, NOW),
            (NOW, NOW - TICK, NOW - TICK),
        ],
    )
    def test_who_is_made_ends_with_its_maker_at_the_latest(self, maker, ends_at, ends):
        assert capped_end(attrs.evolve(ROOT, ends_at=maker), ends_at, field="life") == ends

    def test_and_not_later(self):
        with pytest.raises(InvalidField) as caught:
            capped_end(attrs.evolve(ROOT, ends_at=NOW), NOW + TICK, field="life")
        assert str(caught.value) == "life: longer than that of whoever makes it"


class TestRoleFits:
    @pytest.mark.parametrize(
        ("role", "targets"),
        [
            (role, frozenset(targets))
            for role in AdminRole
            for count in range(4)
            for targets in combinations(REACHES, count)
        ],
    )
    def test_a_role_has_its_reach_and_no_other(self, role, targets):
        members = {name: name in targets for name in REACHES}
        own = {"company", "all_companies"} if role is COMPANY else {"app_space"}
        if len(targets) == 1 and targets <= own:
            role_fits(role, **members)
            return
        with pytest.raises(InvalidField) as caught:
            role_fits(role, **members)
        assert caught.value.field in {"companyGuid", "appSpaceGuid", "allCompanies"}
