"""`mutations.excused` excuses little: a text for the log, and the case of a codec's name."""

import importlib.util
import inspect
import itertools
import json
import pkgutil
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("mutations", HERE / "mutations.py")
mutations = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(mutations)


def excused(before, after):
    lines = "def act(field, limit, seen):\n    {}\n"
    change = mutations.Change("counterseal.act", "")
    return mutations.excused(
        mutations.Mutant("x_act__mutmut_1", 0, change, lines.format(before), lines.format(after))
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('raise WrongState("not now")', 'raise WrongState("XXnot nowXX")'),
        ('raise WrongState("not now")', "raise WrongState(None)"),
        ('raise WrongState("not now")', "raise WrongState()"),
        ('raise WrongState("now", detail=seen)', "raise WrongState(detail=seen)"),
        ('raise WrongState(f"past {limit}")', "raise WrongState(None)"),
        ("raise WrongState(seen.state.value)", "raise WrongState(None)"),
        ('raise InvalidField(field, "empty")', 'raise InvalidField(field, "EMPTY")'),
        ('raise InvalidField("keys", f"over {limit}")', 'raise InvalidField("keys", None)'),
        ('_require(seen, "chain")', '_require(seen, "CHAIN")'),
        ('return seen.decode("ascii")', 'return seen.decode("ASCII")'),
    ],
)
def test_a_text_or_the_case_of_a_codec_is_excused(before, after):
    assert excused(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('raise WrongState("not now")', 'raise WrongKey("not now")'),
        ('raise InvalidField("keys", "empty")', 'raise InvalidField("XXkeysXX", "empty")'),
        ('raise InvalidField("keys", "empty")', 'raise InvalidField(None, "empty")'),
        ('raise WrongState("now", detail=seen)', 'raise WrongState("now")'),
        ('raise InvalidField(field, "empty")', 'raise InvalidField("empty")'),
        ('raise TooOften("pending", 1)', 'raise TooOften("PENDING", 1)'),
        ("raise CodeDemanded(seen)", "raise CodeDemanded(None)"),
        ("raise InvalidField(seen.field, text)", "raise InvalidField(None, text)"),
        ('raise ValueError("text")', 'raise ValueError("TEXT")'),
        ("raise WrongCode(max(0, limit))", "raise WrongCode(max(1, limit))"),
        ('_require(seen, "chain")', '_require(None, "chain")'),
        ('_require(seen > 1, "chain")', '_require(seen >= 1, "chain")'),
        ('return seen.decode("ascii")', "return seen.decode(None)"),
        ('return seen.decode("ascii")', 'return seen.decode("XXasciiXX")'),
        ('return seen.find("ascii")', 'return seen.find("ASCII")'),
        ('return {"text": seen}', 'return {"TEXT": seen}'),
        ("return limit + 1", "return limit - 1"),
        (
            'if seen:\n        raise WrongState("now")',
            'if not seen:\n        raise WrongState("NOW")',
        ),
    ],
)
def test_nothing_else_is(before, after):
    assert not excused(before, after)


def test_the_list_is_read_with_a_reason_for_each_change():
    listed = mutations.accepted(HERE / "accepted.toml")
    assert listed
    for change, why in listed.items():
        assert change.function.startswith("counterseal.")
        assert change.diff.startswith("- ")
        assert why.strip()


def test_a_change_is_not_listed_twice(tmp_path):
    table = "[[alive]]\nfunction = 'f'\nwhy = 'w'\ndiff = '''\n- a\n+ b\n'''\n"
    path = tmp_path / "accepted.toml"
    path.write_text(table, "utf-8")
    assert mutations.accepted(path) == {mutations.Change("f", "- a\n+ b"): "w"}
    path.write_text(table * 2, "utf-8")
    with pytest.raises(AssertionError, match="listed twice"):
        mutations.accepted(path)


def test_what_mutmut_left_is_read_without_its_numbers(tmp_path):
    module = tmp_path / "mutants" / "src" / "counterseal" / "room.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "def x_act__mutmut_orig(n):\n    return n + 1\n"
        "def x_act__mutmut_1(n):\n    return n - 1\n"
        "class Room:\n"
        "    def xǁRoomǁ_open__mutmut_orig(self):\n        return True\n"
        "    def xǁRoomǁ_open__mutmut_1(self):\n        return False\n",
        "utf-8",
    )
    names = ["counterseal.room.x_act__mutmut_1", "counterseal.room.xǁRoomǁ_open__mutmut_1"]
    meta = {"exit_code_by_key": {names[0]: 0, names[1]: 1}}
    module.with_name("room.py.meta").write_text(json.dumps(meta), "utf-8")
    first, second = mutations.mutants(tmp_path, [])
    assert (first.name, first.code, second.name, second.code) == (names[0], 0, names[1], 1)
    assert first.change == mutations.Change(
        "counterseal.room.act", "- return n + 1\n+ return n - 1"
    )
    assert second.change == mutations.Change(
        "counterseal.room.Room._open", "- return True\n+ return False"
    )
    assert mutations.mutants(tmp_path, ["*act*"]) == [first]


def test_a_pattern_restricts_which_modules_are_changed():
    paths = [
        "src/counterseal/invariants.py",
        "src/counterseal/challenges/rules/__init__.py",
        "src/counterseal/challenges/rules/question_limits.py",
        "src/counterseal/challenges/rules/question_limits_again.py",
    ]
    modules_of = mutations.named_modules
    assert modules_of(paths, ["counterseal.challenges.rules.question_limits.*"]) == [paths[2]]
    assert modules_of(paths, ["counterseal.challenges.rules.question_limits.x_act__mutmut_1"]) == [
        paths[2]
    ]
    assert modules_of(paths, ["counterseal.challenges.rules.*", "counterseal.keys.*"]) == paths[1:]
    assert modules_of(paths, ["*in_force*"]) == paths
    assert modules_of(paths, ["counterseal.inv?riants.*"]) == [paths[0]]
    assert modules_of(paths, ["counterseal.shop.*"]) == []


def test_a_matrix_has_the_first_the_last_and_one_between_of_each_function():
    names = [f"counterseal.slots.x_{name}__mutmut_{n}" for name in "ab" for n in range(1, 12)]
    chosen = mutations.few_of_each([*names, "counterseal.slots.x_c__mutmut_1"])
    assert {name.removeprefix("counterseal.slots.x_") for name in chosen} == {
        f"{name}__mutmut_{n}" for name, n in itertools.product("ab", (1, 6, 11))
    } | {"c__mutmut_1"}


def test_a_matrix_counts_what_a_test_notices_and_what_it_alone_does():
    reports = ["0 t.py::a[1]\n1 t.py::a[2]\n0 t.py::b\n", "1 t.py::a[1]\n1 t.py::c\n", ""]
    matrix = mutations.matrix_of(reports)
    assert matrix.noticed == {"t.py::a": 2, "t.py::b": 0, "t.py::c": 1}
    assert matrix.alone == {"t.py::a": 1}


def test_lists_of_the_settings_are_restricted():
    settings = '[tool.mutmut]\nonly = [\n    "a/[b]*",\n]\nother = [\n    "c",\n]\nn = 1\n'
    assert tomllib.loads(mutations.restricted(settings, {"only": ["d", "\\e"]})) == {
        "tool": {"mutmut": {"only": ["d", "\\e"], "other": ["c"], "n": 1}}
    }
    with pytest.raises(AssertionError, match="none"):
        mutations.restricted(settings, {"none": []})


def test_caches_go_and_properties_are_made_below():
    source = (
        "class Room:\n"
        "    @property\n"
        "    def size(self):\n"
        "        return 1\n"
        "\n"
        "@lru_cache(maxsize=8)\n"
        "def load(text):\n"
        "    return text\n"
        "\n"
        "@attrs.frozen\n"
        "class Key:\n"
        "    @classmethod\n"
        "    def made(cls):\n"
        "        return cls()\n"
    )
    assert mutations.undecorated(source) == (
        "class Room:\n"
        "    def size(self):\n"
        "        return 1\n"
        "    size = property(size)\n"
        "\n"
        "def load(text):\n"
        "    return text\n"
        "\n"
        "@attrs.frozen\n"
        "class Key:\n"
        "    @classmethod\n"
        "    def made(cls):\n"
        "        return cls()\n"
    )


def test_each_line_that_is_listed_stands_in_its_function():
    for change in mutations.accepted(HERE / "accepted.toml"):
        function = inspect.unwrap(pkgutil.resolve_name(change.function))
        lines = [f"- {line.strip()}" for line in inspect.getsource(function).splitlines()]
        old_lines = [line for line in change.diff.splitlines() if line.startswith("- ")]
        assert set(old_lines) <= set(lines), change
