"""`serve --print-config`: what the settings are, and where each comes from."""

import re
import tomllib

import attrs
import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from counterseal.errors import InvalidField
from counterseal.models import NewDeviceRule, PasskeyUse
from counterseal.policy import Policy
from counterseal_server.configuration import build_settings, gathered, settings
from counterseal_server.effective import effective_text
from counterseal_server.settings import Settings

LINE = re.compile(r"(?:# )?([a-z_0-9]+)(?: = .*  # (.*)| is not set)")


def printed(flags, environment, file=None):
    sourced_values = gathered(flags, environment, file)
    return effective_text(build_settings(sourced_values), sourced_values)


def sources(text):
    return {match[1]: match[2] for match in map(LINE.fullmatch, text.splitlines()) if match}


def policy_line(text, name):
    (line,) = [
        each for each in text.partition("[policy]")[2].splitlines() if each.startswith(f"{name} =")
    ]
    return line


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "counterseal.toml"
    file.write_text('port = 1\nhost = "::1"\nthreads = 99\n')
    return file


def test_each_setting_says_where_it_comes_from(file):
    text = printed({"data": "/kept", "host": None}, {"COUNTERSEAL_PORT": "2"}, file)
    output = sources(text)
    assert output["data"] == "--data"
    assert output["port"] == "COUNTERSEAL_PORT"
    assert output["host"] == output["threads"] == str(file)
    assert output["waiters"] == output["public_url"] == output["profile"] == "default"
    assert output["retention"] == "profile standard"
    assert 'public_url = "http://[::1]:2"  # default' in text
    assert "# store is not set" in text
    assert set(output) == {
        field.name for kind in (Settings, Policy) for field in attrs.fields(kind)
    } - {"policy"} | {"profile"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "callback_plain_http",
            {"COUNTERSEAL_CALLBACK_NETWORKS": "10.0.0.0/8", "COUNTERSEAL_CALLBACK_PLAIN_HTTP": "1"},
        ),
        ("callback_plain_http", {"COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "1"}),
        ("return_localhost", {"COUNTERSEAL_ALLOW_PRIVATE_PROVIDERS": "1"}),
    ],
)
def test_a_setting_that_overrides_the_policy_says_so(name, text):
    plain = f"{name} = false  # profile standard"
    assert policy_line(printed({"data": "/kept"}, {}), name) == plain
    overridden = f"{plain}; serve uses true, by the settings above"
    assert policy_line(printed({"data": "/kept"}, text), name) == overridden


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://auth.example.com/base", "https://auth.example.com"),
        ("https://AUTH.example.com:8443", "https://auth.example.com:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000", ""),
        ("http://auth.example.com", ""),
    ],
)
def test_passkeys_are_used_at_the_public_url_unless_the_policy_says_where(url, origin, file):
    text = {"COUNTERSEAL_PUBLIC_URL": url}
    assert settings({"data": "/kept"}, text).serving_policy.passkey_origin == origin
    file.write_text('[policy]\npasskeys = "allow"\npasskey_origin = "https://other.example.com"\n')
    policy = settings({"data": "/kept"}, text, file).serving_policy
    assert policy.passkey_origin == "https://other.example.com"
    assert policy.passkeys is PasskeyUse.ALLOW


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("passkeys", PasskeyUse.WITH_DEVICE_KEY, "refuse, with_device_key, allow"),
        ("new_devices", NewDeviceRule.CONFIRMED, "at_once, confirmed"),
    ],
)
def test_a_setting_of_the_policy_that_names_a_choice(name, value, choices, file):
    file.write_text(f'[policy]\n{name} = "{value.value}"\n')
    assert getattr(settings({"data": "/kept"}, {}, file).serving_policy, name) is value
    file.write_text(f'[policy]\n{name} = "sometimes"\n')
    with pytest.raises(InvalidField, match=choices):
        settings({"data": "/kept"}, {}, file)


def test_so_does_each_setting_of_the_policy(file):
    file.write_text('[policy]\nprofile = "strict"\nretention = "90h"\n')
    text = printed({"data": "/kept"}, {}, file)
    output = sources(text)
    assert 'retention = "90h"' in text
    assert output["profile"] == output["retention"] == str(file)
    assert output["strike_limit"] == "profile strict"
    assert sources(printed({"data": "/kept"}, {"COUNTERSEAL_POLICY": "strict"}))["profile"] == (
        "COUNTERSEAL_POLICY"
    )


@given_by(
    st.fixed_dictionaries(
        {"data": st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)},
        optional={
            "port": st.integers(1, 65_535),
            "threads": st.integers(100, 1_000),
            "metrics": st.booleans(),
            "callback_ports": st.lists(st.integers(1, 65_535), min_size=1, max_size=3),
            "callback_networks": st.sampled_from([["10.2.0.0/16"], ["fd00:1::/32", "10.2.3.4"]]),
            "policy": st.fixed_dictionaries(
                {"profile": st.sampled_from(["standard", "strict"])},
                optional={
                    "retention": st.sampled_from(["200000s", "4d", "5001m", "90h"]),
                    "callback_jitter": st.sampled_from([0.0, 0.125, 1.0]),
                    "callback_delays": st.sampled_from([["1s"], ["7s", "1h"]]),
                    "algorithms": st.sampled_from([["ES256"], ["EdDSA", "RS256"]]),
                },
            ),
        },
    )
)
def test_what_is_printed_says_the_same_as_a_file(tmp_path_factory, flags):
    file = tmp_path_factory.mktemp("printed") / "counterseal.toml"
    file.write_text(printed(flags, {}), "utf-8")
    assert settings({}, {}, file) == settings(flags, {})


@pytest.mark.parametrize(
    ("store", "secret"),
    [
        (
            "postgresql://zoe:canary@db.example/name?password=canary",
            "postgresql://***@db.example/name?***",
        ),
        ("postgresql://canary@db.example", "postgresql://***@db.example"),
        (
            "postgresql+psycopg://:canary@[::1]:5432/name",
            "postgresql+psycopg://***@[::1]:5432/name",
        ),
        ("postgresql://[canary", "***"),
        ("sqlite:///canary", "***"),
        ("redis://:canary@localhost:6380/1", "redis://***@localhost:6380/1"),
        (
            "rediss+sentinel://:canary@a.example:26379,b.example/bank?sentinel_password=canary",
            "rediss+sentinel://***@a.example:26379,b.example/bank?***",
        ),
        # Nothing is hidden where there is nothing to hide.
        ("redis://localhost:6380/1", "redis://localhost:6380/1"),
        ("postgresql://db.example/name", "postgresql://db.example/name"),
        ("postgresql://db.example/name?password=canary", "postgresql://db.example/name?***"),
        ("redis://:can/ary@localhost", "***"),
        ("redis://:1#canary@localhost", "***"),
        ("redis://:1?canary@localhost", "***"),
        ("canary", "***"),
    ],
)
@pytest.mark.parametrize("name", ["STORE", "DATABASE"])
def test_no_secret_is_shown(store, secret, name):
    environment = {"COUNTERSEAL_MASTER_KEY": "canary", f"COUNTERSEAL_{name}": store}
    text = printed({"data": "/kept"}, environment)
    assert "canary" not in text
    assert f'# store = "{secret}"  # COUNTERSEAL_{name}' in text
    assert '# master_key = "***"  # COUNTERSEAL_MASTER_KEY' in text
    assert not {"store", "master_key"} & set(tomllib.loads(text))


def test_the_command(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERSEAL_METRICS", "no")
    result = run("serve", "--data", tmp_path, "--public-url", "https://a.example", "--print-config")
    assert (result.exit_code, result.stderr) == (0, "")
    assert tomllib.loads(result.stdout)["metrics"] is False
    assert 'public_url = "https://a.example"  # --public-url' in result.stdout
    assert not list(tmp_path.iterdir())

    monkeypatch.setenv("COUNTERSEAL_THREADS", "2")
    wrong = run("serve", "--data", tmp_path, "--print-config")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("waiters: ")


def test_the_pages_of_app_spaces_are_printed_as_a_file_has_them(tmp_path):
    pages = {"11f0c2a8-5d1c-8d0e-8f55-1f2f0a6b7c3d": ["https://a.example"]}
    file = tmp_path / "c.toml"
    file.write_text("[cors]\n" + "\n".join(f"{name} = {each}" for name, each in pages.items()))
    assert tomllib.loads(printed({"data": str(tmp_path)}, {}, file))["cors"] == pages


@pytest.fixture
def data(create_data, tmp_path):
    create_data(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("variables", "start"),
    [
        ({"PORTAL": "yes", "PUBLIC_URL": "https://a.example/base"}, "public_url: the portal needs"),
        ({"PORTAL": "yes", "PUBLIC_URL": "http://a.example"}, "public_url: browsers have no"),
        ({"AAP": "yes", "POLICY": "strict"}, "aap: "),
        ({"FCM_ACCOUNT_FILE": "absent.json"}, "fcm_account_file: "),
        ({"WEBPUSH_CONTACT": "https://a.example"}, "webpush_key_file: no "),
        ({"RELAY_URL": "https://a.example"}, "relay_secret: missing"),
        ({"STORE": "mysql://a.example/name"}, "unfit_url: store: none of "),
        ({"STORE": "redis://a.example/0?patience=9"}, "store: patience: "),
        ({"STORE": "redis://a.example/0?prefix=*"}, "unfit_prefix: "),
        ({"MASTER_KEY": "short"}, "unfit_master_key: "),
    ],
)
def test_the_command_refuses_what_serve_refuses(run, data, monkeypatch, variables, start):
    for name, text in variables.items():
        monkeypatch.setenv(f"COUNTERSEAL_{name}", text)
    command = ("serve", "--data", data)
    printed_settings, served = run(*command, "--print-config"), run(*command)
    assert (printed_settings.exit_code, printed_settings.stderr) == (2, served.stderr)
    assert printed_settings.stderr.startswith(start)
    # An operator sees where the refused value comes from.
    name = next(iter(variables))
    assert f"COUNTERSEAL_{name}" in printed_settings.stdout


def test_the_command_calls_no_store_and_reads_no_master_key(run, tmp_path, monkeypatch):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "master.key").write_text("no key")
    # A call would fail: no such name exists (RFC 6761, 6.4).
    monkeypatch.setenv("COUNTERSEAL_STORE", "redis+cluster://a.invalid")
    assert run("serve", "--data", tmp_path, "--print-config").exit_code == 0
