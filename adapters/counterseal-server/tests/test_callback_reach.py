"""Where callbacks may go: settings, what they allow, and what an operator is warned of."""

import json
import os
from ipaddress import ip_address, ip_network

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import InvalidField
from counterseal.models import entry_addresses
from counterseal_http import Forbidden, Unresolved
from counterseal_server.callback_reach import callback_guard, find_obstacle
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime

FLAGS = {"data": "/somewhere"}
NAMES = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop", "--auth", "basic")
PUBLIC = "93.184.216.34"


class Names:
    """A resolver that knows a few names."""

    def __init__(self, **names):
        self.names = {name.replace("_", "."): answer for name, answer in names.items()}
        self.questions = []

    def resolve(self, host, timeout):
        self.questions.append(host)
        if host not in self.names:
            raise Unresolved("the name has no address")
        return tuple(self.names[host].split())


def guard_of(environment=None, **names):
    return callback_guard(settings(FLAGS, environment or {}), Names(**names))


def reason(guard, url):
    try:
        guard.target(url)
    except Forbidden as error:
        return str(error)
    return None


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("COUNTERSEAL_")]:
        monkeypatch.delenv(name)


class TestAnEntryWithoutAScheme:
    @pytest.mark.parametrize(
        ("environment", "plain_http"),
        [
            ({}, False),
            ({"COUNTERSEAL_CALLBACK_NETWORKS": "10.0.0.0/8"}, False),
            (
                {
                    "COUNTERSEAL_CALLBACK_NETWORKS": "10.0.0.0/8",
                    "COUNTERSEAL_CALLBACK_PLAIN_HTTP": "true",
                },
                True,
            ),
            ({"COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "true"}, True),
        ],
    )
    def test_covers_http_where_callbacks_may_go_by_it(self, tmp_path, environment, plain_http):
        with Runtime(settings({"data": tmp_path}, environment)) as runtime:
            assert runtime.policy.callback_plain_http is plain_http
            assert runtime.policy == attrs.evolve(
                runtime.settings.policy, callback_plain_http=plain_http
            )


class TestSettings:
    def test_by_default_are_the_ports_of_web_servers_and_no_network(self):
        parsed = settings(FLAGS, {})
        assert (parsed.callback_networks, parsed.callback_plain_http) == ((), False)
        assert parsed.callback_ports == (80, 443, 8080, 8443)

    def test_are_lists_in_the_file_and_have_commas_in_the_environment(self, tmp_path):
        file = tmp_path / "counterseal.toml"
        file.write_text(
            'callback_networks = ["10.2.0.0/16", "fd00:1::/32"]\n'
            "callback_ports = [443, 5000]\n"
            "callback_plain_http = true\n"
        )
        environment = {
            "COUNTERSEAL_CALLBACK_NETWORKS": "10.2.0.0/16, fd00:1::/32",
            "COUNTERSEAL_CALLBACK_PORTS": "443,5000",
            "COUNTERSEAL_CALLBACK_PLAIN_HTTP": "yes",
        }
        for parsed in (settings(FLAGS, {}, file), settings(FLAGS, environment)):
            assert parsed.callback_networks == (
                ip_network("10.2.0.0/16"),
                ip_network("fd00:1::/32"),
            )
            assert parsed.callback_ports == (443, 5000)
            assert parsed.callback_plain_http

    @pytest.mark.parametrize(
        ("name", "text", "problem"),
        [
            ("networks", "10.2.3.4/16", "10.2.3.4/16: not a network like 10.2.0.0/16"),
            ("networks", "10.0.0.0/33", "10.0.0.0/33: not a network like 10.2.0.0/16"),
            ("networks", "inside.example", "inside.example: not a network like 10.2.0.0/16"),
            ("networks", "10.2.0.0/16,", "not a list with commas between"),
            ("networks", "169.254.0.0/16", "169.254.0.0/16: clouds keep credentials there"),
            ("networks", "169.254.169.254/31", "169.254.169.254/31: clouds keep credentials there"),
            ("networks", "fe80::/64", "fe80::/64: clouds keep credentials there"),
            ("ports", "0", "not within 1 and 65535"),
            ("ports", "65536", "not within 1 and 65535"),
            ("ports", "https", "not a list of whole numbers"),
            ("ports", "443,,80", "not a list with commas between"),
            ("plain_http", "1", "it goes to callback_networks only, and there are none"),
        ],
    )
    def test_that_do_not_fit_are_refused_by_name(self, name, text, problem):
        with pytest.raises(InvalidField) as caught:
            settings(FLAGS, {f"COUNTERSEAL_CALLBACK_{name.upper()}": text})
        assert caught.value.field.lower().removeprefix("counterseal_") == f"callback_{name}"
        assert caught.value.problem.startswith(problem)

    @pytest.mark.parametrize(
        "text",
        [
            "callback_networks = '10.2.0.0/16'",
            "callback_networks = [10]",
            "callback_ports = 443",
            "callback_ports = ['443']",
            "callback_ports = [true]",
            "callback_ports = []",
        ],
    )
    def test_that_are_no_lists_are_refused(self, tmp_path, text):
        file = tmp_path / "counterseal.toml"
        file.write_text(text)
        with pytest.raises(InvalidField) as caught:
            settings(FLAGS, {}, file)
        assert text.partition(" ")[0] in str(caught.value)

    @given(
        st.tuples(st.ip_addresses(), st.integers(0, 128)),
        st.lists(st.integers(1, 65_535), min_size=1, max_size=5),
    )
    def test_any_network_and_ports_are_read(self, pair, ports):
        address, bits = pair
        network = ip_network(f"{address}/{min(bits, address.max_prefixlen)}", strict=False)
        environment = {
            "COUNTERSEAL_CALLBACK_NETWORKS": str(network),
            "COUNTERSEAL_CALLBACK_PORTS": ",".join(map(str, ports)),
        }
        secret = [ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")]
        inside = any(
            network.version == one.version and network.subnet_of(one) and network.num_addresses > 1
            for one in secret
        )
        try:
            parsed = settings(FLAGS, environment)
        except InvalidField:
            assert inside
        else:
            assert not inside
            assert parsed.callback_networks == (network,)
            assert set(parsed.callback_ports) == set(ports)


class TestCallbacks:
    def test_reach_the_networks_and_ports_that_are_allowed(self):
        guard = guard_of(
            {
                "COUNTERSEAL_CALLBACK_NETWORKS": "10.2.0.0/16",
                "COUNTERSEAL_CALLBACK_PORTS": "443,5000",
            },
            shop_inside="10.2.0.7",
            other_inside="10.3.0.7",
        )
        assert reason(guard, "https://10.2.3.4:5000/done") is None
        assert reason(guard, "https://10.3.0.1/done") == "not a public address"
        assert reason(guard, "https://10.2.3.4:8443/done") == "a port that is not allowed"
        assert reason(guard, "http://10.2.3.4:5000/done") == "not https"
        assert guard.addresses("shop.inside", 1, "https") == (ip_address("10.2.0.7"),)
        with pytest.raises(Forbidden):
            guard.addresses("other.inside", 1, "https")

    def test_by_plain_http_reach_nothing_else(self):
        guard = guard_of(
            {
                "COUNTERSEAL_CALLBACK_NETWORKS": "10.2.0.0/16",
                "COUNTERSEAL_CALLBACK_PLAIN_HTTP": "1",
            }
        )
        assert reason(guard, "http://10.2.3.4/done") is None
        assert reason(guard, f"http://{PUBLIC}/done") == "not https"

    def test_reach_an_address_of_a_cloud_only_if_it_is_allowed_by_itself(self):
        secret = "https://169.254.169.254/done"
        everything = {"COUNTERSEAL_CALLBACK_NETWORKS": "0.0.0.0/0"}
        assert reason(guard_of(everything), secret) == "an address where clouds keep credentials"
        exact = {"COUNTERSEAL_CALLBACK_NETWORKS": "169.254.169.254"}
        assert reason(guard_of(exact), secret) is None

    def test_reach_anything_private_with_the_switch_for_development(self):
        guard = guard_of({"COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "1"})
        assert reason(guard, "http://127.0.0.1:9000/done") is None


class TestAnObstacle:
    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            ("https://shop.example/done", None),
            ("shop.example/api/{*}/done", None),
            ("https://shop.example:5000/done", "a port that is not allowed"),
            ("http://shop.example/done", "not https"),
            ("https://127.0.0.1/done", "not a public address"),
            ("https://inside.example/{*}", "its name resolves to an address that is not allowed: "),
            ("https://mixed.example/", "its name resolves to an address that is not allowed: "),
            ("http://shop.example:8080/", "not https"),
            ("https://nowhere.example/done", None),  # it may lead somewhere later
        ],
    )
    def test_is_found_before_anything_is_sent(self, entry, expected):
        guard = guard_of(
            {},
            shop_example=PUBLIC,
            inside_example="10.0.0.1",
            mixed_example=f"{PUBLIC} 10.0.0.1",
        )
        obstacle = find_obstacle(guard, entry_addresses(entry, plain_http=False))
        assert (obstacle or "").startswith(expected or "")
        assert (obstacle is None) is (expected is None)


def test_an_entry_without_a_scheme_is_called_by_either():
    allowed = {
        "COUNTERSEAL_CALLBACK_NETWORKS": "10.2.0.0/16",
        "COUNTERSEAL_CALLBACK_PORTS": "80,8080",
        "COUNTERSEAL_CALLBACK_PLAIN_HTTP": "1",
    }
    guard = guard_of(allowed)

    def obstacle(entry, *, plain_http=True):
        return find_obstacle(guard, entry_addresses(entry, plain_http=plain_http))

    # Port 443 is not allowed, and 80 is.
    assert obstacle("10.2.3.4/done") is None
    assert obstacle("10.2.3.4/done", plain_http=False) == "a port that is not allowed"
    assert obstacle("https://10.2.3.4/done") == "a port that is not allowed"
    assert obstacle("10.3.0.1:8080/done") == "not a public address"


def test_init_and_allow_warn_of_an_address_that_cannot_be_called(run, tmp_path, monkeypatch):
    data = tmp_path / "data"
    result = run("init", "--data", data, *NAMES, "--callback", "https://10.2.3.4/done")
    assert result.exit_code == 0
    assert result.stderr == (
        "warning: nothing will be sent to https://10.2.3.4/done: not a public address"
        " (see callback_networks, callback_ports and callback_plain_http)\n"
    )
    origin = json.loads(result.stdout)["requestOriginGuid"]
    result = run("admin", "allow", origin, "https://127.0.0.1:9000/x", "--data", data)
    assert json.loads(result.stdout)["callbacks"][-1] == "https://127.0.0.1:9000/x"
    assert "nothing will be sent to https://127.0.0.1:9000/x: a port" in result.stderr
    monkeypatch.setenv("COUNTERSEAL_CALLBACK_NETWORKS", "127.0.0.1")
    monkeypatch.setenv("COUNTERSEAL_CALLBACK_PORTS", "9000")
    result = run("admin", "allow", origin, "https://127.0.0.1:9000/y", "--data", data)
    assert (result.exit_code, result.stderr) == (0, "")
