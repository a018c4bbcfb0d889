"""What decides does no I/O: every test of the core runs decisions where none is possible."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sandbox import Effect, deciding_functions, decision_names, isolated

from counterseal._audit_context import AuditContext
from counterseal._plan import Decision
from counterseal._transaction import Transactions

CONTEXT = AuditContext(event="company.rename", actor="staff")
EFFECTS = {
    "written program": lambda: Path(__file__).with_suffix(".py").open("a").close(),
    "file": lambda: (Path(__file__).parents[3] / "README.md").read_text("utf-8"),
    "socket": lambda: socket.socket().close(),
    "name": lambda: socket.getaddrinfo("localhost", 1),
    "process": lambda: subprocess.run([sys.executable, "--version"], check=True),
    "thread": lambda: threading.Thread(target=print).start(),
}


@pytest.mark.parametrize("effect", EFFECTS.values(), ids=EFFECTS)
def test_a_decision_with_an_effect_is_found(service, effect):
    async def decide(tools):
        return Decision(result=effect())

    with pytest.raises(Effect):
        Transactions(service.ports, service.policy).act(CONTEXT, decide)


@pytest.mark.parametrize("effect", EFFECTS.values(), ids=EFFECTS)
def test_what_does_not_decide_may_have_effects(effect):
    with isolated(), isolated(on=False):
        effect()


def test_what_was_decided_is_noted(service):
    service.bind("alice")
    service.ask("alice", "Pay?")
    assert any(name.startswith("challenges.decisions.issuing.") for name in decision_names)


def test_there_are_deciding_functions():
    decisions = {f"approvals.decisions.{name}" for name in ("consume", "expire")}
    assert decisions | {"challenges.decisions.answers.respond"} <= deciding_functions()
