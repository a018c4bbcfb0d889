"""Settings: where they come from, in which order, and what is refused by name."""

from datetime import timedelta

import attrs
import pytest

from counterseal.errors import InvalidField
from counterseal.models import Algorithm
from counterseal.policy import STANDARD, STRICT
from counterseal_server.configuration import KINDS, gathered, settings
from counterseal_server.settings import Settings

APP_SPACE = "11f0c2a8-5d1c-8d0e-8f55-1f2f0a6b7c3d"
FLAGS = {"data": "kept", "port": None}


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "counterseal.toml"
        path.write_text(text)
        return path

    return write


def test_the_defaults(tmp_path):
    loaded_settings = settings({"data": tmp_path}, {"HOME": "/"})
    assert (loaded_settings.host, loaded_settings.port, loaded_settings.public_url) == (
        "127.0.0.1",
        8787,
        "http://127.0.0.1:8787",
    )
    assert loaded_settings.store is None
    assert loaded_settings.database_file == tmp_path / "counterseal.db"
    assert loaded_settings.master_key_file == tmp_path / "keys" / "master.key"
    assert loaded_settings.policy == STANDARD
    assert not loaded_settings.allow_private_callbacks


def test_flags_before_environment_before_file(file):
    path = file('port = 1\nhost = "::1"\nlog_level = "debug"\n')
    environment = {"COUNTERSEAL_PORT": "2", "COUNTERSEAL_HOST": "::"}
    loaded_settings = settings(FLAGS | {"port": 3}, environment, path)
    assert (loaded_settings.port, loaded_settings.host, loaded_settings.log_level) == (
        3,
        "::",
        "debug",
    )
    assert loaded_settings.public_url == "http://[::1]:3"
    assert settings(FLAGS, environment, path).port == 2
    assert settings(FLAGS, {}, path).port == 1


def test_the_policy_is_a_profile_with_changes(file):
    path = file(
        "[policy]\n"
        'profile = "strict"\n'
        'retention = "90d"\n'
        "supersede = false\n"
        'algorithms = ["ES256"]\n'
        'callback_delays = ["1s", "2m", "3h"]\n'
    )
    loaded_settings = settings(FLAGS, {}, path).policy
    assert loaded_settings == attrs.evolve(
        STRICT,
        retention=timedelta(days=90),
        supersede=False,
        algorithms=frozenset({Algorithm.ES256}),
        callback_delays=(timedelta(seconds=1), timedelta(minutes=2), timedelta(hours=3)),
    )
    assert settings(FLAGS, {"COUNTERSEAL_POLICY": "strict"}).policy == STRICT


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("prot = 1", "config: prot"),
        ('master_key = "AAAA"', "config: master_key"),
        ('port = "1"', "config: port"),
        ("port = true", "config: port"),
        ("port = 0", "port"),
        ("host = 1", "config: host"),
        ('host = "a b"', "host"),
        ('public_url = "https://auth.example.com/"', "public_url"),
        ('public_url = "auth.example.com"', "public_url"),
        ('public_url = "https://[x"', "public_url"),
        ('public_url = "https://auth.example.com:99999"', "public_url"),
        ("metrics = 1", "config: metrics"),
        ('grace = "10"', "config: grace"),
        ('log_format = "xml"', "log_format"),
        ("threads = 8\nwaiters = 8", "waiters"),
        ('cors = ["https://a.example"]', "config: cors"),
        (f'[cors]\n"{APP_SPACE}" = "https://a.example"', f"config: cors.{APP_SPACE}"),
        (f'[cors]\n"{APP_SPACE}" = ["https://a.example/"]', "cors"),
        ('[cors]\nshop = ["https://a.example"]', "cors"),
        ("policy = 1", "config: policy"),
        ("[policy]\nretentoin = 1", "policy.retentoin"),
        ('[policy]\nprofile = "lax"', "policy.profile"),
        ('[policy]\nretention = "1s"', "policy"),
        ("[policy]\nretention = 1", "policy.retention"),
        ('[policy]\nalgorithms = ["none"]', "policy.algorithms"),
        ('[policy]\nstrike_limit = "5"', "policy"),
        ("port = ", "config"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(file, text, field):
    with pytest.raises(InvalidField) as raised:
        settings(FLAGS, {}, file(text))
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('retention = "90d"', "[policy]"),
        ('policy = "strict"', "profile"),
        ('webpush_key = "canary"', "COUNTERSEAL_WEBPUSH_KEY"),
        ("port = ", "counterseal.toml"),
    ],
)
def test_a_setting_in_the_wrong_place_names_the_right_one(file, text, hint):
    with pytest.raises(InvalidField) as raised:
        settings(FLAGS, {}, file(text))
    assert hint in raised.value.problem
    assert "canary" not in str(raised.value)


def test_so_is_a_setting_of_the_policy_in_the_environment():
    with pytest.raises(InvalidField, match=r"COUNTERSEAL_RETENTION: .*\[policy\]"):
        settings(FLAGS, {"COUNTERSEAL_RETENTION": "90d"})


def test_a_number_below_zero_is_a_whole_one():
    with pytest.raises(InvalidField, match="senders: not within 0 and 100"):
        settings(FLAGS, {"COUNTERSEAL_SENDERS": "-1"})


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("COUNTERSEAL_PROT", "1"),
        ("COUNTERSEAL_PORT", "one"),
        ("COUNTERSEAL_PORT", ""),
        ("COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS", "maybe"),
        ("COUNTERSEAL_MASTER_KEY", ""),
    ],
)
def test_so_it_is_in_the_environment(variable, text):
    with pytest.raises(InvalidField) as raised:
        settings(FLAGS, {variable: text})
    assert raised.value.field == variable


def test_what_is_no_setting_may_stand_in_the_environment():
    environment = {"COUNTERSEAL_PIN": "1379", "COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "1"}
    assert settings(FLAGS, environment).allow_private_callbacks


def test_the_folder_has_to_be_named():
    with pytest.raises(InvalidField, match="--data"):
        settings({}, {})
    with pytest.raises(InvalidField, match="cannot read"):
        settings(FLAGS, {}, settings(FLAGS, {}).data / "none.toml")


def test_the_store_has_an_older_name(file):
    address = "postgresql://host/name"
    path = file(f'database = "{address}"\n')
    assert settings(FLAGS, {}, path).store == address
    assert settings(FLAGS, {"COUNTERSEAL_DATABASE": "sqlite:///a"}, path).store == "sqlite:///a"
    assert settings(FLAGS, {"COUNTERSEAL_STORE": "sqlite:///b"}, path).store == "sqlite:///b"
    with pytest.raises(InvalidField, match=r"COUNTERSEAL_.*older name"):
        settings(FLAGS, {"COUNTERSEAL_DATABASE": "a", "COUNTERSEAL_STORE": "a"})
    with pytest.raises(InvalidField, match=r"config: database: .*older name"):
        settings(FLAGS, {}, file('store = "a"\ndatabase = "a"\n'))


def test_the_store_may_be_in_a_file(file, tmp_path):
    secret = tmp_path / "store"
    secret.write_text("postgresql://host/name\n")
    environment = {"COUNTERSEAL_STORE_FILE": str(secret)}
    loaded_settings = settings(FLAGS, environment)
    assert loaded_settings.store == "postgresql://host/name"
    assert loaded_settings.store_file == secret
    path = file(f'store_file = "{secret}"\n')
    assert settings(FLAGS, {}, path).store == "postgresql://host/name"
    assert settings(FLAGS | {"store": "sqlite:///a"}, environment).store == "sqlite:///a"
    assert gathered(FLAGS, environment)["store"].source == str(secret)


@pytest.mark.parametrize("content", [None, "", " \n", "x" * 5_000])
def test_without_its_file_no_other_store_is_used(tmp_path, content):
    secret = tmp_path / "store"
    if content is not None:
        secret.write_text(content)
    with pytest.raises(InvalidField) as raised:
        settings(FLAGS, {"COUNTERSEAL_STORE_FILE": str(secret)})
    assert raised.value.field == "store_file"


def test_secrets_are_not_shown():
    loaded_settings = settings(
        FLAGS,
        {
            "COUNTERSEAL_MASTER_KEY": "canary-key",
            "COUNTERSEAL_STORE": "postgresql://user:canary-password@host/name",
        },
    )
    assert loaded_settings.master_key == "canary-key"
    assert "canary" not in repr(loaded_settings)


def test_every_setting_can_be_set():
    assert set(KINDS) == {field.name for field in attrs.fields(Settings)}


@pytest.mark.parametrize("store", ["mysql://root:canary@localhost/a", "postgres://a/b", "data.db"])
def test_an_address_of_no_store_names_those_there_are(run, tmp_path, store):
    refused = run("store", "check", "--data", tmp_path, "--store", store)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("unfit_url: ")
    assert all(kind in refused.stderr for kind in ("sqlite:", "postgresql:", "redis:"))
    assert "canary" not in refused.stderr


def test_the_file_lists_the_pages_of_each_app_space(file):
    path = file(f'[cors]\n{APP_SPACE} = ["https://a.example", "http://b.example:8080"]\n')
    loaded_settings = settings(FLAGS, {}, path)
    assert loaded_settings.cors == {APP_SPACE: ("https://a.example", "http://b.example:8080")}
    with pytest.raises(InvalidField, match="COUNTERSEAL_CORS: not a table"):
        settings(FLAGS, {"COUNTERSEAL_CORS": "https://a.example"})
