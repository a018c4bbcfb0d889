"""Telling who a request comes from, in each scheme, and how little a stranger learns."""

import base64
from datetime import timedelta

import attrs
import pytest

from counterseal import keys
from counterseal._guid_memory import REMEMBERED_GUIDS
from counterseal.credentials.decisions.authentication import SignedRequest
from counterseal.credentials.documents import (
    content_digest,
    write_basic,
    write_cx1,
    write_signature,
)
from counterseal.errors import CredentialRefused, Replayed, RequestStale, StoreUnavailable
from counterseal.models import Scheme
from counterseal.models.guid import mint
from counterseal_testing.faults import Faults, faulty

URI = "https://auth.example.com/api/request/add"
QUERY = "https://auth.example.com/api/request/getRequest?requestGuid=1&other=2"
BODY = b'{"accountId":"alice"}'
NOBODY = mint(0, bytes(15))
NONCE = "0123456789abcdefghijkl"
JSON = ("Content-Type", "application/json")
KEYED = ("Idempotency-Key", "order-7")


@pytest.fixture
def guid(service):
    return service.origin.origin.guid


@pytest.fixture
def hmac(service, guid):
    return service.credentials.issue(guid, Scheme.HMAC).secret


@pytest.fixture
def secret(service, guid):
    return service.credentials.issue(guid, Scheme.SIGNATURE).secret


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


def signed(service, secret, guid, *, seconds=0, nonce=NONCE, headers=(JSON, KEYED), **changes):
    """A request with a message signature; *changes* come after it."""
    message = {"method": "POST", "uri": URI, "body": BODY}
    signature_headers = write_signature(
        secret,
        created=int(service.clock.now().timestamp()) + seconds,
        guid=guid,
        nonce=nonce,
        headers=headers,
        **message,
    )
    return SignedRequest(**message | {"headers": (*headers, *signature_headers)} | changes)


def with_header(request, name, value):
    """The same request with another value of one header, or without it."""
    other_headers = tuple(pair for pair in request.headers if pair[0].lower() != name)
    return attrs.evolve(
        request, headers=other_headers if value is None else (*other_headers, (name, value))
    )


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


@pytest.mark.parametrize("name", ["Signature-Input", "signature-input", "SIGNATURE-INPUT"])
def test_a_request_with_two_credentials_is_refused(service, guid, basic, name):
    request = by_basic(basic, guid)
    refused(service, attrs.evolve(request, headers=((name, "x"),)), CredentialRefused)
    service.authentication.authenticate(attrs.evolve(request, headers=(JSON,)))


# CX1, S23


def test_s23_a_signed_request_tells_its_origin_and_app_space(service, guid, hmac):
    party = service.authentication.authenticate(cx1(service, hmac, guid))
    assert party.origin == service.stored(guid)
    assert party.app_space == service.app_space


def test_an_app_space_of_another_origin_is_never_returned(service, guid, hmac):
    """What is remembered only says what to read in the same trip."""
    party = service.authentication.authenticate(cx1(service, hmac, guid))
    for other in (service.new_app_space("Other").guid, guid, NOBODY):
        service.authentication._app_spaces[guid] = other
        service.clock.advance(timedelta(seconds=1))
        assert service.authentication.authenticate(cx1(service, hmac, guid)) == party
    assert service.authentication._app_spaces[guid] == party.app_space.guid


def test_an_origin_and_its_app_space_are_read_in_one_trip_from_the_second_time_on(
    service, guid, hmac
):
    trips = []

    class Store:
        def get(self, *guids):
            trips.append(guids)
            return service.store.get(*guids)

    authentication = service.but(store=Store()).authentication
    for seconds in range(2):
        authentication.authenticate(cx1(service, hmac, guid, seconds=seconds))
    space = service.app_space.guid
    assert trips == [(guid,), (space,), (guid, space)]


def test_a_service_remembers_the_app_spaces_of_so_many_origins(service, guid, hmac):
    remembered = service.authentication._app_spaces
    for number in range(REMEMBERED_GUIDS):
        remembered[f"origin {number}"] = NOBODY

    service.authentication.authenticate(cx1(service, hmac, guid))

    assert remembered == {guid: service.app_space.guid}


@pytest.mark.parametrize(
    ("seconds", "holds"),
    [(-300, True), (-300.001, False), (-301, False), (60, True), (60.001, False), (61, False)],
)
def test_s23_a_request_older_than_300_s_or_60_s_ahead_is_refused(
    service, guid, hmac, seconds, holds
):
    request = cx1(service, hmac, guid, seconds=seconds)
    if holds:
        service.authentication.authenticate(request)
    else:
        assert refused(service, request, RequestStale).public_code == "unauthorized"


def test_s23_a_replay_inside_the_window_is_refused(service, guid, hmac):
    request = cx1(service, hmac, guid, seconds=60)
    service.authentication.authenticate(request)
    assert refused(service, request, Replayed).public_code == "denied"
    service.clock.advance(timedelta(seconds=360))
    refused(service, request, Replayed)
    service.clock.advance(timedelta(seconds=1))
    refused(service, request, RequestStale)


def test_s23_a_replay_is_one_whatever_its_header_looks_like(service, guid, hmac):
    """The guard knows the recomputed MAC, not the text."""
    request = cx1(service, hmac, guid)
    service.authentication.authenticate(request)
    head, _, signature = request.authorization.rpartition(",")
    assert list(service.ports.replay._ends_by_value) == [
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
    assert {(str(error), error.code, error.public_code) for error in errors} == {
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
def test_a_malformed_cx1_header_is_refused(service, guid, hmac, header):
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
    assert service.ports.replay._ends_by_value == {}


# Message signatures, S23


@pytest.mark.parametrize("headers", [(), (JSON,), (KEYED,), (JSON, KEYED)], ids=str)
def test_s23_a_message_signature_tells_its_origin(service, guid, secret, headers):
    request = signed(service, secret, guid, headers=headers)
    party = service.authentication.authenticate(request)
    assert party.origin == service.stored(guid)
    assert party.app_space == service.app_space


@pytest.mark.parametrize(
    ("seconds", "holds"), [(-300, True), (-301, False), (60, True), (61, False)]
)
def test_s23_the_window_of_a_message_signature(service, guid, secret, seconds, holds):
    request = signed(service, secret, guid, seconds=seconds)
    if holds:
        service.authentication.authenticate(request)
    else:
        assert refused(service, request, RequestStale).public_code == "unauthorized"


def test_s23_a_nonce_counts_once(service, guid, secret):
    request = signed(service, secret, guid, seconds=60)
    service.authentication.authenticate(request)
    assert list(service.ports.replay._ends_by_value) == [("signature", guid, NONCE)]
    refused(service, request, Replayed)
    # Another message with the same nonce is none that the origin should have made.
    refused(service, signed(service, secret, guid, headers=()), Replayed)
    service.authentication.authenticate(signed(service, secret, guid, nonce=NONCE[::-1]))
    service.clock.advance(timedelta(seconds=360))
    refused(service, request, Replayed)
    service.clock.advance(timedelta(seconds=1))
    refused(service, request, RequestStale)


def test_s23_two_signers_may_have_the_same_nonce(service, guid, secret):
    other = service.new_origin(service.app_space, "Other shop").origin.guid
    theirs = service.credentials.issue(other, Scheme.SIGNATURE).secret
    service.authentication.authenticate(signed(service, secret, guid))
    service.authentication.authenticate(signed(service, theirs, other))
    refused(service, signed(service, theirs, guid, nonce=NONCE[::-1]), CredentialRefused)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"method": "post"},
        {"uri": URI + "/"},
        {"uri": URI.replace("https", "http")},
        {"uri": URI.replace("auth.", "other.")},
        {"uri": URI.replace("add", "cancel")},
        {"uri": URI + "?a=b"},
        {"body": BODY + b" "},
        {"body": b""},
        {"body": b'{"accountId":"mallory"}'},
        {"authorization": "Basic YTpi"},
        {"authorization": "x"},
    ],
    ids=str,
)
def test_s23_another_message_than_the_signed_one_is_refused(service, guid, secret, change):
    refused(service, signed(service, secret, guid, **change), CredentialRefused)
    assert service.ports.replay._ends_by_value == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "application/json; charset=latin-1"),
        ("content-type", None),
        ("idempotency-key", "order-8"),
        ("idempotency-key", ""),
        ("idempotency-key", None),
        ("content-digest", content_digest(b"")),
        ("content-digest", None),
        ("signature", f"counterseal=:{'A' * 43}=:"),
        ("signature", None),
        ("signature-input", None),
    ],
)
def test_s23_another_header_than_the_signed_one_is_refused(service, guid, secret, name, value):
    request = signed(service, secret, guid)
    refused(service, with_header(request, name, value), CredentialRefused)
    service.authentication.authenticate(request)


def test_s23_a_digest_that_fits_another_body_is_signed_too(service, guid, secret):
    request = attrs.evolve(signed(service, secret, guid), body=b"other")
    forged = with_header(request, "content-digest", content_digest(b"other"))
    refused(service, forged, CredentialRefused)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (NONCE, NONCE[::-1]),
        ("created=", "created=1"),
        (";alg", ";expires=1;alg"),
        (' "content-digest"', ""),
        ("hmac-sha256", "ed25519"),
        ("counterseal=(", "sig1=("),
    ],
)
def test_s23_other_parameters_than_the_signed_ones_are_refused(service, guid, secret, old, new):
    request = signed(service, secret, guid)
    signature_input = dict(request.headers)["signature-input"]
    assert old in signature_input
    forged = with_header(request, "signature-input", signature_input.replace(old, new, 1))
    with pytest.raises((CredentialRefused, RequestStale)):
        service.authentication.authenticate(forged)


def test_s23_another_key_id_is_refused(service, guid, secret):
    other = service.new_origin(service.app_space, "Other shop").origin.guid
    service.credentials.issue(other, Scheme.SIGNATURE)
    request = signed(service, secret, guid)
    signature_input = dict(request.headers)["signature-input"]
    for stranger in (other, NOBODY, service.app_space.guid):
        forged = with_header(request, "signature-input", signature_input.replace(guid, stranger))
        refused(service, forged, CredentialRefused)


@pytest.mark.parametrize("name", ["signature", "signature-input", "content-digest"])
def test_s23_a_header_given_twice_is_refused(service, guid, secret, name):
    request = signed(service, secret, guid)
    doubled = attrs.evolve(request, headers=(*request.headers, (name, "x")))
    refused(service, doubled, CredentialRefused)


def test_s23_a_message_signature_signs_a_querys_order_and_a_gets_body(service, guid, secret):
    signature_headers = write_signature(
        secret,
        method="GET",
        uri=QUERY,
        created=int(service.clock.now().timestamp()),
        guid=guid,
        nonce=NONCE,
    )
    request = SignedRequest(method="GET", uri=QUERY, headers=signature_headers)
    swapped = QUERY.replace("requestGuid=1&other=2", "other=2&requestGuid=1")
    refused(service, attrs.evolve(request, uri=swapped), CredentialRefused)
    refused(service, attrs.evolve(request, body=b"smuggled"), CredentialRefused)
    service.authentication.authenticate(request)


def test_s23_an_unknown_signer_looks_like_a_wrong_secret(service, guid, secret):
    errors = [
        refused(service, signed(service, secret, stranger), CredentialRefused)
        for stranger in (NOBODY, service.app_space.guid, "00000000-0000-1000-8000-000000000000")
    ]
    errors.append(refused(service, signed(service, "another secret", guid), CredentialRefused))
    assert {(str(error), error.code, error.public_code) for error in errors} == {
        (str(errors[0]), "credential_refused", "unauthorized")
    }


def test_s23_an_unknown_signer_costs_a_mac_as_well(service, guid, secret):
    faults = Faults()
    watched = service.but(entropy=faulty(service.entropy, "entropy", faults))
    with pytest.raises(CredentialRefused):
        watched.authentication.authenticate(signed(service, secret, NOBODY))
    assert faults.calls == ["entropy.token"]


def test_s23_the_old_secret_signs_during_the_overlap_only(service, guid, secret):
    new = service.credentials.issue(guid, Scheme.SIGNATURE, overlap=timedelta(hours=1)).secret
    for number, each in enumerate((secret, new)):
        service.authentication.authenticate(signed(service, each, guid, nonce=f"{number:032}"))
    service.clock.advance(timedelta(hours=1))
    refused(service, signed(service, secret, guid), CredentialRefused)
    service.authentication.authenticate(signed(service, new, guid))


def test_s22_a_guard_that_is_down_lets_no_message_in(service, guid, secret):
    faults = Faults()
    faults.fail("replay.first_seen")
    broken = service.but(replay=faulty(service.ports.replay, "replay", faults))
    with pytest.raises(StoreUnavailable):
        broken.authentication.authenticate(signed(service, secret, guid))


def test_a_stranger_who_signs_fills_no_replay_guard(service, guid, secret):
    for number in range(50):
        refused(service, signed(service, f"guess {number}", guid), CredentialRefused)
    assert service.ports.replay._ends_by_value == {}


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
    assert len({(str(error), error.public_code) for error in errors}) == 1


@pytest.mark.parametrize("header", ["Basic ", "Basic !!!!", "Basic YQ==", "Basic Og==", "basic"])
def test_a_malformed_basic_header_is_refused(service, guid, basic, header):
    refused(service, by_basic(basic, guid, header=header), CredentialRefused)


def test_the_scheme_is_the_origins_one(service, guid):
    basic = service.credentials.issue(guid, Scheme.BASIC).secret
    refused(service, cx1(service, basic, guid), CredentialRefused)
    hmac = service.credentials.issue(guid, Scheme.HMAC).secret
    refused(service, by_basic(hmac, guid), CredentialRefused)
    refused(service, by_basic(basic, guid), CredentialRefused)
    refused(service, signed(service, hmac, guid), CredentialRefused)
    service.authentication.authenticate(cx1(service, hmac, guid))
    secret = service.credentials.issue(guid, Scheme.SIGNATURE).secret
    refused(service, by_basic(secret, guid), CredentialRefused)
    refused(service, cx1(service, secret, guid), CredentialRefused)
    service.authentication.authenticate(signed(service, secret, guid))


def test_an_origin_without_a_credential_is_not_let_in(service, guid):
    """Not even with nothing."""
    for secret in ("", "x", "\0"):
        refused(service, by_basic(secret, guid), CredentialRefused)
        refused(service, cx1(service, secret, guid), CredentialRefused)
        refused(service, signed(service, secret, guid), CredentialRefused)


# Administrators


def test_an_administrator_authenticates_by_cx1(service):
    admin = service.credentials.create_admin("root", all_companies=True)
    request = cx1(service, admin.secret, admin.guid)
    assert service.authentication.authenticate_admin(request) == service.stored(admin.guid)
    refused(service, request, Replayed, "authenticate_admin")


def test_an_administrator_authenticates_by_a_message_signature(service):
    admin = service.credentials.create_admin("root", all_companies=True, scheme=Scheme.SIGNATURE)
    request = signed(service, admin.secret, admin.guid)
    assert service.authentication.authenticate_admin(request) == service.stored(admin.guid)
    refused(service, request, Replayed, "authenticate_admin")
    refused(service, request, CredentialRefused)
    by_cx1 = cx1(service, admin.secret, admin.guid)
    refused(service, by_cx1, CredentialRefused, "authenticate_admin")


def test_an_administrators_credential_ends(service):
    life = timedelta(hours=1)
    admin = service.credentials.create_admin("root", all_companies=True, life=life)
    service.clock.advance(life - timedelta(microseconds=1))
    service.authentication.authenticate_admin(cx1(service, admin.secret, admin.guid))
    service.clock.advance(timedelta(seconds=1))
    refused(
        service, cx1(service, admin.secret, admin.guid), CredentialRefused, "authenticate_admin"
    )


def test_an_administrator_is_no_origin_and_an_origin_no_administrator(service, guid, hmac):
    admin = service.credentials.create_admin("root", all_companies=True)
    refused(service, cx1(service, admin.secret, admin.guid), CredentialRefused)
    refused(service, cx1(service, hmac, guid), CredentialRefused, "authenticate_admin")


def test_an_administrator_does_not_authenticate_by_basic(service):
    admin = service.credentials.create_admin("root", all_companies=True)
    refused(service, by_basic(admin.secret, admin.guid), CredentialRefused, "authenticate_admin")


def test_s34_a_request_shows_neither_header_nor_body(service, guid, hmac):
    request = cx1(service, hmac, guid)
    assert request.authorization not in repr(request)
    assert "alice" not in repr(request)
    secret = service.credentials.issue(guid, Scheme.SIGNATURE).secret
    request = signed(service, secret, guid)
    assert not any(value in repr(request) for _, value in request.headers)
