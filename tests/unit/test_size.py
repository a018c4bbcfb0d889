"""The core stays small: it has few modules, and each is neither a scrap nor a heap."""

from pathlib import Path

import pytest

import counterseal

pytestmark = pytest.mark.one_python

CORE = Path(counterseal.__file__).parent
MODULES = {
    path.relative_to(CORE).as_posix(): len(path.read_text("utf-8").splitlines())
    for path in CORE.rglob("*.py")
    if path.relative_to(CORE).parts[0] != "testing"
}
"""The lines of each module of the core; the conformance kit is not counted."""

FILES = 175
LINES = 36_200
ROOM = 100
"""
What the core may grow to: its size now, rounded up to the next hundred.

The goal is 16,000, and it is not reached. Lower this number whenever the core shrinks.

It grew by the documents that origins and devices read, which three adapters wrote and read before,
by the verifier of webhooks, which two adapters had, by the asynchronous wait, and by 200 lines for
`ensure_tenancy`, which every embedding program would write for itself; then by 800 for passkeys as
strong keys: an assertion's reader, its refusals, where an App Space uses them, and their receipts;
then by 130 for the port that verifies registrations, with its clauses, records and refusals;
then by 900 for ceremonies, in which browsers register and use passkeys for an origin: two charts,
their records, rules, decisions and use case;
then by 3,200 for the devices' life: the documents of ceremonies, new devices and how they are
confirmed, log-ins that replace a device, a device's own history and what it says of itself, colours
and logos of App Spaces, ML-DSA-44, and the replaceable parts of a device in software;
then by 6,500 for what support staff and origins need: sessions and log-ins of administrators who
are persons, policies of App Spaces and origins, events of accounts with their log, the chain of the
audit log with search and counts, reasons of refusals with reactions, the search of accounts, and
requests to one device with their context;
then by 110 for the names that the audit log's readers see in place of GUIDs;
then by 370 for test log-ins at Identity Providers;
then by 190 for gauges, which commits keep and administrators read;
then by 10 for a list of queued callbacks whose cost has a bound;
then by 90 for trace contexts, which callbacks carry from the request that led to them;
then by 60 for the reader of actions in display documents;
then by 1,460 for actions: their record, their documents and digest, and their types, of which each
checks and renders what a person approves;
then by 700 for CIBA: clients, their requests, polls and pings, and tokens that are issued once;
then by 1,290 for what an approval allows: the approved action and its one use, with a chart, rules,
decisions, a receipt and five settings;
then by 300 for the documents of uses;
then by 50 for the factors that receipts state;
then by 600 for the authentication channel of Keycloak: realms, their requests, and callbacks that
are sent at most once;
then by 60 for reminders of actions;
then by 50 for dead callbacks since a time, and for the request's id in problems;
then by 40 for generations of access tokens;
then by 60 for origins that only ask: their role, and the check of each call,
and by 50 for their earlier invitations, and for rows with the labels of claims;
then by 20 for approvals that were withdrawn before their tokens were issued;
then by 50 for the name of the App Space before an origin's text in a push;
then by 300 for questions in HTML, which devices read as lines of text.
"""

LONG = {
    "errors.py": "the errors, one class each",
    "machines.py": "the machines, one chart each, and `step`, which alone moves them",
    "policy.py": "the policy, every setting with its reason, its span and its direction",
    "ports.py": "the ports, one protocol each, with their clauses",
}
"""Modules that may be longer than others, and why."""


def misfits(modules):
    """Return the modules that are too short, or too long without a reason."""
    return {
        name: lines
        for name, lines in modules.items()
        if (lines < 50 and not name.endswith("__init__.py")) or (lines > 450 and name not in LONG)
    }


def test_the_core_has_few_files():
    assert len(MODULES) <= FILES


def test_the_core_does_not_grow_unnoticed():
    total = sum(MODULES.values())
    assert LINES - ROOM < total <= LINES, f"{total} lines: lower LINES, or say why it grows"


def test_every_module_is_of_a_fitting_size():
    assert misfits(MODULES) == {}


@pytest.mark.parametrize("name", LONG)
def test_every_long_module_is_long(name):
    assert MODULES[name] > 450


@pytest.mark.parametrize(
    ("name", "lines", "fits"),
    [
        ("rules/asking.py", 49, False),
        ("rules/asking.py", 50, True),
        ("rules/asking.py", 450, True),
        ("rules/asking.py", 451, False),
        ("rules/__init__.py", 1, True),
        ("rules/__init__.py", 451, False),
        ("ports.py", 451, True),
        ("ports.py", 49, False),
    ],
)
def test_a_misfit_is_found(name, lines, fits):
    assert (misfits({name: lines}) == {}) is fits
