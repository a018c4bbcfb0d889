"""How long a provider is waited for, how much of it is read, and where it may send us."""

import threading
from datetime import timedelta
from queue import Queue

import attrs
import pytest
from oidc_loopback import COMPANY, DISCOVERY, Loopback, exchange, logout, sent_to, signed

from counterseal.errors import IdentityUnavailable
from counterseal.models import IdpSettings
from counterseal.models.guid import mint
from counterseal_http import Guard
from counterseal_oidc.asking import LONGEST


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
def test_a_provider_that_hangs_is_left_in_time(new_adapter, frozen, space, loopback, path):
    relying = new_adapter(frozen, timeout=timedelta(seconds=1.5))
    loopback.hanging.add(path)
    with pytest.raises(IdentityUnavailable):
        exchange(relying, space)
    assert loopback.requests(path) == 1


def test_a_provider_that_hangs_takes_no_more_than_its_share(new_adapter, frozen, space, loopback):
    relying = new_adapter(frozen, at_once=6, timeout=timedelta(minutes=5))
    sent_to(relying, space)
    loopback.hanging.add("/token")
    held = [threading.Thread(target=_refused, args=(relying, space)) for _ in range(2)]
    for thread in held:
        thread.start()
    for _ in held:
        assert loopback.hangs.acquire(timeout=60)
    with pytest.raises(IdentityUnavailable, match="too many"):
        exchange(relying, space)

    other = Loopback(frozen)
    try:
        assert sent_to(relying, attrs.evolve(space, issuer=other.url)).startswith(other.url)
        assert sent_to(relying, space, company=mint(1, bytes(15))).startswith(loopback.url)
    finally:
        other.close()
        loopback.over.set()
        for thread in held:
            thread.join()


def test_a_call_that_needs_no_request_is_served_while_every_slot_is_taken(
    new_adapter, frozen, space, loopback
):
    relying = new_adapter(frozen, at_once=1, timeout=timedelta(minutes=5))
    told = signed(logout(loopback))
    relying.read_logout(space, told, company=COMPANY)
    stalled = Loopback(frozen)
    stalled.hanging.add(DISCOVERY)
    stalled_space = attrs.evolve(space, issuer=stalled.url)
    another = mint(1, bytes(15))
    thread = threading.Thread(target=_refused, args=(relying, stalled_space, another))
    thread.start()
    try:
        assert stalled.hangs.acquire(timeout=60)
        requests = len(loopback.asked)
        # Discovery and keys are in the caches.
        assert sent_to(relying, space).startswith(loopback.url)
        assert relying.read_logout(space, told, company=COMPANY).subject == "zoe"
        # A code has to be sent to the provider; a stale cache has to be filled.
        with pytest.raises(IdentityUnavailable, match="too many"):
            exchange(relying, space)
        frozen.advance(LONGEST)
        with pytest.raises(IdentityUnavailable, match="too many"):
            sent_to(relying, space)
        assert len(loopback.asked) == requests
    finally:
        stalled.close()
        thread.join()
    # That there was no slot is no failure of the provider's.
    assert sent_to(relying, space).startswith(loopback.url)


def test_threads_that_wait_for_the_same_provider_have_slots(new_adapter, frozen, space, loopback):
    """A slot is taken before the wait for the thread that asks already, or threads pile up."""
    relying = new_adapter(frozen, at_once=6, timeout=timedelta(minutes=5))
    loopback.hanging.add(DISCOVERY)
    first = threading.Thread(target=_refused, args=(relying, space))
    first.start()
    assert loopback.hangs.acquire(timeout=60)
    told = Queue()

    def wait():
        try:
            told.put(sent_to(relying, space))
        except IdentityUnavailable as error:
            told.put(str(error))

    waiting = [threading.Thread(target=wait) for _ in range(5)]
    for thread in waiting:
        thread.start()
    # One issuer of a company has two of six slots; the others are told at once.
    for _ in range(4):
        assert "too many" in told.get(timeout=60)
    loopback.hanging.discard(DISCOVERY)
    loopback.over.set()
    first.join()
    assert told.get(timeout=60).startswith(loopback.url)
    for thread in waiting:
        thread.join()


def _refused(relying, space, company=COMPANY):
    with pytest.raises(IdentityUnavailable):
        exchange(relying, space, company=company)


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
def test_an_answer_without_an_end_is_not_read_to_it(relying, space, loopback, path):
    loopback.says[path] = (200, b" " * 1_000_000, {})
    with pytest.raises(IdentityUnavailable):
        exchange(relying, space)


def test_an_answer_that_is_nested_without_an_end_is_none(relying, space, loopback):
    loopback.says["/token"] = (200, b"[" * 200_000, {})
    with pytest.raises(IdentityUnavailable):
        exchange(relying, space)


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
def test_no_redirect_is_followed(relying, space, loopback, path):
    loopback.says[path] = (307, {}, {"location": f"{loopback.url}/elsewhere"})
    with pytest.raises(IdentityUnavailable):
        exchange(relying, space)
    assert loopback.requests("/elsewhere") == 0


# At which places


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
def test_metadata_that_cannot_serve_is_none(relying, space, loopback, changes):
    loopback.publish(**changes)
    with pytest.raises(IdentityUnavailable):
        sent_to(relying, space)


def test_an_issuer_with_a_slash_is_another_one(relying, space, loopback):
    slashed = attrs.evolve(space, issuer=f"{loopback.url}/")
    with pytest.raises(IdentityUnavailable):
        sent_to(relying, slashed)
    loopback.publish(issuer=slashed.issuer)
    loopback.clock.advance(timedelta(minutes=1))
    assert sent_to(relying, slashed).startswith(loopback.url)


def test_a_query_that_the_endpoint_has_is_kept(relying, space, loopback):
    loopback.publish(authorization_endpoint=f"{loopback.url}/auth?tenant=a")
    assert sent_to(relying, space).startswith(f"{loopback.url}/auth?tenant=a&response_type=code&")


@pytest.mark.parametrize("endpoint", ["jwks_uri", "token_endpoint"])
def test_a_provider_cannot_send_us_into_our_own_network(
    new_adapter, frozen, space, loopback, endpoint
):
    port = int(loopback.url.rpartition(":")[2])
    narrow = Guard(allow_http=True, allow=("127.0.0.1/32",), ports=frozenset({port}))
    relying = new_adapter(frozen, guard=narrow)
    loopback.grant(signed(loopback.claims()))
    assert exchange(relying, space).subject == "zoe"
    frozen.advance(LONGEST)
    for place in ("http://169.254.169.254/latest/", f"http://127.0.0.2:{port}/x", "http://[::1]/x"):
        loopback.publish(**{endpoint: place})
        frozen.advance(LONGEST)
        with pytest.raises(IdentityUnavailable):
            exchange(relying, space)
    assert loopback.requests("/x") == 0


def test_users_are_sent_nowhere_without_tls(new_adapter, frozen, space, loopback, monkeypatch):
    relying = new_adapter(frozen)
    sent_to(relying, space)
    monkeypatch.setattr(relying, "_guard", Guard())
    with pytest.raises(IdentityUnavailable, match="without TLS"):
        sent_to(relying, space)


@pytest.mark.parametrize("issuer", ["not an address", "http://[", "https://", "ftp://idp.example"])
def test_an_issuer_that_is_no_address_is_unavailable(relying, issuer):
    space = IdpSettings(issuer=issuer, client_id="c", redirect_uri="https://service.example/")
    with pytest.raises(IdentityUnavailable):
        sent_to(relying, space)
