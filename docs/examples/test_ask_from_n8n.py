"""The page about n8n: the requests of its nodes, as they stand there, are sent to a service."""

import base64
import json
import re
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import attrs
import pytest
from ask_from_your_site import service

from counterseal.models import OriginRole, Scheme

PAGE = Path(__file__).parents[1] / "how-to" / "ask-from-n8n.md"
SERVICE = "https://auth.example.com"
ROW = re.compile(r"^\| ([^|`]+?)(?: `([\w-]+)`)? \| `(.*)` \|$", re.MULTILINE)
EXPRESSION = re.compile(r"{{ (.*?) }}")
MEMBER = re.compile(r"\$(?:json|\('(\w+)'\)\.item\.json)\.(\w+)")
STRINGIFY = re.compile(r"JSON\.stringify\(\$\('(\w+)'\)\.item\.json\)")


@attrs.frozen
class Node:
    """
    A node as the page describes it.

    Attributes:
        parameters: By name; those of headers and of the query are `named`.
        body: The text of its block, if it has one.
    """

    parameters: dict
    named: dict
    body: str | None

    @classmethod
    def read(cls, section):
        rows = ROW.findall(section)
        block = re.search(r"```text\n(.*?)```", section, re.DOTALL)
        return cls(
            {kind: text for kind, name, text in rows if not name},
            {(kind, name): text for kind, name, text in rows if name},
            block and block[1],
        )


def nodes():
    sections = PAGE.read_text("utf-8").split("\n## The nodes\n")[1].split("\n## ")[0]
    names = re.split(r"^### (\w+)\n", sections, flags=re.MULTILINE)[1:]
    return {name: Node.read(text) for name, text in zip(names[::2], names[1::2], strict=True)}


@attrs.define
class Execution:
    """
    An execution of the workflow.

    Attributes:
        url: The service's.
        credential: The header of n8n's credential.
        items: What each node has returned; `last` names the node before.
    """

    url: str
    credential: str
    nodes: dict = attrs.field(factory=nodes)
    items: dict = attrs.field(factory=dict)
    last: str = "Arguments"

    def text(self, template):
        """Return a text with the values of its expressions, as n8n would."""
        return EXPRESSION.sub(lambda match: self.value(match[1]), template)

    def value(self, expression):
        if expression in {"$execution.id", "$workflow.id"}:
            return "231"
        if whole := STRINGIFY.fullmatch(expression):
            return json.dumps(self.items[whole[1]])
        name, member = MEMBER.fullmatch(expression).groups()
        value = self.items[name or self.last][member]
        return value if isinstance(value, str) else json.dumps(value)

    def set(self, name):
        """Run an *Edit Fields* node."""
        self.items[name] = json.loads(self.nodes[name].body)

    def call(self, name):
        """Run an *HTTP Request* node; return the status."""
        node = self.nodes[name]
        headers = {"Authorization": self.credential, "Content-Type": "application/json"}
        query, url = {}, node.parameters["URL"].replace(SERVICE, self.url)
        for (kind, key), text in node.named.items():
            {"Header": headers, "Query": query}[kind][key] = self.text(text)
        request = urllib.request.Request(  # noqa: S310 (a service on this machine)
            f"{url}?{urlencode(query)}" if query else url,
            node.body and json.dumps(json.loads(self.text(node.body))).encode(),
            headers,
            method=node.parameters["Method"],
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
                self.items[name], self.last = json.load(reply), name
                return reply.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def decide(self, name):
        """Run an *If* node; return what it says of the item before."""
        parameters = dict(self.nodes[name].parameters)
        value = self.text(parameters.pop("Value"))
        return value in parameters.values()


@pytest.fixture
def world():
    world, _, server, url = service()
    origin = world.new_origin(world.app_space, "n8n", role=OriginRole.ASKING).origin.guid
    key = world.credentials.issue(origin, Scheme.BASIC).secret
    pair = base64.b64encode(f"{origin}:{key}".encode()).decode()
    yield world, Execution(url, f"Basic {pair}")
    server.shutdown()
    server.server_close()


@pytest.fixture
def phone(world):
    return world[0].bind("user-42")


@pytest.fixture
def execution(world, phone):  # noqa: ARG001 (who is asked has a device)
    """An execution that has asked."""
    execution = world[1]
    execution.set("Arguments")
    assert execution.call("Ask") == HTTPStatus.CREATED
    return execution


def test_the_nodes_ask_use_the_approval_once_and_report(phone, execution):
    assert execution.call("Ask") == HTTPStatus.CREATED  # again, as n8n does after a failure
    (request,) = phone.pending()
    challenge = phone.fetch(request.guid)
    rows = phone.device.read_display(challenge.display)["content"]["keys"]
    shown = {row["key"]: row["value"] for row in rows}
    assert (shown["Tool"], shown["$.path"]) == ("delete_folder", '"/srv/backups/2019"')
    phone.answer(challenge)

    assert execution.call("Look") == HTTPStatus.OK
    assert (execution.decide("Open"), execution.decide("Approved")) == (False, True)
    assert execution.call("Use") == HTTPStatus.OK
    assert execution.items["Use"]["use"]["argumentsPresented"]
    assert execution.call("Report") == HTTPStatus.OK
    assert execution.items["Report"]["use"]["state"] == "EXECUTED"
    assert execution.call("Use") == HTTPStatus.CONFLICT


def test_a_request_is_open_until_it_is_answered(phone, execution):
    execution.nodes["Look"].named["Query", "wait"] = "0"
    for _ in ("PENDING", "SEEN"):
        assert execution.call("Look") == HTTPStatus.OK
        assert (execution.decide("Open"), execution.decide("Approved")) == (True, False)
        challenge = phone.fetch(phone.pending()[0].guid)
    phone.answer(challenge, 1)
    assert execution.call("Look") == HTTPStatus.OK
    assert (execution.decide("Open"), execution.decide("Approved")) == (False, False)
    assert execution.call("Use") == HTTPStatus.CONFLICT


def test_other_arguments_cannot_use_the_approval(phone, execution):
    phone.answer(phone.fetch(phone.pending()[0].guid))
    execution.items["Arguments"]["path"] = "/srv"

    assert execution.call("Use") == HTTPStatus.CONFLICT
