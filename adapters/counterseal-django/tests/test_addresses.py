"""The address of the alias, as Django's connection has it."""

import pytest
from django.db import connections

from counterseal_django import UnfitDatabase
from counterseal_django.store import address_of_alias

POSTGRESQL = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop"}


def address(set_databases, members):
    set_databases(default={}, counterseal=members)
    return address_of_alias().render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("members", "url"),
    [
        ({}, "postgresql:///shop"),
        (
            {"USER": "zoe", "PASSWORD": "p@ss", "HOST": "db.example", "PORT": "5433"},
            "postgresql://zoe:p%40ss@db.example:5433/shop",
        ),
        ({"HOST": "/run/postgresql"}, "postgresql:///shop?host=%2Frun%2Fpostgresql"),
        (
            {"OPTIONS": {"sslmode": "verify-full", "connect_timeout": 9}},
            "postgresql:///shop?connect_timeout=9&sslmode=verify-full",
        ),
        ({"OPTIONS": {"pool": {"max_size": 4}, "server_side_binding": True}}, "postgresql:///shop"),
        (
            {"OPTIONS": {"options": "-c search_path=auth", "assume_role": "shop"}},
            "postgresql:///shop?options=-c+search_path%3Dauth+-c+role%3Dshop",
        ),
    ],
)
def test_members_of_postgresql(set_databases, members, url):
    assert address(set_databases, POSTGRESQL | members) == url


def test_a_file_of_sqlite(set_databases, tmp_path):
    members = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "shop.sqlite3"}
    assert address(set_databases, members) == f"sqlite:///{tmp_path}/shop.sqlite3"


def test_it_follows_the_name_that_a_test_runner_gives(set_databases):
    assert address(set_databases, dict(POSTGRESQL)) == "postgresql:///shop"
    connections["counterseal"].settings_dict["NAME"] = "test_shop"
    assert str(address_of_alias()) == "postgresql:///test_shop"


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}, "database in memory"),
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": "file:a?mode=memory"}, "in memory"),
        ({"ENGINE": "django.db.backends.dummy"}, "is neither postgresql nor sqlite"),
        ({"ENGINE": "no.such.engine"}, "no.such.engine"),
        (POSTGRESQL | {"OPTIONS": {"cursor_factory": object}}, "the option 'cursor_factory'"),
    ],
)
def test_what_does_not_fit_is_named(set_databases, members, text):
    with pytest.raises(UnfitDatabase, match=text):
        address(set_databases, members)


def test_a_missing_alias_is_named(set_databases):
    set_databases(default={})
    with pytest.raises(UnfitDatabase, match="DATABASES has no 'counterseal'"):
        address_of_alias()
