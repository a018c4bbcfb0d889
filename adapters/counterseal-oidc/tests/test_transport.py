"""How long a call waits for a provider, how much it reads, and which URLs it follows."""

import threading
from datetime import timedelta
from queue import Queue

import attrs
import pytest
from oidc_loopback import COMPANY, DISCOVERY, Loopback, exchange, login_url, logout, signed

from counterseal.errors import IdentityUnavailable
from counterseal.models import IdpSettings
from counterseal.models.guid import mint
from counterseal_http import Guard
from counterseal_oidc.cache import MAX_FRESH
from counterseal_oidc.grants import Grant, decode_grant


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
def test_a_call_to_a_provider_that_hangs_times_out(
    new_adapter, frozen_clock, space, loopback, path
):
    relying_party = new_adapter(frozen_clock, timeout=timedelta(seconds=5))
    loopback.hanging_paths.add(path)
    with pytest.raises(IdentityUnavailable):
        exchange(relying_party, space)
    assert loopback.requests(path) == 1


def test_a_provider_that_hangs_takes_no_more_than_its_share(
    new_adapter, frozen_clock, space, loopback
):
    relying_party = new_adapter(frozen_clock, max_concurrent_calls=6, timeout=timedelta(minutes=5))
    login_url(relying_party, space)
    loopback.hanging_paths.add("/token")
    threads = [threading.Thread(target=_fail, args=(relying_party, space)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert loopback.requests_hanging.acquire(timeout=60)
    with pytest.raises(IdentityUnavailable, match="too many"):
        exchange(relying_party, space)

    other = Loopback(frozen_clock)
    try:
        assert login_url(relying_party, attrs.evolve(space, issuer=other.url)).startswith(other.url)
        assert login_url(relying_party, space, company=mint(1, bytes(15))).startswith(loopback.url)
    finally:
        other.close()
        loopback.released.set()
        for thread in threads:
            thread.join()


def test_a_call_that_needs_no_request_is_served_while_every_slot_is_taken(
    new_adapter, frozen_clock, space, loopback
):
    relying_party = new_adapter(frozen_clock, max_concurrent_calls=1, timeout=timedelta(minutes=5))
    token = signed(logout(loopback))
    relying_party.read_logout(space, token, company=COMPANY)
    stalled = Loopback(frozen_clock)
    stalled.hanging_paths.add(DISCOVERY)
    stalled_space = attrs.evolve(space, issuer=stalled.url)
    another = mint(1, bytes(15))
    thread = threading.Thread(target=_fail, args=(relying_party, stalled_space, another))
    thread.start()
    try:
        assert stalled.requests_hanging.acquire(timeout=60)
        requests = len(loopback.received_requests)
        # Metadata and keys are in the caches.
        assert login_url(relying_party, space).startswith(loopback.url)
        assert relying_party.read_logout(space, token, company=COMPANY).subject == "zoe"
        # A code has to be sent to the provider; a stale cache has to be filled.
        with pytest.raises(IdentityUnavailable, match="too many"):
            exchange(relying_party, space)
        frozen_clock.advance(MAX_FRESH)
        with pytest.raises(IdentityUnavailable, match="too many"):
            login_url(relying_party, space)
        assert len(loopback.received_requests) == requests
    finally:
        stalled.close()
        thread.join()
    # A missing slot is not cached as a failure of the provider.
    assert login_url(relying_party, space).startswith(loopback.url)


def test_threads_that_wait_for_the_same_provider_have_slots(
    new_adapter, frozen_clock, space, loopback
):
    """A call takes its slot before it waits for the thread that fetches, or threads pile up."""
    relying_party = new_adapter(frozen_clock, max_concurrent_calls=6, timeout=timedelta(minutes=5))
    loopback.hanging_paths.add(DISCOVERY)
    first = threading.Thread(target=_fail, args=(relying_party, space))
    first.start()
    assert loopback.requests_hanging.acquire(timeout=60)
    outcomes = Queue()

    def wait():
        try:
            outcomes.put(login_url(relying_party, space))
        except IdentityUnavailable as error:
            outcomes.put(str(error))

    waiting = [threading.Thread(target=wait) for _ in range(5)]
    for thread in waiting:
        thread.start()
    # One issuer of a company has two of six slots; the other calls are refused at once.
    for _ in range(4):
        assert "too many" in outcomes.get(timeout=60)
    loopback.hanging_paths.discard(DISCOVERY)
    loopback.released.set()
    first.join()
    assert outcomes.get(timeout=60).startswith(loopback.url)
    for thread in waiting:
        thread.join()


def _fail(relying_party, space, company=COMPANY):
    with pytest.raises(IdentityUnavailable):
        exchange(relying_party, space, company=company)


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
def test_an_endless_response_is_not_read_to_its_end(relying_party, space, loopback, path):
    loopback.responses[path] = (200, b" " * 1_000_000, {})
    with pytest.raises(IdentityUnavailable):
        exchange(relying_party, space)


def test_a_response_that_is_nested_too_deeply_is_unavailable(relying_party, space, loopback):
    loopback.responses["/token"] = (200, b"[" * 200_000, {})
    with pytest.raises(IdentityUnavailable):
        exchange(relying_party, space)


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
def test_no_redirect_is_followed(relying_party, space, loopback, path):
    loopback.responses[path] = (307, {}, {"location": f"{loopback.url}/elsewhere"})
    with pytest.raises(IdentityUnavailable):
        exchange(relying_party, space)
    assert loopback.requests("/elsewhere") == 0


def test_an_access_token_of_half_a_surrogate_pair_is_unavailable(relying_party, space, loopback):
    loopback.grant(signed(loopback.claims(at_hash="any")), access_token="\ud800")
    with pytest.raises(IdentityUnavailable):
        exchange(relying_party, space)


def test_a_refresh_token_of_half_a_surrogate_pair_is_ignored(relying_party, space, loopback):
    loopback.grant(signed(loopback.claims()), refresh_token="\ud800")
    identity = exchange(relying_party, space)
    assert decode_grant(identity.grant) == Grant(access_token="access")


# Which URLs


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"response_types_supported": ["id_token"]},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": "S256"},
        {"authorization_endpoint": None},
        {"token_endpoint": None},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://idp.example/auth#fragment"},
        {"authorization_endpoint": "https://idp.example/a b"},
        {"authorization_endpoint": ["https://idp.example/auth"]},
        {"token_endpoint": "file:///etc/passwd"},
    ],
    ids=str,
)
def test_metadata_without_what_the_flow_needs_is_unavailable(
    relying_party, space, loopback, changes
):
    loopback.publish(**changes)
    with pytest.raises(IdentityUnavailable):
        login_url(relying_party, space)


def test_an_issuer_with_a_slash_is_another_issuer(relying_party, space, loopback):
    with_slash = attrs.evolve(space, issuer=f"{loopback.url}/")
    with pytest.raises(IdentityUnavailable):
        login_url(relying_party, with_slash)
    loopback.publish(issuer=with_slash.issuer)
    loopback.clock.advance(timedelta(minutes=1))
    assert login_url(relying_party, with_slash).startswith(loopback.url)


def test_a_query_of_the_endpoint_stays(relying_party, space, loopback):
    loopback.publish(authorization_endpoint=f"{loopback.url}/auth?tenant=a")
    assert login_url(relying_party, space).startswith(
        f"{loopback.url}/auth?tenant=a&response_type=code&"
    )


@pytest.mark.parametrize("endpoint", ["jwks_uri", "token_endpoint"])
def test_metadata_with_private_addresses_is_not_followed(
    new_adapter, frozen_clock, space, loopback, endpoint
):
    port = int(loopback.url.rpartition(":")[2])
    guard = Guard(allow_http=True, allow=("127.0.0.1/32",), ports=frozenset({port}))
    relying_party = new_adapter(frozen_clock, guard=guard)
    loopback.grant(signed(loopback.claims()))
    assert exchange(relying_party, space).subject == "zoe"
    frozen_clock.advance(MAX_FRESH)
    for url in ("http://169.254.169.254/latest/", f"http://127.0.0.2:{port}/x", "http://[::1]/x"):
        loopback.publish(**{endpoint: url})
        frozen_clock.advance(MAX_FRESH)
        with pytest.raises(IdentityUnavailable):
            exchange(relying_party, space)
    assert loopback.requests("/x") == 0


def test_no_user_is_sent_to_an_endpoint_without_tls(
    new_adapter, frozen_clock, space, loopback, monkeypatch
):
    relying_party = new_adapter(frozen_clock)
    login_url(relying_party, space)
    monkeypatch.setattr(relying_party, "_guard", Guard())
    with pytest.raises(IdentityUnavailable, match="without TLS"):
        login_url(relying_party, space)


@pytest.mark.parametrize("issuer", ["not an address", "http://[", "https://", "ftp://idp.example"])
def test_an_issuer_that_is_not_a_url_is_unavailable(relying_party, issuer):
    space = IdpSettings(issuer=issuer, client_id="c", redirect_uri="https://service.example/")
    with pytest.raises(IdentityUnavailable):
        login_url(relying_party, space)
