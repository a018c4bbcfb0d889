"""
Each public verb of a use case names one decision, so that a reader gets from the one to the other.

It is read from the source: what the verb hands to `act`, `transact`, `sweep` or a private method of
its class; if that is nothing, what the private methods hand on that it calls.
"""

import ast
import inspect
from functools import cache

import pytest
from folders import FOLDERS, SOURCE, deciding_modules, modules_of
from folders import is_decision as is_name_of_decision
from trees import tree_of

from counterseal._stub import read_stub
from counterseal._transaction import UseCase

pytestmark = pytest.mark.one_python

OUTSIDE = "between two decisions it asks a port that may wait or that must not be asked twice"
REPEATED = "a repeated call with an idempotency key reads what the first one made"
EACH = "each of several records is committed by itself"
SEVERAL = {
    "Callbacks.attempt": OUTSIDE,
    "Callbacks.requeue_all": EACH,
    "Ceremonies.register": OUTSIDE,
    "Challenges.issue": REPEATED,
    "Events.publish": EACH,
    "Invitations.invite": REPEATED,
    "LoginTests.begin": OUTSIDE,
    "Logins.authenticate": OUTSIDE,
    "Logins.log_out": EACH,
    "Logins.redirect": OUTSIDE,
    "Notifications.attempt": OUTSIDE,
    "Notifications.test": OUTSIDE,
}
"""The verbs that name several decisions, and why."""

ADMITS = "it authenticates a caller, and changes nothing else"
ANOTHER = "it calls verbs of other use cases, or of its own"
CHAIN = "it is about the log and its signed heads, which no decision changes"
LISTS = "it lists or waits for what is due, and a decision reads it again"
READS = "it reads, of the operator alone"
RULES = "it reads nothing: its arguments and the ports tell"
SEALED = "it seals or opens what a browser keeps"
NONE = {
    "Accounts.finds_parts": RULES,
    "AdminLogins.confirm_key": ANOTHER,
    "AdminLogins.invite_device": ANOTHER,
    "AdminLogins.list_keys": ANOTHER,
    "AdminLogins.log_in": ANOTHER,
    "AdminLogins.register": ANOTHER,
    "AdminLogins.revoke_key": ANOTHER,
    "AdminLogins.start_passkey": ANOTHER,
    "AdminLogins.start_registration": ANOTHER,
    "AdminLogins.step_up": ANOTHER,
    "AuditChain.archive": CHAIN,
    "AuditChain.chain": CHAIN,
    "AuditChain.renew": CHAIN,
    "AuditChain.require_head": CHAIN,
    "AuditChain.sign": CHAIN,
    "AuditChain.signed_head": CHAIN,
    "AuditChain.verify": CHAIN,
    "Authentication.authenticate": ADMITS,
    "Authentication.authenticate_admin": ADMITS,
    "AuthenticationChannel.ask": ANOTHER,
    "AuthenticationChannel.authenticate": ANOTHER,
    "Backchannel.accept_request": ADMITS,
    "Backchannel.authenticate": ANOTHER,
    "Backchannel.begin": ANOTHER,
    "Callbacks.choose": LISTS,
    "Callbacks.due": LISTS,
    "Callbacks.find_due": LISTS,
    "Callbacks.list_all_dead": ANOTHER,
    "AuditLog.is_undelivered": READS,
    "Callbacks.requeue_time": LISTS,
    "Callbacks.slots_of_each": LISTS,
    "Callbacks.wait": LISTS,
    "DeviceLogins.answer": ANOTHER,
    "DeviceLogins.ask_to_log_in": ANOTHER,
    "DeviceLogins.ask_to_step_up": ANOTHER,
    "DeviceLogins.log_in_by_device": ANOTHER,
    "DeviceLogins.remember_browser": SEALED,
    "DeviceLogins.remembered": SEALED,
    "DeviceLogins.step_up_answer": ANOTHER,
    "DeviceLogins.step_up_by_device": ANOTHER,
    "Devices.authenticate": ADMITS,
    "Devices.status": ADMITS,
    "Events.publish_due": ANOTHER,
    "Gauges.totals": READS,
    "Invitations.refusal_for": RULES,
    "Notifications.due": LISTS,
    "Notifications.find_next": LISTS,
    "Notifications.wait": LISTS,
    "Telemetry.record": ADMITS,
}
"""The verbs that name none, and why."""


def is_decision(function):
    """Whether it returns a decision; a coroutine that does so returns it when it has ended."""
    return inspect.isfunction(function) and "Decision" in str(
        function.__annotations__.get("return")
    )


DECISIONS = {
    f"{module.__name__}.{name}"
    for module in deciding_modules()
    for name, function in vars(module).items()
    if is_decision(function) and function.__module__ == module.__name__
}


@cache
def use_cases():
    """Return the classes of the use cases, by name."""
    return {
        name: value
        for module in modules_of("usecases")
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, UseCase) and value is not UseCase
    }


def imported_decisions(tree):
    """Return the full name of each module of decisions, and function, that *tree* imports."""
    aliases = [
        (f"{node.module}.{alias.name}", alias.asname or alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    imported = {
        local: name
        for name, local in aliases
        if is_name_of_decision(name.removeprefix("counterseal."))
    }
    # A folder names functions that load their module when they are first called.
    for name, local in aliases:
        if name.removeprefix("counterseal.") in FOLDERS:
            stub = SOURCE / name.removeprefix("counterseal.") / "__init__.py"
            for function, module in read_stub(str(stub)).items():
                imported[f"{local}.{function}"] = f"{name}{module}.{function}"
    return imported


def named_decisions(method, imported):
    """Return the decisions that are arguments of calls in *method*; of several in one, the last."""
    names = set()
    for call in ast.walk(method):
        if not isinstance(call, ast.Call):
            continue
        decisions = []
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            text = ast.unparse(argument)
            module, _, function = text.rpartition(".")
            name = imported.get(text, f"{imported.get(module)}.{function}")
            decisions += [name] if name in DECISIONS else []
        # Those before it demand a permission, and call it.
        names |= {*decisions[-1:]}
    return names


def called_methods(method, methods):
    """Return the private methods that *method* calls or hands on, and those that they do."""
    names, remaining = set(), [method]
    while remaining:
        for node in ast.walk(remaining.pop()):
            name = node.attr if isinstance(node, ast.Attribute) else ""
            if name.startswith("_") and name in methods and name not in names:
                names.add(name)
                remaining.append(methods[name])
    return names


@cache
def decisions_of_verbs():
    """Return the decisions that each public verb names."""
    decisions = {}
    for module in modules_of("usecases"):
        tree = tree_of(inspect.getsource(module))
        imported = imported_decisions(tree)
        for use_case in tree.body:
            if not isinstance(use_case, ast.ClassDef) or use_case.name not in use_cases():
                continue
            methods = {
                node.name: node for node in use_case.body if isinstance(node, ast.FunctionDef)
            }
            for name, method in methods.items():
                if name.startswith("_"):
                    continue
                decisions[f"{use_case.name}.{name}"] = named_decisions(method, imported) or {
                    decision
                    for private in called_methods(method, methods)
                    for decision in named_decisions(methods[private], imported)
                }
    return decisions


def test_each_public_verb_names_one_decision():
    decisions = decisions_of_verbs()
    counts = {verb: len(names) for verb, names in decisions.items()}
    assert {verb for verb, count in counts.items() if count > 1} == set(SEVERAL)
    assert {verb for verb, count in counts.items() if count == 0} == set(NONE)
    # Else the names of decisions are no longer recognised.
    assert sum(count == 1 for count in counts.values()) > len(SEVERAL | NONE)


@pytest.mark.parametrize(
    ("verb", "decision"),
    [
        ("Actions.consume", "approvals.decisions.consume"),
        ("Answers.disown", "challenges.decisions.answers.respond"),
        ("Accounts.lock", "accounts.decisions.accounts.lock"),
        ("Devices.suspend", "bindings.decisions.devices.suspend_or_resume"),
        ("Ceremonies.expire", "ceremonies.decisions.ceremonies.expire"),
    ],
)
def test_it_is_found_wherever_it_is_named(verb, decision):
    """In `transact`, behind a private method, as its argument, and in a sweep."""
    assert decisions_of_verbs()[verb] == {f"counterseal.{decision}"}


def test_no_verb_makes_a_use_case():
    """One that it needs is a member, which `with_same_ports` makes with its holder."""
    calls = [
        f"{module.__name__}: {ast.unparse(node)}"
        for module in modules_of("usecases")
        for node in ast.walk(tree_of(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in use_cases()
    ]
    assert calls == []
