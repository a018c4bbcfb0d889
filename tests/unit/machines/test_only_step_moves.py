"""
Nothing but `step` changes a state: a look at the source of everything outside the machines.

Wherever something is given a `state`, by keyword or as an argument of that name, the value has
to be what `step` returned there, or a chart's `initial`. The places that are excused stand below.
It is a lint, not a proof: a state smuggled in by `**members` would pass it.
"""

import ast
from functools import cache
from pathlib import Path

import pytest
from folders import kind_of, module_at
from trees import tree_of

import counterseal

pytestmark = pytest.mark.one_python

ROOT = Path(counterseal.__file__).parent
LEFT_OUT = ("machines.py", "models")
"""Where states are declared."""

EXCUSED = {
    # The roster repeats the binding's state in the account.
    ("bindings/decisions/bindings.py", "binding.state"),
    # What is told, and never stored: EXPIRED from the deadline on.
    ("approvals/decisions.py", "stored.challenge.state_at(tools.now)"),
    ("approvals/decisions.py", "action.state_at(tools.now)"),
    ("challenges/decisions/answers.py", "challenge.state_at(now)"),
    ("challenges/decisions/challenges.py", "challenge.state_at(tools.now)"),
    ("ciba/decisions/backchannel.py", "state"),
    # What a receipt says.
    ("challenges/documents/receipt.py", "state"),
    # `Sessions.authenticate` takes a cookie first, and `Logins.authenticate` OAuth's state.
    ("operators/usecases/admin_logins.py", "cookie"),
    ("operators/usecases/device_logins.py", "cookie"),
    # What documents say, and what is read from them.
    ("bindings/documents/device.py", "binding.state"),
    ("bindings/documents/device.py", "challenge.state"),
    ("bindings/documents/device.py", "challenge.state_at(now)"),
    ("challenges/documents/messages.py", "_state(members)"),
    ("approvals/documents.py", "use.choice('state', UseState)"),
    ("approvals/documents.py", "use.state"),
    ("accounts/documents.py", "None if name is None else members.choice(name, BindingState)"),
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OTHER_STATES = {"authorization_url"}
"""OAuth calls a parameter `state`."""


@cache
def sources():
    return {
        str(path.relative_to(ROOT)): tree_of(path.read_text("utf-8"))
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] not in LEFT_OUT
        and kind_of(module_at(path)) not in {"chart", "records"}
    }


def name_of(call):
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def takers(trees):
    """Where each function that has a parameter `state` has it; None is by keyword only."""
    functions = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS):
                positional = [argument.arg for argument in node.args.args if argument.arg != "self"]
                if "state" in positional:
                    functions[node.name] = positional.index("state")
                elif "state" in [argument.arg for argument in node.args.kwonlyargs]:
                    functions[node.name] = None
    return functions


def arguments_of(call, positions):
    """The values that *call* gives as a state."""
    values = [keyword.value for keyword in call.keywords if keyword.arg == "state"]
    position = positions.get(name_of(call))
    if position is not None and len(call.args) > position:
        values.append(call.args[position])
    return [] if name_of(call) in OTHER_STATES else values


def is_step(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "step"


def is_initial(node):
    """Whether it is the `initial` of a chart, such as `CALLBACK` or `CHARTS["callback"]`."""
    if not isinstance(node, ast.Attribute) or node.attr != "initial":
        return False
    chart = node.value
    if isinstance(chart, ast.Subscript):
        return ast.unparse(chart.value) == "CHARTS"
    return chart.id.isupper()


def is_decided(name, functions):
    """Whether the innermost function that knows *name* has it from `step`, or as its parameter."""
    for function in reversed(functions):
        origins = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id == name
        ]
        if origins:
            return all(map(is_step, origins))
        arguments = function.args.args + function.args.kwonlyargs
        if name in [argument.arg for argument in arguments]:
            # Its callers are looked at in turn.
            return name == "state"
    return False


def undecided(file, tree, positions):
    """The places of one file where a state comes from elsewhere than `step`."""
    locations = []

    def visit(node, functions):
        inner = [*functions, node] if isinstance(node, FUNCTIONS) else functions
        if isinstance(node, ast.Call):
            for value in arguments_of(node, positions):
                text = ast.unparse(value)
                fine = is_step(value) or is_initial(value) or (file, text) in EXCUSED
                if not fine and not (isinstance(value, ast.Name) and is_decided(value.id, inner)):
                    locations.append(f"{file}:{node.lineno}: state={text}")
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            locations.extend(
                f"{file}:{node.lineno}: {ast.unparse(target)} is assigned"
                for target in targets
                if isinstance(target, ast.Attribute) and target.attr == "state"
            )
        for child in ast.iter_child_nodes(node):
            visit(child, inner)

    visit(tree, [])
    return locations


def found_in(trees):
    positions = takers(trees)
    return [
        location for file, tree in trees.items() for location in undecided(file, tree, positions)
    ]


def test_every_state_comes_from_step_or_is_a_charts_initial():
    assert found_in(sources()) == []


def test_there_is_something_to_look_at():
    trees = sources()
    positions = takers(trees)
    calls = [
        node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Call)
    ]
    assert sum(len(arguments_of(call, positions)) for call in calls) > 20
    assert sum(map(is_step, calls)) > 10
    assert {"end_binding", "end_challenge", "_reject"} <= positions.keys()


def test_the_excuses_are_all_needed():
    trees = sources()
    positions = takers(trees)
    used = {
        (file, ast.unparse(value))
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for value in arguments_of(node, positions)
    }
    assert used >= EXCUSED


def test_it_finds_what_it_is_there_to_find():
    known_positions = takers(sources())
    for line in (
        "attrs.evolve(held, state=ChallengeState.ANSWERED)",
        "attrs.evolve(held, state=held.state)",
        "attrs.evolve(held, state=guess)",
        "attrs.evolve(held, state=STATES['challenge'].initial)",
        "end_challenge(tools, held, history, ChallengeState.EXPIRED, outcome)",
        "end_binding(binding, BindingState.REVOKED, now)",
        "held.state = state",
    ):
        source = f"def act(held, guess, binding, now):\n    {line}\n"
        tree = ast.parse(source)
        positions = known_positions | takers({"planted.py": tree})
        assert len(undecided("planted.py", tree, positions)) == 1, line
    trees = {
        "moved.py": ast.parse(
            "def act(held, facts):\n"
            "    state = step(CHALLENGE, held.state, EVENT, facts)\n"
            "    state = ChallengeState.EXPIRED\n"
            "    return attrs.evolve(held, state=state)\n"
        )
    }
    assert found_in(trees) == ["moved.py:4: state=state"]
