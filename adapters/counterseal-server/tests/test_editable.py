"""
Each editable member of an origin and an App Space goes round by each way: core, HTTP, CLI, portal.

`ROWS` is written by hand, independently of what is said beside the records: a member that has no
row fails, and so does a row whose member means something else.
"""

import json
import re
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest
from jsonschema import Draft202012Validator
from portal_browser import PortalOfTests
from werkzeug.test import Client

import counterseal
import counterseal_portal
import counterseal_server
import counterseal_web
from counterseal.credentials.documents import write_cx1
from counterseal.errors import CountersealError
from counterseal.models import (
    AccountEventKind,
    AppSpaceChanges,
    ChallengeState,
    Clients,
    Codes,
    HtmlUse,
    NewDeviceRule,
    OriginChanges,
    OriginRole,
    TokenForm,
    editable_members,
)
from counterseal_server.administration import Tenants
from counterseal_server.commands.admin import companies, origins
from counterseal_server.plainly import plainly
from counterseal_testing.service import CALLBACK
from counterseal_web import Service, Settings
from counterseal_web.admin.schemas import ADMIN_SCHEMAS
from counterseal_web.wsgi import WsgiApplication

BASE = "https://auth.example"

ALL_EVENTS = [kind.value for kind in AccountEventKind]
ENDINGS = ["ANSWERED", "DISOWNED", "CANCELLED", "FAILED", "EXPIRED"]
TOO_LONG = 200
"""Characters; the schema does not say how long a text may be, since the policy does."""
NEVER = object()
"""In place of what clears a member that nothing clears."""


NAMES = ("", "  ", "x" * 257)
"""What is no name."""


@attrs.frozen
class Row:
    """
    One editable member.

    Attributes:
        name: Of the argument, in the core.
        wire: In JSON.
        option: On the command line; of a flag, both.
        field: In the portal: the page's last segment and the field; empty if no form has it.
        core: Returns the core's value for one in JSON.
        one: A valid value in JSON, not the one at first.
        other: Another one.
        wrong: Invalid values.
        wrong_json: Values that are invalid in JSON, which has types.
        empty: The JSON that clears it.
        after: What is shown once it is cleared.
        words: The words of the command line that clear it.
    """

    name: str
    wire: str
    option: str
    field: str
    core: object = attrs.field(default=lambda value: value, kw_only=True)
    one: object = attrs.field(kw_only=True)
    other: object = attrs.field(kw_only=True)
    wrong: tuple[object, ...] = attrs.field(kw_only=True)
    wrong_json: tuple[object, ...] = attrs.field(default=(7,), kw_only=True)
    empty: object = attrs.field(default=NEVER, kw_only=True)
    after: object = attrs.field(default=None, kw_only=True)
    words: tuple[str, ...] = attrs.field(default=(), kw_only=True)


def text(name, wire, option, field, **more):
    """Return the row of a text, which an empty one removes."""
    values = {"one": "One", "other": "Zwei \u00fc", "wrong": ("x" * 3_000,)}
    clearing = {"empty": "", "words": (option, "")}
    return Row(name=name, wire=wire, option=option, field=field, **values | clearing | more)


def flag(name, wire, option, field):
    return Row(name, wire, option, field, one=True, other=False, wrong=("maybe",))


def limit(name, wire, option, most):
    """Return the row of a limit, which the word `policy` takes back."""
    values = {"one": 1, "other": most, "wrong": (0, most + 1), "wrong_json": (True, 2.5, "3")}
    return Row(name, wire, option, f"edit {name}", empty="", words=(option, "policy"), **values)


def choice(core, name, wire, *values, **more):
    """Return the row of a choice: its first two *values* are valid."""
    one, other, wrong = values
    option = more.pop("option", f"--{name.replace('_', '-')}")
    valid = {"core": core, "one": one, "other": other}
    return Row(name, wire, option, f"edit {name}", wrong=(wrong,), **valid, **more)


def state_list(values):
    return [ChallengeState(value) for value in values]


def event_list(values):
    return values and [AccountEventKind(value) for value in values]


def rule(value):
    return value and NewDeviceRule(value)


ORIGIN_ROWS = (
    text("name", "name", "--name", "edit name", wrong=NAMES, empty=NEVER),
    choice(OriginRole, "role", "role", "asking", "full", "reader", wrong_json=(["asking"],)),
    choice(Clients, "clients", "clients", "cx", "current", "2019"),
    choice(Codes, "codes", "codes", "echoed", "typed", "shown"),
    flag("wildcards", "wildcards", "--wildcards/--exact", "edit wildcards"),
    choice(
        *(TokenForm, "token_form", "sessionTokenForm", "object", "text", "both"),
        option="--session-token-form",
    ),
    choice(
        *(state_list, "callback_states", "callbackStates", ["ANSWERED", "EXPIRED"], []),
        ["PENDING"],
        option="--callback-state",
        wrong_json=("ANSWERED", ["ANSWERED", "GONE"]),
    ),
    limit("pending_limit", "pendingLimit", "--pending-limit", 100),
    limit("ask_limit", "askLimit", "--ask-limit", 1_000),
    flag("cooldown", "cooldown", "--cooldown/--no-cooldown", "edit cooldown"),
    Row(
        *("events", "events", "--event", "events events"),
        core=event_list,
        one=["bound", "locked"],
        other=[],
        wrong=(["moved"],),
        wrong_json=("locked",),
        empty="",
        after=ALL_EVENTS,
        words=("--event", "profile"),
    ),
    text(
        *("events_url", "eventsUrl", "--events-url", "events events_url"),
        one=CALLBACK,
        other=f"{CALLBACK}/more",
    ),
)
APP_SPACE_ROWS = (
    text("name", "name", "--name", "edit name", wrong=NAMES, empty=NEVER),
    text("brand_url", "brandInfo.url", "--brand-url", ""),
    text(
        *("brand_color", "brandInfo.color", "--brand-color", "brand color"),
        one="#F0B700",
        other="#000000",
        wrong=("red", "#F0B70", "#F0B7000"),
    ),
    choice(HtmlUse, "html", "html", "refuse", "show", "strip"),
    flag("universal_app", "useUniversalApp", "--universal-app/--own-app", ""),
    *(
        text(f"texts.{name}", f"notification.{wire}", option, f"edit texts_{name}")
        for name, wire, option in (
            ("title", "title", "--title"),
            ("challenge", "body", "--body"),
            ("challenge_ended", "requestEnded", "--challenge-ended"),
            ("device_bound", "deviceBound", "--device-bound"),
            ("device_revoked", "deviceRevoked", "--device-revoked"),
            ("device_unconfirmed", "deviceUnconfirmed", "--device-unconfirmed"),
        )
    ),
    choice(
        *(rule, "new_devices", "newDevices", "confirmed", "at_once", "later"),
        empty="",
        words=("--new-devices", "policy"),
    ),
    flag(
        *("device_invitations", "deviceInvitations"),
        "--device-invitations/--no-device-invitations",
        "edit device_invitations",
    ),
    Row(
        *("document_hosts", "documentHosts", "--document-host", "edit document_hosts"),
        one=["https://files.example.com"],
        other=["https://docs.example.com:8443"],
        wrong=(["http://files.example.com"], ["https://files.example.com:65536"]),
        wrong_json=("https://files.example.com", [7], ["https://files.example.com"] * 17),
        empty=[],
        after=[],
        words=("--any-document-host",),
    ),
)
BESIDE = {
    ("clients", "cx"): {
        "codes": "echoed",
        "wildcards": True,
        "callbackStates": ["ANSWERED", "DISOWNED"],
        "events": [],
    },
    ("clients", "current"): {
        "codes": "typed",
        "wildcards": False,
        "callbackStates": ENDINGS,
        "events": ALL_EVENTS,
    },
    ("role", "asking"): {"events": []},
    ("role", "full"): {"events": ALL_EVENTS},
}
"""What else changes: clients bring their profile, and an origin that only asks hears nothing."""

BY_RECORD = {"origin": ORIGIN_ROWS, "app_space": APP_SPACE_ROWS}
SHOWN_AS = {"origin": "Origin", "app_space": "AppSpace"}
"""The schema of each record."""
TOGETHER = {"logo", "passkey_origins", "rp_id"}
"""What is shown as another value, or in one member: tests of their own are about these."""


class FormValues(HTMLParser):
    """What a browser would send of the form of a page that nobody has touched."""

    def __init__(self, page):
        super().__init__()
        self.values, self._textarea, self._select = {}, None, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        members = dict(attributes)
        name, value = members.get("name"), members.get("value", "")
        if tag == "textarea":
            self._textarea = name
            self.values[name] = [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in members:
            self.values[self._select] = [value]
        elif tag == "input" and members.get("type") in {"checkbox", "radio"}:
            self.values.setdefault(name, [])
            self.values[name] += [value] * ("checked" in members)
        elif tag == "input" and name and members.get("type") != "hidden":
            self.values[name] = [value]

    def handle_data(self, data):
        if self._textarea:
            self.values[self._textarea] = [data.removeprefix("\n")]

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._textarea = None
        elif tag == "select":
            self._select = None


class World:
    """A service in memory with its ways to edit one record."""

    def __init__(self, record, folder, monkeypatch, run):
        self.portal, self.record, self.folder = PortalOfTests(), record, folder
        self.service = self.portal.service
        web = Service(
            self.service.ports, self.service.policy, Settings(public_url=BASE, administration=True)
        )
        self.client, self.calls, self.run = Client(WsgiApplication(web)), 0, run
        self.desk = self.service.credentials.create_admin("desk", all_companies=True)
        self.guid = {"origin": self.service.origin.origin, "app_space": self.service.app_space}[
            record
        ].guid
        self.service.administration.allow_callback(
            self.service.origin.origin.guid, f"{CALLBACK}/more"
        )
        space = self.service.app_space
        self.path = f"/admin/api/companies/{space.company}/appSpaces/{space.guid}"
        self.path += f"/requestOrigins/{self.guid}" if record == "origin" else ""
        self.page = f"/{'origins' if record == 'origin' else 'app-spaces'}/{self.guid}"
        self.browser = self.portal.company_admin()

        @contextmanager
        def administering(data, config):
            with plainly():
                yield Tenants(self.service.ports, self.service.policy)

        for module in (origins, companies):
            monkeypatch.setattr(module, "administering", administering)

    def call(self, method, document=None):
        self.calls += 1
        body = b"" if document is None else json.dumps(document).encode()
        header = write_cx1(
            self.desk.secret,
            method=method,
            uri=BASE + self.path,
            milliseconds=int(self.service.clock.now().timestamp() * 1000) + self.calls,
            guid=self.desk.guid,
            body=body,
        )
        headers = {"Authorization": header, "Content-Type": "application/json"}
        return self.client.open(self.path, method=method, data=body, headers=headers)

    def document(self):
        return self.call("GET").json

    # Each way returns whether the change was made.

    def by_core(self, row, value):
        edit = getattr(self.service.administration, f"edit_{self.record}")
        argument, _, inner = row.name.partition(".")
        if value not in row.wrong:
            value = row.core(value)
        try:
            edit(self.guid, **{argument: {inner: value} if inner else value})
        except CountersealError as error:
            return getattr(error, "field", row.wire) != row.wire
        return True

    def by_http(self, row, value):
        outer, _, inner = row.wire.partition(".")
        reply = self.call("PATCH", {outer: {inner: value} if inner else value})
        if reply.status_code == 200:
            assert reply.json == self.document()
            return True
        return reply.json.get("field", row.wire) != row.wire

    def by_cli(self, row, value):
        return self.command(row, *words_of(row, value))

    def command(self, row, *words):
        result = self.run("admin", f"edit-{self.record.replace('_', '-')}", self.guid, *words)
        if result.exit_code == 0:
            assert json.loads(result.stdout) == self.document()
            return True
        return row.option.split("/")[0].removeprefix("--") not in result.stderr

    def by_portal(self, row, value):
        page, field = row.field.split()
        chosen = {"hears": ["profile" if value == "" else "chosen"]} if field == "events" else {}
        if isinstance(value, bool):
            texts = ["yes"] * value
        else:
            texts = list(value) if isinstance(value, list) else [str(value)]
        reply = self.post(page, {field: texts if value else [*filter(None, texts)]} | chosen)
        if reply.status == 422:
            assert f'id="error-{field}"' in reply.text
        return reply.status == 303

    def post(self, page, changes):
        path = f"{self.page}/{page}"
        values = FormValues(self.browser.get(path).text).values | changes
        return self.browser.post(path, [(name, text) for name in values for text in values[name]])


def words_of(row, value):
    on, _, off = row.option.partition("/")
    if isinstance(value, bool):
        return [on if value else off]
    if off:
        return [f"{on}={value}"]
    values = value if isinstance(value, list) else [value]
    return [word for each in values or ["none"] for word in (on, str(each))]


@pytest.fixture
def new_world(tmp_path, monkeypatch, run):
    return lambda record: World(record, tmp_path, monkeypatch, run)


def changed(document, wire, value):
    """Return *document* with another value of one member."""
    outer, _, inner = wire.partition(".")
    return document | {outer: document[outer] | {inner: value} if inner else value}


def fits(document, schema):
    described = ADMIN_SCHEMAS[schema] | {"components": {"schemas": ADMIN_SCHEMAS}}
    return Draft202012Validator(described).is_valid(document)


@pytest.mark.parametrize("way", ["core", "http", "cli", "portal"])
@pytest.mark.parametrize(("record", "rows"), [*BY_RECORD.items()], ids=[*BY_RECORD])
def test_each_editable_member_goes_round_by_each_way(new_world, way, record, rows):
    world = new_world(record)
    edit, document = getattr(world, f"by_{way}"), world.document()
    for row in rows:
        if way == "portal" and not row.field:
            continue
        for value in (row.one, row.other):
            assert edit(row, value), row.name
            document = changed(document, row.wire, value) | BESIDE.get((row.name, str(value)), {})
            assert world.document() == document, row.name
            if way == "portal":
                # Nothing changes if a form is sent as it came.
                assert world.post(row.field.split()[0], {}).status == 303
                assert world.document() == document, row.name
        for value in row.wrong + (row.wrong_json if way == "http" else ()):
            assert not edit(row, value), (row.name, value)
            assert world.document() == document, row.name
        if row.empty is NEVER:
            continue
        assert world.command(row, *row.words) if way == "cli" else edit(row, row.empty), row.name
        assert world.document() == changed(document, row.wire, row.after), row.name
        assert fits(world.document(), SHOWN_AS[record])
        assert edit(row, row.other), row.name


@pytest.mark.parametrize(("record", "rows"), [*BY_RECORD.items()], ids=[*BY_RECORD])
def test_the_schema_says_what_each_member_may_be(record, rows):
    for row in rows:
        outer, _, inner = row.wire.partition(".")
        bodies = {
            fitness: [
                {outer: {inner: value} if inner else value}
                for value in values
                if not isinstance(value, str) or len(value) < TOO_LONG
            ]
            for fitness, values in (
                (True, (row.one, row.other, None if row.empty is NEVER else row.empty)),
                (False, row.wrong + row.wrong_json),
            )
        }
        for fitness, documents in bodies.items():
            for document in documents:
                assert fits(document, f"{SHOWN_AS[record]}Edit") is fitness, document


@pytest.mark.parametrize(
    ("changes", "rows", "together"),
    [(OriginChanges, ORIGIN_ROWS, set()), (AppSpaceChanges, APP_SPACE_ROWS, TOGETHER)],
)
def test_each_editable_member_has_its_row(changes, rows, together):
    members = editable_members(changes)
    assert members.keys() - together == {row.name for row in rows}
    assert {row.name: row.wire for row in rows}.items() <= {
        name: member.wire for name, member in members.items()
    }.items()


SOURCES = [
    (counterseal, "tenancy/**/*.py"),
    (counterseal, "models/clients.py"),
    (counterseal, "models/editable.py"),
    (counterseal_web, "admin/*.py"),
    (counterseal_server, "**/*.py"),
    (counterseal_portal, "pages/*.py"),
    (counterseal_portal, "templates/*.html"),
]
"""Where a setting of a tenant could be named again."""
OF_THE_POLICY = {"policies.py", "narrowing.py"}
"""Modules about settings of the policy, some of which have the same names."""


@pytest.mark.parametrize(
    "spellings",
    [
        {"token_form", "sessionTokenForm", "session-token-form"},
        {"pending_limit", "pendingLimit", "pending-limit"},
        {"ask_limit", "askLimit", "ask-limit"},
        {"universal_app", "useUniversalApp", "universal-app"},
        {"brand_url", "brandInfo.url", "brand-url"},
        {"device_bound", "deviceBound", "device-bound"},
    ],
    ids=min,
)
def test_a_setting_is_named_in_six_lines_of_three_files_at_most(spellings):
    name = re.compile(rf"\b(?:{'|'.join(map(re.escape, spellings))})\b")
    lines = {
        path: sum(bool(name.search(line)) for line in path.read_text("utf-8").splitlines())
        for package, pattern in SOURCES
        for path in Path(package.__file__).parent.glob(pattern)
        if path.name not in OF_THE_POLICY
    }
    counts = {path: count for path, count in lines.items() if count}
    assert 2 <= sum(counts.values()) <= 6, counts
    assert len(counts) <= 3, counts
