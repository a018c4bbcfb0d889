"""The overview counts what the audit log has chained; the audit log is searched by page."""

from datetime import date, timedelta

import pytest
from portal_browser import require_page

from counterseal import AuditChain
from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import Admin, AdminRole, AuditEvent
from counterseal_portal.charts import HEIGHT, WIDTH, Chart, days_until
from counterseal_portal.event_labels import event_label, reason_label
from counterseal_testing.identity import APP_RETURN


@pytest.fixture
def busy(portal):
    """A portal whose log has one approval and one refusal."""
    service = portal.service
    phone = service.bind("zoe")
    issued = service.ask("zoe", "Pay?")
    phone.answer(phone.fetch(issued.challenge.guid))
    portal.support().get("/admins/new")
    AuditChain(service.ports, service.policy).chain()
    return portal


def test_a_chart_and_its_table_say_the_same():
    days = days_until(date(2030, 1, 3), 3)
    chart = Chart(title="T", days=days, series={"A": (1, 0, 2), "B": (3, 0, 0)})
    assert [str(day) for day in days] == ["2030-01-01", "2030-01-02", "2030-01-03"]
    assert chart.rows == tuple(zip(days, [(1, 3), (0, 0), (2, 0)], strict=True))
    assert chart.totals == (("A", 3), ("B", 3))
    heights = [(bar.series, bar.height) for bar in chart.bars]
    assert heights == [(0, HEIGHT / 4), (1, HEIGHT * 3 / 4), (0, HEIGHT / 2)]
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in chart.bars)
    assert Chart(title="T", days=days, series={"A": (0, 0, 0)}).bars == ()


def test_the_overview_shows_what_was_counted(busy):
    text = require_page(busy.company_admin().get(""))
    assert "Questions asked</dt><dd>1<" in text
    assert "Answered <strong>1</strong>" in text
    assert text.count('<rect class="series-0" x=') == 1


def test_the_overview_shows_what_there_is_now(busy):
    busy.service.ask("zoe", "Lunch?")
    text = require_page(busy.company_admin().get(""))
    for label, number in (("Active users", 1), ("Questions pending", 1), ("Callbacks dead", 0)):
        assert f"<dt>{label}</dt><dd>{number}</dd>" in text
    assert "The store answers within " in text
    text = require_page(busy.support().get(""))
    assert "<dt>Active users</dt><dd>1</dd>" in text
    assert "Callbacks dead" not in text
    assert "Active origins" not in text


def test_an_overview_without_app_spaces_leads_to_the_first_one(portal):
    company = portal.service.administration.create_company("New Ltd").guid
    admin = portal.create_admin(AdminRole.COMPANY, company=company)
    first_step = f'href="/portal/companies/{company}/app-spaces/new">New App Space</a>'
    assert first_step in require_page(portal.log_in(admin).get(""))
    portal.service.administration.create_app_space(company, "App")
    assert "New App Space" not in require_page(portal.log_in(admin).get(""))


def test_what_is_out_of_reach_is_not_counted(busy):
    other = busy.service.administration.create_company("Other Ltd")
    admin = busy.service.credentials.create_admin("x", company=other.guid).guid
    record = busy.service.administration.get(admin, Admin)
    text = require_page(busy.log_in(record).get(""))
    assert "Questions asked</dt><dd>0<" in text
    assert "Active users</dt><dd>0<" in text
    assert "<h3>" not in require_page(busy.log_in(record).get("/audit", event="challenge.issue"))


def test_the_log_is_searched(busy):
    browser = busy.company_admin()
    assert ">challenge.issue</code>" in require_page(browser.get("/audit"))
    account = busy.service.accounts.get(busy.service.origin, "zoe").guid
    text = require_page(browser.get("/audit", event="challenge.issue", since="2030-01-01"))
    assert text.count("<h3>") == 1
    assert "No event fits" in require_page(browser.get("/audit", until="2029-12-31"))
    assert "<h3>" in require_page(browser.get("/audit", until="2030-01-01"))
    assert "No event fits" in require_page(browser.get("/audit", performer=account))
    for name, term, label in (
        ("since", "x", "From the day"),
        ("until", "9999-12-31", "To the day"),
        ("subject", "x", "About"),
        ("event", "DROP", "What happened"),
    ):
        text = require_page(browser.get("/audit", **{name: term}))
        assert f'role="alert">{label}: ' in text


def test_the_log_says_what_happened_by_whom_and_to_what(busy):
    service = busy.service
    account = service.accounts.get(service.origin, "zoe").guid
    support = busy.create_admin(AdminRole.SUPPORT, app_space=service.app_space.guid)
    service.accounts.lock(account, by=support)
    AuditChain(service.ports, service.policy).chain()
    text = require_page(busy.support().get("/audit", event="account.lock"))
    assert "Account locked" in text
    assert f"<bdi>{support.name}</bdi>" in text
    assert f'<a href="/portal/accounts/{account}"><bdi>zoe</bdi></a>' in text
    assert f'href="/portal/audit?performer={support.guid}"' in text
    assert f'href="/portal/audit?subject={account}"' in text
    text = require_page(busy.support().get("/audit", event="challenge."))
    assert "Question to" in text
    assert "of <bdi>zoe</bdi>" in text
    assert f"Origin <bdi>{service.origin.origin.name}</bdi>" in " ".join(text.split())
    assert "/portal/origins/" not in text
    origin = service.origin.origin.guid
    assert f'href="/portal/origins/{origin}"' in require_page(busy.app_space_admin().get("/audit"))


def test_an_event_without_a_label_has_its_name():
    assert event_label("account.lock") == "Account locked"
    assert event_label("telemetry.shown") == "telemetry.shown"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("", ""),
        ("pressured", ""),
        ("not_mine", "did not start it"),
        ("strong_key_missed", "Refused: wrong PIN"),
        ("key_in_progress", "Refused: key in progress"),
        ("gone", "gone"),
    ],
)
def test_a_reason_is_said_in_words_but_not_that_somebody_was_pressed(reason, text):
    assert reason_label(reason) == text


def test_support_finds_an_account_from_the_overview_and_counts_no_callbacks(busy):
    text = require_page(busy.support().get(""))
    assert 'action="/portal/accounts"' in text
    assert "Callbacks" not in text
    assert "Callbacks delivered" in require_page(busy.company_admin().get(""))


def record(service, event, reason, times=1):
    """Record events of the App Space in the audit log."""
    for _ in range(times):
        service.ports.audit.record(
            AuditEvent(
                at=service.clock.now(),
                event=event,
                actor="notifier",
                subject=None,
                reason=reason,
                app_space=service.app_space.guid,
            )
        )


def test_the_overview_says_what_push_services_did_in_the_last_day(busy):
    service = busy.service
    record(service, "challenge.push", "", 7)
    service.clock.advance(timedelta(days=1, hours=1))
    for event, reason, times in (
        ("challenge.push", "", 3),
        ("binding.push", "", 2),
        ("binding.push", "rejected", 1),
        ("challenge.push", "misconfigured", 1),
        ("challenge.push", "later", 4),
        ("challenge.push", "undelivered", 8),
        ("binding.push", "role_lacking", 16),
    ):
        record(service, event, reason, times)
    AuditChain(service.ports, service.policy).chain()
    expected = "Delivered 5, failed 2, put off 4 in the last day. On all channels together"
    for browser in (busy.company_admin(), busy.support()):
        text = require_page(browser.get(""))
        assert expected in text
        assert "Identity Providers" not in text
    service.clock.advance(timedelta(days=1, hours=1))
    assert "Delivered 0, failed 0 in the last day." in require_page(busy.company_admin().get(""))


def test_the_overview_says_what_identity_providers_did_in_the_last_day(busy):
    service = busy.service
    space = service.new_app_space("With log-ins", idp=service.idp.settings())
    account = service.identify(space, "user-1").account.guid
    service.logins.revalidate(account)
    service.idp.withdraw("user-1")
    with pytest.raises(IdentityWithdrawn):
        service.logins.revalidate(account)
    AuditChain(service.ports, service.policy).chain()
    browser = busy.company_admin()
    service.idp.down = True
    with pytest.raises(IdentityUnavailable):
        service.logins.redirect(space.guid, APP_RETURN)
    text = require_page(browser.get(""))  # a provider that is down delays no page
    expected = "Log-ins 1, vouched for users 1, did not vouch 1, did not answer 0 in the last day."
    assert expected in text
    assert f'<bdi>With log-ins</bdi> <bdi class="mono">{space.idp.issuer}</bdi>' in text
    assert "With log-ins" not in require_page(busy.support().get(""))
