"""The licences of components: what metadata states, and what was read where it states none."""

import tomllib
from email.message import Message

import pytest
from packaging.licenses import canonicalize_license_expression
from release import licences
from release.licences import REVIEWED, Reviewed, find_licence, stated_licence
from release.packages import ROOT

LOCK = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))


def metadata(*fields):
    message = Message()
    for name, text in fields:
        message[name] = text
    return message


MIT = ("Classifier", "License :: OSI Approved :: MIT License")
BSD = ("Classifier", "License :: OSI Approved :: BSD License")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("License-Expression", "Apache-2.0 OR BSD-3-Clause")], "Apache-2.0 OR BSD-3-Clause"),
        ([("License", "bsd-3-clause"), BSD], "BSD-3-Clause"),
        ([("License-Expression", "MIT"), ("License", "BSD")], "MIT"),
        ([("License", "MIT License"), MIT], "MIT"),
        ([MIT], "MIT"),
        ([BSD], None),
        ([("License", "BSD"), BSD], None),
        ([("License", "Apache 2.0")], None),
        ([("License", "")], None),
        ([], None),
    ],
)
def test_metadata_states_a_licence_exactly_or_not_at_all(fields, expected):
    assert stated_licence(metadata(*fields)) == expected


@pytest.fixture
def installed(monkeypatch):
    """The table with a row for a package of this session; a function returns its version."""
    monkeypatch.setitem(REVIEWED, "hatchling", Reviewed("0BSD", "for this test"))
    return licences.importlib.metadata.version


def test_the_metadata_of_the_locked_version_is_asked_first(installed):
    assert find_licence("hatchling", installed("hatchling")) == "MIT"
    assert find_licence("hatchling", "0.0.1") == "0BSD"


def test_a_package_that_is_neither_installed_nor_listed_has_no_licence():
    assert find_licence("not-a-package", "1.0") is None
    assert find_licence("hatchling", "0.0.1") is None


@pytest.mark.parametrize("name", REVIEWED)
def test_each_listed_licence_is_an_expression_of_a_locked_package_with_a_reason(name):
    expression, reason = REVIEWED[name]
    assert canonicalize_license_expression(expression) == expression
    assert reason
    assert name in {package["name"] for package in LOCK["package"]}
