"""Telling who a request comes from: Basic and CX1, and how little a stranger learns."""

import base64
from datetime import timedelta

import attrs
import pytest

from counterseal import keys
from counterseal.directory import SignedRequest
from counterseal.errors import CredentialRefused, Replayed, RequestStale, StoreUnavailable
from counterseal.models import Scheme
from counterseal.models.guid import mint
from counterseal.testing.faults import Faults, faulty
from counterseal.wire.cx1 import write_basic, write_cx1

URI = "https://auth.example.com/api/request/add"
QUERY = "https://auth.example.com/api/request/getRequest?requestGuid=1&other=2"
BODY = b'{"accountId":"alice"}'
NOBODY = mint(0, bytes(15))


@pytest.fixture
def guid(service):
    return service.origin.origin.guid


@pytest.fixture
def hmac(service, guid):
    return service.credentials.issue(guid, Scheme.HMAC).secret


@pytest.fixture
def basic(service, guid):
    return service.credentials.issue(guid, Scheme.BASIC).secret


def cx1(service, secret, guid, *, seconds=0.0, **changes):
    """A request signed with CX1, so many seconds from now; *changes* come after the signature."""
    signed = {"method": "POST", "uri": URI, "body": BODY}
    header = write_cx1(
        secret,
        milliseconds=round((service.clock.now().timestamp() + seconds) * 1000),
        guid=guid,
        **signed,
    )
    return SignedRequest(**signed | {"authorization": header} | changes)


def by_basic(secret, guid, *, header=None):
    authorization = write_basic(secret, guid=guid) if header is None else header
    return SignedRequest(method="POST", uri=URI, body=BODY, authorization=authorization)


def refused(service, request, refusal, verb="authenticate"):
    """See *request* refused and recorded, in words that tell nothing."""
    before = service.records()
    with pytest.raises(refusal) as caught:
        getattr(service.authentication, verb)(request)
    assert service.records() == before
    event = service.events[-1]
    assert (event.event, event.actor, event.reason) == (
        "credential.check",
        "stranger",
        refusal.code,
    )
    return caught.value


# CX1, S23


def test_s23_a_signed_request_tells_its_origin_and_app_space(service, guid, hmac):
    party = service.authentication.authenticate(cx1(service, hmac, guid))
    assert party.origin == service.stored(guid)
    assert party.app_space == service.app_space


@pytest.mark.parametrize(
    ("seconds", "holds"),
    [(-300, True), (-300.001, False), (-301, False), (60, True), (60.001, False), (61, False)],
)
def test_s23_the_window(service, guid, hmac, seconds, holds):
    request = cx1(service, hmac, guid, seconds=seconds)
    if holds:
        service.authentication.authenticate(request)
    else:
        assert refused(service, request, RequestStale).outward == "unauthorized"


def test_s23_a_replay_inside_the_window_is_refused(service, guid, hmac):
    request = cx1(service, hmac, guid, seconds=60)
    service.authentication.authenticate(request)
    assert refused(service, request, Replayed).outward == "denied"
    service.clock.advance(timedelta(seconds=360))
    refused(service, request, Replayed)
    service.clock.advance(timedelta(seconds=1))
    refused(service, request, RequestStale)


def test_s23_a_replay_is_one_whatever_its_header_looks_like(service, guid, hmac):
    """The guard knows the recomputed MAC, not the text."""
    request = cx1(service, hmac, guid)
    service.authentication.authenticate(request)
    head, _, signature = request.authorization.rpartition(",")
    assert list(service.ports.replay._seen) == [
        ("cx1", guid, keys.b64url(base64.b64decode(signature)))
    ]
    for spelling in (
        signature.rstrip("="),
        signature + "=",
        f" {signature}",
        signature[:-2] + "!=",
    ):
        refused(
            service,
            attrs.evolve(request, authorization=f"{head},{spelling}"),
            CredentialRefused,
        )
    refused(service, request, Replayed)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"method": "post"},
        {"method": "GET", "body": b""},
        {"uri": URI + "/"},
        {"uri": URI.replace("https", "http")},
        {"uri": URI.replace("auth.", "other.")},
        {"uri": URI + "?a=b"},
        {"body": BODY + b" "},
        {"body": b""},
        {"body": b'{"accountId":"mallory"}'},
    ],
    ids=str,
)
def test_s23_another_request_than_the_signed_one_is_refused(service, guid, hmac, change):
    refused(service, cx1(service, hmac, guid, **change), CredentialRefused)


def test_s23_the_order_of_a_query_is_signed(service, guid, hmac):
    header = write_cx1(
        hmac,
        method="GET",
        uri=QUERY,
        milliseconds=int(service.clock.now().timestamp() * 1000),
        guid=guid,
        body=b"",
    )
    request = SignedRequest(method="GET", uri=QUERY, authorization=header)
    swapped = QUERY.replace("requestGuid=1&other=2", "other=2&requestGuid=1")
    refused(service, attrs.evolve(request, uri=swapped), CredentialRefused)
    service.authentication.authenticate(request)


def test_s23_a_get_with_a_body_is_refused_since_the_body_is_not_signed(service, guid, hmac):
    header = write_cx1(
        hmac,
        method="GET",
        uri=QUERY,
        milliseconds=int(service.clock.now().timestamp() * 1000),
        guid=guid,
        body=b"smuggled",
    )
    request = SignedRequest(method="GET", uri=QUERY, authorization=header)
    refused(service, attrs.evolve(request, body=b"smuggled"), CredentialRefused)
    service.authentication.authenticate(request)


def test_s23_an_unknown_key_id_looks_like_a_wrong_secret(service, guid, hmac):
    errors = [
        refused(service, cx1(service, hmac, stranger), CredentialRefused)
        for stranger in (NOBODY, service.app_space.guid, "00000000-0000-1000-8000-000000000000")
    ]
    errors.append(refused(service, cx1(service, "another secret", guid), CredentialRefused))
    assert {(str(error), error.code, error.outward) for error in errors} == {
        (str(errors[0]), "credential_refused", "unauthorized")
    }


def test_s23_an_unknown_key_id_costs_a_mac_as_well(service, guid, hmac):
    """It takes the same path: a secret is made up for it."""
    faults = Faults()
    watched = service.but(entropy=faulty(service.entropy, "entropy", faults))
    with pytest.raises(CredentialRefused):
        watched.authentication.authenticate(cx1(service, hmac, NOBODY))
    assert faults.calls == ["entropy.token"]


def test_s23_the_old_secret_counts_during_the_overlap_only(service, guid, hmac):
    new = service.credentials.issue(guid, Scheme.HMAC, overlap=timedelta(hours=1)).secret
    service.authentication.authenticate(cx1(service, hmac, guid))
    service.authentication.authenticate(cx1(service, new, guid))
    service.clock.advance(timedelta(hours=1))
    refused(service, cx1(service, hmac, guid), CredentialRefused)
    service.authentication.authenticate(cx1(service, new, guid))


def test_s23_the_secrets_text_is_the_key_and_not_what_it_decodes_to(service, guid, hmac):
    decoded = base64.b64decode(hmac).decode("latin-1")
    refused(service, cx1(service, decoded, guid), CredentialRefused)


def test_s23_another_origins_secret_does_not_count(service, guid, hmac):
    other = service.new_origin(service.app_space, "Other shop").origin.guid
    theirs = service.credentials.issue(other, Scheme.HMAC).secret
    refused(service, cx1(service, theirs, guid), CredentialRefused)
    refused(service, cx1(service, hmac, other), CredentialRefused)


@pytest.mark.parametrize(
    "header",
    ["", "CX1-HMAC-SHA256", "Bearer token", "CX1-HMAC-SHA1,x/1,AAAA", "CX1-HMAC-SHA256,a/b,c"],
)
def test_headers_that_are_none(service, guid, hmac, header):
    refused(service, cx1(service, hmac, guid, authorization=header), CredentialRefused)


def test_s22_a_replay_guard_that_is_down_lets_nobody_in(service, guid, hmac):
    faults = Faults()
    faults.fail("replay.first_seen")
    broken = service.but(replay=faulty(service.ports.replay, "replay", faults))
    with pytest.raises(StoreUnavailable):
        broken.authentication.authenticate(cx1(service, hmac, guid))


def test_a_stranger_fills_no_replay_guard(service, guid, hmac):
    for number in range(50):
        refused(service, cx1(service, f"guess {number}", guid), CredentialRefused)
    assert service.ports.replay._seen == {}


# Basic


def test_a_basic_header_tells_its_origin(service, guid, basic):
    for header in (None, write_basic(basic, guid=guid).replace("Basic", "bAsIc")):
        party = service.authentication.authenticate(by_basic(basic, guid, header=header))
        assert party.origin == service.stored(guid)


@pytest.mark.parametrize("secret", ["x", "", "A" * 44])
def test_a_wrong_basic_secret_is_refused(service, guid, basic, secret):
    refused(service, by_basic(secret, guid), CredentialRefused)


def test_an_unknown_basic_user_looks_like_a_wrong_secret(service, guid, basic):
    errors = [
        refused(service, by_basic(basic, stranger), CredentialRefused)
        for stranger in (NOBODY, service.company.guid, "nobody")
    ]
    errors.append(refused(service, by_basic("x", guid), CredentialRefused))
    assert len({(str(error), error.outward) for error in errors}) == 1


@pytest.mark.parametrize("header", ["Basic ", "Basic !!!!", "Basic YQ==", "Basic Og==", "basic"])
def test_basic_headers_that_are_none(service, guid, basic, header):
    refused(service, by_basic(basic, guid, header=header), CredentialRefused)


def test_the_scheme_is_the_origins_one(service, guid):
    basic = service.credentials.issue(guid, Scheme.BASIC).secret
    refused(service, cx1(service, basic, guid), CredentialRefused)
    hmac = service.credentials.issue(guid, Scheme.HMAC).secret
    refused(service, by_basic(hmac, guid), CredentialRefused)
    refused(service, by_basic(basic, guid), CredentialRefused)
    service.authentication.authenticate(cx1(service, hmac, guid))


def test_an_origin_without_a_credential_is_not_let_in(service, guid):
    """Not even with nothing."""
    for secret in ("", "x", "\0"):
        refused(service, by_basic(secret, guid), CredentialRefused)
        refused(service, cx1(service, secret, guid), CredentialRefused)


# Administrators


def test_an_administrator_is_told_by_cx1(service):
    admin = service.credentials.create_admin("root")
    request = cx1(service, admin.secret, admin.guid)
    assert service.authentication.authenticate_admin(request) == service.stored(admin.guid)
    refused(service, request, Replayed, "authenticate_admin")


def test_an_administrators_credential_ends(service):
    life = timedelta(hours=1)
    admin = service.credentials.create_admin("root", life=life)
    service.clock.advance(life - timedelta(microseconds=1))
    service.authentication.authenticate_admin(cx1(service, admin.secret, admin.guid))
    service.clock.advance(timedelta(seconds=1))
    refused(
        service, cx1(service, admin.secret, admin.guid), CredentialRefused, "authenticate_admin"
    )


def test_an_administrator_is_no_origin_and_an_origin_no_administrator(service, guid, hmac):
    admin = service.credentials.create_admin("root")
    refused(service, cx1(service, admin.secret, admin.guid), CredentialRefused)
    refused(service, cx1(service, hmac, guid), CredentialRefused, "authenticate_admin")


def test_an_administrator_is_not_told_by_basic(service):
    admin = service.credentials.create_admin("root")
    refused(service, by_basic(admin.secret, admin.guid), CredentialRefused, "authenticate_admin")


def test_s34_a_request_shows_neither_header_nor_body(service, guid, hmac):
    request = cx1(service, hmac, guid)
    assert request.authorization not in repr(request)
    assert "alice" not in repr(request)
