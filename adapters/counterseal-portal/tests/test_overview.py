"""The overview counts what the audit log has chained; the audit log is searched by page."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from portal_browser import require_page

from counterseal import AuditChain
from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import Admin, AdminRole, AuditEvent
from counterseal_portal.charts import HEIGHT, WIDTH, Chart, days_until
from counterseal_portal.event_labels import event_label, reason_label
from counterseal_portal.pages import audit as audit_pages
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


def number_in(text, label):
    """Return the number below *label*, and the address of the list that it counts."""
    match = re.search(
        rf'>{label}</dt><dd>(?:<a href="/portal([^"]*)"><span class="unseen">{label}: </span>)?'
        r"([0-9]+)(?:</a>)?</dd>",
        text,
    )
    return int(match[2]), (match[1] or "").replace("&amp;", "&")


def rows_in(text):
    """Return how many rows the page's table has."""
    return text.count('<th scope="row"')


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
    assert number_in(text, "Questions asked")[0] == 1
    assert re.search(r"Answered <strong><a [^>]*><span [^>]*>Answered: </span>1</a></strong>", text)
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
    assert number_in(text, "Questions asked") == (0, "")
    assert number_in(text, "Active users") == (0, "")
    assert rows_in(require_page(busy.log_in(record).get("/audit", event="challenge.issue"))) == 0


def test_the_log_is_searched(busy):
    browser = busy.company_admin()
    assert ">challenge.issue</code>" in require_page(browser.get("/audit"))
    account = busy.service.accounts.get(busy.service.origin, "zoe").guid
    text = require_page(browser.get("/audit", event="challenge.issue", since="2030-01-01"))
    assert rows_in(text) == 1
    assert "No event fits" in require_page(browser.get("/audit", until="2029-12-31"))
    assert rows_in(require_page(browser.get("/audit", until="2030-01-01"))) > 1
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


def test_each_number_leads_to_the_list_that_it_counts(busy):
    service = busy.service
    for reason in ("undelivered", "late"):
        record(service, "challenge.push", reason)
    record(service, "callback.fail", "gone", 2)
    record(service, "callback.succeed", "", 3)
    record(service, "callback.succeed", "dropped", 4)
    record(service, "account.lock", "role_lacking")
    record(service, "account.lock", "foreign")
    AuditChain(service.ports, service.policy).chain()
    browser = busy.company_admin()
    text = require_page(browser.get(""))
    for label, expected in {
        "Questions asked": 1,
        "Devices bound": 1,
        "Callbacks delivered": 3,
        "Callbacks given up": 2,
        "Notifications that no device got": 2,
    }.items():
        number, address = number_in(text, label)
        assert (label, number) == (label, expected)
        listed = require_page(browser.get(address))
        assert (label, rows_in(listed)) == (label, expected)
        if address.startswith("/audit"):
            assert f"The log has counted {expected}." in listed
    refused = re.search(r'href="/portal(/audit[^"]*reason=role_lacking[^"]*)"', text)[1]
    assert rows_in(require_page(browser.get(refused.replace("&amp;", "&")))) == 1


def test_the_log_is_paged_both_ways_and_a_page_is_as_it_was(busy, monkeypatch):
    monkeypatch.setattr(audit_pages, "AT_ONCE", 3)
    service = busy.service
    for number in range(10):
        service.clock.advance(timedelta(seconds=1))
        record(service, "account.lock", f"word_{number}")
    AuditChain(service.ports, service.policy).chain()
    browser, address = busy.company_admin(), "/audit?event=account.lock"
    pages = []
    while address:
        text = require_page(browser.get(address))
        pages.append((address, text))
        match = re.search(r'href="/portal([^"]*)">Earlier events', text)
        address = match and match[1].replace("&amp;", "&")
    words = [re.findall(r">word ([0-9])<", text) for _, text in pages]
    assert words == [["9", "8", "7"], ["6", "5", "4"], ["3", "2", "1"], ["0"]]
    for (before, _), (_, text) in pairwise(pages):
        match = re.search(r'href="/portal([^"]*)">(?:Later|Newest) events', text)
        assert match[1].replace("&amp;", "&") == before
    assert "Later events" not in pages[0][1]
    assert "Newest events" not in pages[0][1]
    # Of a long way, an address carries the end, and what it cannot read is nothing.
    monkeypatch.setattr(audit_pages, "LONGEST_TRAIL", 1)
    text = require_page(browser.get(pages[3][0]))
    assert re.search(r'href="/portal/audit\?event=account.lock&amp;after=[^&"]+">Later', text)
    for trail in ("x..y", "<", "z" * 41):
        text = require_page(browser.get("/audit", after=address_of(pages[1][0]), before=trail))
        assert "Newest events" in text


def address_of(address):
    return re.search(r"after=([^&]+)", address)[1]


def test_times_have_seconds_and_rows_words_and_code(busy):
    text = require_page(busy.company_admin().get("/audit", event="challenge.issue"))
    at = f"{busy.service.clock.now():%Y-%m-%d %H:%M:%S}"
    assert f">{at}</time></td>" in text
    assert 'Question asked <code class="quiet">challenge.issue</code>' in text


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
    assert "Log-ins 1, vouched for users 1, did not vouch 1, did not answer 0</td>" in text
    assert re.search(
        rf"<bdi>With log-ins</bdi></a></th>\s*<td [^>]*><bdi [^>]*>{space.idp.issuer}<", text
    )
    assert "With log-ins" not in require_page(busy.support().get(""))
