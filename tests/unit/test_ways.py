"""
How far a call goes through the core, and how much of it an embedder loads.

The last row of the table in CONTRIBUTING.md is the limit of both; a change that shortens a way or
loads less adds a row.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ways import drives, measure, trace

import counterseal as cs
from counterseal.device import SoftwareDevice
from counterseal.memory import memory_ports

pytestmark = pytest.mark.one_python

PAGE = Path(__file__).parents[2] / ".github" / "CONTRIBUTING.md"
PIN = "1379"
ARGUMENTS = {"to": "zoe@example.com", "copies": 2}
FLOW = """
import json, sys
import counterseal as cs
from counterseal.device import SoftwareDevice
from counterseal.memory import memory_ports
ports, policy = memory_ports(), cs.STANDARD
admin = cs.Administration(ports, policy, by=cs.OPERATOR)
space = admin.create_app_space(admin.create_company("Example").guid, "Example Bank")
shop = admin.relying_party(admin.create_origin(space.guid, "Web shop").guid)
token = cs.Invitations(ports, policy).invite(shop, "user-42").token
phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin="1379")
enrolment = phone.enrolment(token, space.guid, pin="1379")
phone.complete_binding(cs.Enrolments(ports, policy).complete(enrolment))
question = cs.read_question({"accountId": "user-42", "content": "Pay?"})
challenge = cs.Challenges(ports, policy).issue(shop, question).challenge
answer = phone.answer(challenge.display, 0, pin="1379")
call = phone.signed_call("POST", "https://auth.example.com/answer", answer.encode())
assert cs.Answers(ports, policy).answer(call).approved
files = {
    name: module.__file__
    for name, module in sys.modules.items()
    if name.partition(".")[0] == "counterseal" and getattr(module, "__file__", None)
}
print(json.dumps(files))
"""


def limits():
    """Return the figures of the table's last row."""
    _, _, text = PAGE.read_text("utf-8").partition("\n## How far a call goes\n")
    rows = re.findall(r"^\|(.*)\|$", text.partition("\n## ")[0], re.MULTILINE)
    return [int(cell.replace(",", "")) for cell in rows[-1].split("|")[1:]]


class World:
    """A shop, a phone and what they call; the same use cases serve every call."""

    def __init__(self):
        ports, policy = memory_ports(), cs.STANDARD
        admin = cs.Administration(ports, policy, by=cs.OPERATOR)
        space = admin.create_app_space(admin.create_company("Example").guid, "Example Bank")
        self.shop = admin.relying_party(admin.create_origin(space.guid, "Web shop").guid)
        token = cs.Invitations(ports, policy).invite(self.shop, "user-42").token
        self.phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN)
        enrolment = self.phone.enrolment(token, space.guid, pin=PIN)
        self.phone.complete_binding(cs.Enrolments(ports, policy).complete(enrolment))
        self.challenges, self.answers = cs.Challenges(ports, policy), cs.Answers(ports, policy)
        self.actions = cs.Actions(ports, policy)

    def ask(self, **members):
        """Return a new challenge, and the call that answers it."""
        question = cs.read_question({"accountId": "user-42", **members})
        issued = self.challenges.issue(self.shop, question)
        text = self.phone.answer(issued.challenge.display, 0, pin=PIN, code=issued.code)
        call = self.phone.signed_call("POST", "https://auth.example.com/answer", text.encode())
        return issued.challenge.guid, call

    def prepare_answer(self):
        _, call = self.ask(content="Pay 10 EUR to Zoë?", showCode=True)
        return lambda: self.answers.answer(call)

    def prepare_use(self):
        action = {"type": "tool-call", "resource": "send_email", "arguments": ARGUMENTS}
        guid, call = self.ask(action=action)
        self.answers.answer(call)
        return lambda: self.actions.consume(self.shop, guid, ARGUMENTS)


def measured_ways():
    """Return the stays and returns of an answer and of a use, each made once before."""
    world = World()
    figures = []
    for prepare in (world.prepare_answer, world.prepare_use):
        prepare()()
        way = measure(trace(prepare()))
        figures += [way.stays, way.returns]
    return figures


def measured_load():
    """Return how many modules, and lines, "bind, challenge, answer" loads but for the device's."""
    program = [sys.executable, "-c", FLOW]
    output = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    files = {
        name: Path(path)
        for name, path in json.loads(output).items()
        if not name.startswith("counterseal.device")
    }
    return [len(files), sum(len(path.read_text("utf-8").splitlines()) for path in files.values())]


def test_no_way_is_longer_and_nothing_more_is_loaded_than_the_page_says():
    *ways, modules, lines = limits()
    assert measured_ways() == ways
    measured_modules, measured_lines = measured_load()
    assert (measured_modules, measured_lines <= lines) == (modules, True), measured_lines


def test_the_last_row_says_no_more_than_it_has_to():
    *_, lines = limits()
    assert lines - measured_load()[1] < 500


@pytest.mark.parametrize("name", ["challenges.decisions.answers", "approvals.decisions"])
def test_a_module_of_decisions_drives_and_a_type_does_not(name):
    assert drives(name)
    assert not drives("_plan")
    assert not drives("challenges.records")
