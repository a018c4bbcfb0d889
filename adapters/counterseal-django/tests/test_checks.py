"""The system checks: each says what is missing, and what to do."""

import pytest
from django.test import override_settings
from django.test.utils import setup_test_environment, teardown_test_environment
from django.urls import include, path

from counterseal_django.checks import check_project
from counterseal_django.wiring import configuration, key_files


class Urls:
    """A URLconf that includes the app at *prefix*."""

    def __init__(self, prefix):
        self.urlpatterns = [path(prefix, include("counterseal_django.urls"))]


class NoUrls:
    """A URLconf without it."""

    urlpatterns = ()


@pytest.fixture
def fit(configured, set_databases, sqlite_databases):
    """Settings with which all is well; return the members of `COUNTERSEAL`."""
    default = sqlite_databases.bare()
    set_databases(default=default, counterseal=default | {"TEST": {"MIRROR": "default"}})
    with override_settings(ROOT_URLCONF=Urls("auth/"), ALLOWED_HOSTS=["shop.example"]):
        key_files(configuration()).create_missing()
        yield configured


def ids():
    messages = check_project()
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_nothing_is_missing(fit):
    assert check_project() == []


@pytest.mark.parametrize("url", ["https://shop.example/shop/auth", "http://localhost:8000/auth"])
def test_a_proxy_may_add_a_prefix_and_a_loopback_address_needs_no_https(fit, url):
    hosts = ["shop.example", "localhost"]
    with override_settings(COUNTERSEAL=fit | {"URL": url}, ALLOWED_HOSTS=hosts):
        assert check_project() == []


def test_settings_that_do_not_fit(fit):
    with override_settings(COUNTERSEAL=fit | {"COMPANI": "Example"}):
        assert ids() == ["counterseal.E001"]
        assert "'COMPANI' is unknown" in check_project()[0].msg


def test_an_alias_that_is_missing(fit, set_databases, sqlite_databases):
    set_databases(default=sqlite_databases.bare())
    assert ids() == ["counterseal.E002"]


def test_an_engine_that_does_not_fit(fit, set_databases, sqlite_databases):
    engine = {"ENGINE": "django.db.backends.dummy"}
    set_databases(default=sqlite_databases.bare(), counterseal=engine)
    assert ids() == ["counterseal.E002"]


def test_a_test_runner_may_give_the_alias_another_database(fit, set_databases):
    engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    set_databases(default=engine, counterseal=engine)
    assert ids() == ["counterseal.E002"]
    setup_test_environment()
    assert ids() == []
    teardown_test_environment()


def test_an_alias_that_is_the_same_dictionary(fit, set_databases, sqlite_databases):
    default = sqlite_databases.bare()
    set_databases(default=default, counterseal=default)
    assert ids() == ["counterseal.E003"]


def test_an_address_without_https(fit):
    members = fit | {"URL": "http://shop.example/auth"}
    with override_settings(COUNTERSEAL=members):
        assert ids() == ["counterseal.E004"]
        with override_settings(DEBUG=True):
            assert ids() == []


def test_a_host_that_django_refuses(fit):
    with override_settings(ALLOWED_HOSTS=["other.example"]):
        assert ids() == ["counterseal.E005"]


def test_urls_that_are_not_included(fit):
    with override_settings(ROOT_URLCONF=NoUrls()):
        assert ids() == ["counterseal.E006"]


def test_urls_that_are_included_elsewhere(fit):
    with override_settings(ROOT_URLCONF=Urls("author/")):
        assert ids() == ["counterseal.E007"]
        assert "'/auth'" in check_project()[0].msg


@pytest.mark.parametrize("name", ["", "master.key", "signing.json"])
def test_keys_that_others_can_read(fit, name):
    (fit["KEYS"] / name).chmod(0o640 if name else 0o750)
    assert ids() == ["counterseal.E008"]


def test_keys_that_are_missing(fit):
    (fit["KEYS"] / "signing.json").unlink()
    assert ids() == ["counterseal.W001"]
