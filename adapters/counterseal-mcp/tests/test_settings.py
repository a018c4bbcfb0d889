"""The settings, as an operator writes them, and the command that reads them."""

import io
import re
import socket
from datetime import timedelta

import pytest
from reserved_ports import reserve_port

from counterseal.errors import InvalidField
from counterseal.models import OriginRole, Scheme
from counterseal_mcp import read_settings
from counterseal_mcp.command import main

KEY = "key-of-the-origin"
TOKEN = "t" * 32
ENVIRONMENT = {"COUNTERSEAL_MCP_KEY": KEY}


def test_the_file_and_the_environment(write_config, service, tmp_path):
    settings = read_settings(
        write_config(state="state", invite=True, token_file="token"), ENVIRONMENT
    )

    assert (settings.key, settings.token) == (KEY, TOKEN)
    assert settings.state == tmp_path / "state"
    assert settings.trust.keys == service.world.ports.signer.jwks()
    assert repr(settings.client()).startswith("Client('https://auth.example.com'")
    assert read_settings(write_config(key_file="key"), {}).key == KEY


def test_no_secret_is_shown(write_config):
    settings = read_settings(write_config(token_file="token"), ENVIRONMENT)

    assert KEY not in repr(settings)
    assert TOKEN not in repr(settings)


WRONG = [
    ({"service": None}, "service"),
    ({"service": "ftp://auth.example.com"}, "service"),
    ({"origin": ""}, "origin"),
    ({"origin": "Agents"}, "origin"),
    ({"scheme": "plain"}, "scheme"),
    ({"app_space": "Bank"}, "app_space"),
    ({"accounts": None}, "accounts"),
    ({"accounts": []}, "accounts"),
    ({"accounts": "user-1"}, "accounts"),
    ({"accounts": ["user-1", "user-1"]}, "accounts"),
    ({"account": "user-1"}, "account"),
    ({"key": KEY}, "key"),
    ({"token": TOKEN}, "token"),
    ({"key_file": "key"}, "key_file"),
    ({"token_file": "jwks.json"}, "token"),
    ({"token_file": "absent"}, "token_file"),
    ({"jwks": None}, "jwks"),
    ({"jwks": "key"}, "jwks"),
    ({"longest_wait": 301}, "longest_wait"),
    ({"longest_wait": True}, "longest_wait"),
    ({"invite": "yes"}, "invite"),
    ({"invite": True, "accounts": ["user-1", "user-2"]}, "invite"),
    ({"hosts": ["https://agents.example.com"]}, "hosts"),
    ({"state": 7}, "state"),
]


def test_a_wrong_setting_is_refused_by_name(write_config):
    for members, field in WRONG:
        path = write_config(**members)
        with pytest.raises(InvalidField) as refusal:
            read_settings(path, ENVIRONMENT).client()
        assert refusal.value.field == field, members


@pytest.mark.parametrize("key", ["two words", "clé", "k" * 5_000])
def test_a_malformed_key_is_refused_by_its_setting(write_config, key):
    with pytest.raises(InvalidField) as refusal:
        read_settings(write_config(), {"COUNTERSEAL_MCP_KEY": key}).client()
    assert str(refusal.value) == (
        "key_file: not an origin's key, in this file or in COUNTERSEAL_MCP_KEY"
    )


def test_without_a_key_nothing_starts(write_config, capsys, monkeypatch):
    monkeypatch.delenv("COUNTERSEAL_MCP_KEY", raising=False)

    assert main(["--config", str(write_config()), "--check"]) == 2
    assert re.match("counterseal-mcp: key_file: missing", capsys.readouterr().err)
    monkeypatch.setenv("COUNTERSEAL_MCP_KEY", KEY)
    assert main(["--config", str(write_config()), "--check"]) == 0


def test_the_command_says_what_it_takes(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert printed.startswith("usage: counterseal-mcp")
    assert "COUNTERSEAL_MCP_KEY" in printed


def test_the_check_names_the_trusted_keys(service, write_config, capsys):
    """The operator compares them with what the service's operator says."""
    (key,) = service.world.ports.signer.jwks()
    assert main(["--config", str(write_config(key_file="key")), "--check"]) == 0
    assert capsys.readouterr().out == f"trusts {key.thumbprint}\n"


@pytest.fixture
def write_live_config(service, write_config, tmp_path):
    """Return a function that writes the file for an origin of the service, of a role."""

    def write(role=OriginRole.FULL, **members):
        world = service.world
        origin = world.new_origin(world.app_space, "Agents", role=role).origin.guid
        (tmp_path / "key").write_text(world.credentials.issue(origin, Scheme.BASIC).secret)
        defaults = {"service": service.url, "origin": origin, "key_file": "key", "invite": True}
        return str(write_config(**(defaults | members)))

    return write


class TestInvite:
    """An origin that only asks invites nobody, so such a server does not start."""

    @pytest.mark.parametrize("more", [("--check",), ()], ids=["check", "start"])
    def test_an_origin_that_only_asks_is_refused(self, write_live_config, capsys, more):
        path = write_live_config(OriginRole.ASKING)

        assert main(["--config", path, *more]) == 2
        assert capsys.readouterr().err == (
            "counterseal-mcp: invite: the origin's role is asking, and only a full one may invite:"
            " use a full origin, or remove invite\n"
        )

    def test_a_full_origin_passes_whether_the_account_exists_or_not(
        self, service, write_live_config, capsys
    ):
        assert main(["--config", write_live_config(), "--check"]) == 0
        service.phone()
        assert main(["--config", write_live_config(), "--check"]) == 0
        assert capsys.readouterr().err == ""

    def test_an_origin_that_only_asks_is_asked_nothing_without_invite(self, write_live_config):
        path = write_live_config(OriginRole.ASKING, invite=False)
        assert main(["--config", path, "--check"]) == 0

    def test_a_wrong_key_is_named(self, service, write_live_config, tmp_path, capsys):
        path = write_live_config()
        (tmp_path / "key").write_text(service.key)  # of another origin

        assert main(["--config", path, "--check"]) == 2
        assert "key_file: the service refuses this key" in capsys.readouterr().err

    def test_the_check_fails_if_the_service_is_down(self, service, write_live_config, capsys):
        path = write_live_config(service=f"http://127.0.0.1:{reserve_port()}")

        assert main(["--config", path, "--check"]) == 2
        assert "service: cannot be reached" in capsys.readouterr().err

    def test_a_server_starts_while_the_service_is_down(
        self, write_live_config, monkeypatch, caplog
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))  # the client has ended
        path = write_live_config(service=f"http://127.0.0.1:{reserve_port()}")

        assert main(["--config", path]) == 0
        assert "whether the origin may invite is not known" in caplog.text

    def test_a_server_waits_no_longer_than_its_client_for_a_silent_service(
        self, write_live_config, monkeypatch, caplog
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        monkeypatch.setattr("counterseal_mcp.command.TIMEOUT_AT_START", timedelta(milliseconds=50))
        with socket.create_server(("127.0.0.1", 0)) as silent:
            path = write_live_config(service=f"http://127.0.0.1:{silent.getsockname()[1]}")
            assert main(["--config", path]) == 0
        assert "whether the origin may invite is not known" in caplog.text

    def test_a_server_starts_while_the_origin_has_asked_too_often(
        self, service, write_live_config, monkeypatch, caplog, capsys
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        path = write_live_config()
        service.fail("/api/device/getAll", "429 Too Many Requests", executed=False)

        assert main(["--config", path]) == 0
        assert "whether the origin may invite is not known" in caplog.text
        assert main(["--config", path, "--check"]) == 2
        assert "service: the service says" in capsys.readouterr().err
