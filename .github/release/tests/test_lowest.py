"""The lowest release that passes, found on an index that is not asked."""

import math
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from release.lowest import IndexOfPip, SuiteOfUsers, find_lowest, lowest_passing, users
from release.packages import Package, python_packages


class FakeIndex:
    def releases(self, name):
        return {"lib": [Version(text) for text in ("2.10", "2.9", "1.0", "2.0")]}.get(name, [])


class FakeSuite:
    def __init__(self, lowest):
        self.lowest = Version(lowest)

    def passes(self, name, version):
        return name == "lib" and version >= self.lowest


@pytest.mark.parametrize(
    ("lowest", "expected"),
    [("0.1", "1.0"), ("1.0", "1.0"), ("1.5", "2.0"), ("2.1", "2.9"), ("2.10", "2.10")],
)
def test_the_lowest_release_that_passes_is_found_and_each_trial_is_said(lowest, expected):
    lines = []
    assert find_lowest("lib", FakeIndex(), FakeSuite(lowest), lines.append) == Version(expected)
    assert lines[0] == "lib 2.10: passes"
    assert expected == "2.10" or f"lib {expected}: passes" in lines
    assert len(lines) == len({*lines})


def test_a_package_whose_newest_release_fails_or_that_has_none_has_no_lowest():
    lines = []
    assert find_lowest("lib", FakeIndex(), FakeSuite("3"), lines.append) is None
    assert lines == ["lib 2.10: fails"]
    assert find_lowest("other", FakeIndex(), FakeSuite("1"), lines.append) is None


@given(st.sets(st.integers(0, 500), min_size=1), st.integers(0, 500))
def test_it_is_what_trying_all_would_find_with_a_trial_for_each_halving(numbers, lowest):
    releases = [Version(f"1.{number}") for number in numbers]
    tried = []

    def passes(version):
        tried.append(version)
        return version.minor >= lowest

    expected = min((version for version in releases if version.minor >= lowest), default=None)
    assert lowest_passing(releases, passes) == expected
    assert len(tried) == len({*tried}) <= 1 + math.ceil(math.log2(len(releases)))


def test_the_users_of_a_dependency_are_those_that_ask_for_it_also_in_an_extra():
    asking = dict.fromkeys(package.name for package, _ in users("SQLAlchemy", python_packages()))
    assert set(asking) == {"counterseal-server", "counterseal-sql"}
    assert users("not-a-package", python_packages()) == []


def answers(monkeypatch, *replies):
    """Let programs end with *replies*, and return the list of their commands."""
    commands, remaining = [], list(replies)

    def run(command, **_):
        commands.append([str(word) for word in command])
        return remaining.pop(0)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_pip_is_asked_and_final_releases_are_read(monkeypatch):
    text = "lib (2.0)\nAvailable versions: 2.0, 2.0rc1, 1.9.post1, old-style, 1.0\n"
    commands = answers(monkeypatch, SimpleNamespace(stdout=text, stderr="", returncode=0))
    releases = IndexOfPip().releases("lib")
    assert [str(version) for version in releases] == ["2.0", "1.9.post1", "1.0"]
    assert commands == [["uvx", "pip", "index", "versions", "lib"]]


def test_a_name_that_the_index_does_not_have_is_an_error(monkeypatch):
    answers(monkeypatch, SimpleNamespace(stdout="", stderr="no match", returncode=1))
    with pytest.raises(LookupError, match=r"^lib: no match$"):
        IndexOfPip().releases("lib")


def package(name, *requirements):
    return Package(Path("adapters") / name, {"name": name, "dependencies": [*requirements]}, {})


PASSED, FAILED = SimpleNamespace(returncode=0), SimpleNamespace(returncode=1)
CHECKED = SimpleNamespace(returncode=0, stderr="Checked 9 packages in 1ms")


def conflict(package, requirement):
    """Give what `uv pip check` says where an installed package needs another release."""
    text = f"The package `{package}` requires `{requirement}`, but `1.5` is installed\n"
    return SimpleNamespace(returncode=1, stderr=f"Checked 9 packages in 1ms\n{text}")


@pytest.mark.parametrize(
    ("replies", "passes"),
    [
        ([PASSED, PASSED, CHECKED, PASSED], True),
        ([PASSED, PASSED, conflict("counterseal-two", "lib>=2"), PASSED], True),
        ([PASSED, PASSED, conflict("stranger", "other>=2"), PASSED], True),
        ([PASSED, PASSED, CHECKED, FAILED], False),
        ([PASSED, PASSED, conflict("stranger", "Lib>=2 ; python_version > '3'")], False),
        ([PASSED, FAILED], False),
        ([FAILED], False),
    ],
)
def test_a_release_passes_if_it_fits_what_others_need_and_its_users_tests_pass(
    monkeypatch, tmp_path, replies, passes
):
    commands = answers(monkeypatch, *replies)
    packages = [package("one", "lib[fast]>=2", "other"), package("two", "Lib>=1"), package("three")]
    suite = SuiteOfUsers(users("lib", packages), tmp_path, [])
    assert suite.passes("lib", Version("1.5")) is passes
    assert len(commands) == len(replies)
    selected = {f"--package={name}" for name in ("counterseal", "one", "two")}
    assert {*selected, "--frozen"} < {*commands[0]}
    if len(commands) == 4:
        assert commands[1][-1] == "lib[fast]==1.5"
        assert commands[3][-2:] == ["adapters/one/tests", "adapters/two/tests"]
