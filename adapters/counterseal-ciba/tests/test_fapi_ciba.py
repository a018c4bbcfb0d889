"""
The modules of the OpenID Foundation's plan `fapi-ciba-id1-test-plan`, by name.

A test with the name of a module, without `fapi-ciba-id1-`, is that module; the modules about pings
are in `test_fapi_ciba_pings`. `test_fapi_ciba_plan` has the list.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import timedelta

import jwt as pyjwt
import pytest
from ciba_world import ISSUER, USER, new_key
from joserfc import jwk

from counterseal import OPERATOR, verify_receipt
from counterseal_ciba.errors import INVALID_GRANTS

MINUTE = 60
HOUR = 60 * MINUTE


def read_id_token(world, client, text):
    """Verify an ID token as a client does."""
    keys = pyjwt.PyJWKSet.from_dict(world.call("GET", "/ciba/jwks").body)
    header = pyjwt.get_unverified_header(text)
    key = next(one for one in keys.keys if one.key_id == header["kid"])
    options = {"verify_exp": False, "verify_iat": False}
    return pyjwt.decode(
        text, key, algorithms=[header["alg"]], audience=client.guid, issuer=ISSUER, options=options
    )


def damaged(token):
    """Return a token with one bit of its signature changed."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] != 'B' else 'C'}{signature[1:]}"


def unsigned(token):
    """Return the claims of a token in one with `alg: none`."""
    header = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def approve(world):
    (challenge,) = world.phone.pending()
    world.phone.answer(world.phone.fetch(challenge.guid))
    return challenge


# Discovery


def test_discovery_end_point_verification(world):
    answer = world.call("GET", "/.well-known/openid-configuration")

    assert answer.status == 200
    assert answer.body["issuer"] == ISSUER
    assert answer.body["backchannel_authentication_endpoint"] == f"{ISSUER}/ciba/authentication"
    assert answer.body["token_endpoint"] == f"{ISSUER}/ciba/token"
    assert answer.body["jwks_uri"] == f"{ISSUER}/ciba/jwks"
    assert answer.body["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    assert answer.body["backchannel_user_code_parameter_supported"] is False
    assert answer.body["grant_types_supported"] == ["urn:openid:params:grant-type:ciba"]
    assert answer.body["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "private_key_jwt",
    ]
    for algorithms in ("backchannel_authentication_request", "token_endpoint_auth"):
        (name,) = [one for one in answer.body if one.startswith(f"{algorithms}_signing_alg")]
        assert answer.body[name] == ["ES256", "Ed25519", "EdDSA", "PS256", "RS256"]


# The happy path


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "EdDSA", "PS256", "RS256"])
def test_fapi_ciba_id1(world, algorithm):
    client = world.client(algorithm=algorithm)
    begun = client.begin(binding_message="1234")
    assert begun.status == 200
    assert begun.headers["Cache-Control"] == "no-store"
    assert begun.body["expires_in"] > 0
    assert begun.body["interval"] == 5
    assert client.poll(begun.body["auth_req_id"]).error == "authorization_pending"
    challenge = approve(world)

    tokens = client.poll(begun.body["auth_req_id"])

    assert tokens.status == 200
    assert tokens.headers["Cache-Control"] == "no-store"
    assert tokens.body["token_type"] == "Bearer"
    claims = read_id_token(world, client, tokens.body["id_token"])
    receipt = verify_receipt(
        claims["urn:counterseal:receipt"], trusted=world.core.ports.signer.jwks()
    )
    half = hashlib.sha256(tokens.body["access_token"].encode()).digest()[:16]
    assert receipt.display["challenge"] == challenge.guid
    assert claims["sub"] == USER
    assert claims["acr"] == "urn:counterseal:acr:strong"
    assert claims["amr"] == ["pop", "user", "mfa"]
    assert claims["auth_time"] == world.now
    assert claims["urn:openid:params:jwt:claim:auth_req_id"] == begun.body["auth_req_id"]
    assert claims["exp"] > claims["iat"]
    assert claims["at_hash"] == urlsafe_b64encode(half).rstrip(b"=").decode()


def test_fapi_ciba_id1_with_client_secret_basic(world, client):
    begun = client.begin(headers=client.basic)
    approve(world)

    assert client.poll(begun.body["auth_req_id"], headers=client.basic).status == 200


def test_fapi_ciba_id1_with_a_signed_request(world, client):
    begun = client.begin_signed(binding_message="1234", requested_expiry=90)
    assert begun.body["expires_in"] == 90
    approve(world)

    assert client.poll(begun.body["auth_req_id"]).status == 200


def test_refresh_token(world, client):
    """There is none, whatever scope is named, and its grant is refused."""
    supported = world.call("GET", "/.well-known/openid-configuration").body
    assert "refresh_token" not in supported["grant_types_supported"]
    begun = client.begun(scope="openid offline_access")
    approve(world)

    tokens = client.poll(begun).body

    assert tokens.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "id_token",
        "authorization_details",
    }
    answer = client.poll(
        None, form={"grant_type": "refresh_token", "refresh_token": tokens["access_token"]}
    )
    assert (answer.status, answer.error) == (400, "unsupported_grant_type")


def test_ensure_mtls_holder_of_key_required(world, client):
    """
    It does not apply: no token is bound to a certificate or a key, and none says that it is.

    A token that is stolen uses the approved arguments, once, and nothing else.
    """
    supported = world.call("GET", "/.well-known/openid-configuration").body
    for member in (
        "tls_client_certificate_bound_access_tokens",
        "dpop_signing_alg_values_supported",
    ):
        assert member not in supported
    begun = client.begun()
    approve(world)
    tokens = client.poll(begun).body
    assert tokens["token_type"] == "Bearer"

    statuses = [
        world.call(
            "POST",
            "/ciba/consume",
            headers={
                "authorization": f"{scheme} {tokens['access_token']}",
                "content-type": "application/json",
            },
            body=b'{"arguments": {}}',
        ).status
        for scheme in ("DPoP", "Bearer", "Bearer")
    ]

    assert statuses == [401, 200, 409]


def test_user_rejects_authentication(world, client):
    begun = client.begun()
    (challenge,) = world.phone.pending()
    world.phone.answer(world.phone.fetch(challenge.guid), 1)

    answer = client.poll(begun)

    assert (answer.status, answer.error) == (400, "access_denied")


def test_user_disowns_authentication(world, client):
    begun = client.begun()
    (challenge,) = world.phone.pending()
    world.phone.disown(world.phone.fetch(challenge.guid))

    assert client.poll(begun).error == "access_denied"


# Token calls


def test_multiple_call_to_token_endpoint(world, client):
    begun = client.begun()
    assert client.poll(begun).error == "authorization_pending"
    assert client.poll(begun).error == "slow_down"

    world.core.clock.advance(timedelta(seconds=9))
    assert client.poll(begun).error == "slow_down"
    world.core.clock.advance(timedelta(seconds=15))
    assert client.poll(begun).error == "authorization_pending"

    approve(world)
    assert client.poll(begun).status == 200


def test_auth_req_id_expired(world, client):
    begun = client.begin(requested_expiry="30").body
    world.core.clock.advance(timedelta(seconds=begun["expires_in"]))

    answer = client.poll(begun["auth_req_id"])

    assert (answer.status, answer.error) == (400, "expired_token")


def test_ensure_altered_auth_req_id_fails(world, client):
    begun = client.begun()
    approve(world)

    for altered in (begun[:-1] + ("A" if begun[-1] != "A" else "B"), begun + "A", "x"):
        answer = client.poll(altered)
        assert (answer.status, answer.error) == (400, "invalid_grant")
    assert client.poll(None).error == "invalid_request"
    assert client.poll(begun).status == 200


def test_ensure_wrong_auth_req_id_in_token_endpoint_request(world, client):
    begun = client.begun()
    approve(world)
    other = world.client("Another shop")

    assert other.poll(begun).error == "invalid_grant"
    assert client.poll(begun).status == 200


@pytest.mark.parametrize("refusal", INVALID_GRANTS)
def test_what_refuses_a_client_says_nothing_of_its_grant(world, client, monkeypatch, refusal):
    begun = client.begun()

    def refuse(*_):
        raise refusal

    monkeypatch.setattr(type(world.facade._clients), "authenticate", refuse)
    answer = client.poll(begun)

    assert (answer.status, answer.error) == (401, "invalid_client")


def test_ensure_auth_req_id_is_used_once(world, client):
    begun = client.begun()
    approve(world)
    assert client.poll(begun).status == 200

    answer = client.poll(begun)

    assert (answer.status, answer.error) == (400, "invalid_grant")


def test_ensure_other_grant_types_are_refused(world, client):
    begun = client.begun()

    for grant, error in [
        (None, "invalid_request"),
        ("authorization_code", "unsupported_grant_type"),
        ("refresh_token", "unsupported_grant_type"),
    ]:
        assert client.poll(begun, form={"grant_type": grant}).error == error


# Parameters


def test_ensure_authorization_request_with_binding_message_succeeds(world, client):
    client.begun(binding_message="Pay at counter 7")

    (challenge,) = world.phone.pending()

    content = json.loads(challenge.display)["content"]
    assert content["title"] == "Confirm a log-in"
    assert {row["value"] for row in content["keys"]} >= {"Shop", "Pay at counter 7"}


UNUSUAL = "1234 \U0001f44d\U0001f3ff \u54c1\u5ddd"
"""Such as the suite's: an emoji with a modifier, and Japanese."""


def test_ensure_authorization_request_with_potentially_bad_binding_message(world, client):
    """It is shown as it is, or refused."""
    long = client.begin(binding_message=UNUSUAL + "x" * 256)
    assert (long.status, long.error) == (400, "invalid_binding_message")

    client.begun(binding_message=UNUSUAL)

    (challenge,) = world.phone.pending()
    assert UNUSUAL in {row["value"] for row in json.loads(challenge.display)["content"]["keys"]}


@pytest.mark.parametrize("message", ["x" * 257, " ", "two\nlines", "\u202eright to left", "\x00"])
def test_a_binding_message_that_misleads_is_refused(client, message):
    answer = client.begin(binding_message=message)

    assert (answer.status, answer.error) == (400, "invalid_binding_message")


def test_ensure_authorization_request_with_multiple_hints_fails(client):
    for hint in ("login_hint_token", "id_token_hint"):
        answer = client.begin(form={hint: "a hint"})
        assert (answer.status, answer.error) == (400, "invalid_request")
        assert answer.body["error_description"].startswith(f"{hint}: ")


def test_ensure_authorization_request_without_a_hint_fails(client):
    answer = client.begin(login_hint=None)

    assert (answer.status, answer.error) == (400, "invalid_request")


@pytest.mark.parametrize("hint", ["login_hint_token", "id_token_hint"])
def test_ensure_unsupported_hints_are_refused_by_name(client, hint):
    answer = client.begin(login_hint=None, form={hint: "a hint"})

    assert answer.error == "invalid_request"
    assert answer.body["error_description"].startswith(f"{hint}: not supported")


def test_ensure_unknown_user_id(world, client):
    nobody = client.begin(login_hint="user-2")
    assert (nobody.status, nobody.error) == (400, "unknown_user_id")

    world.phone.unbind()
    unbound = client.begin()
    assert unbound == nobody


def test_ensure_other_scope_order_succeeds(client):
    for scope in ("openid profile", "profile openid"):
        assert client.begin(scope=scope).status == 200


@pytest.mark.parametrize("scope", [None, "", "profile", "openidx"])
def test_ensure_authorization_request_without_openid_scope_fails(client, scope):
    assert client.begin(scope=scope).error == "invalid_scope"


def test_ensure_requested_expiry_as_string_succeeds(client):
    for value in ("30", 30):
        assert client.begin_signed(requested_expiry=value).body["expires_in"] == 30


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "soon", "9999999999"])
def test_ensure_requested_expiry_is_a_positive_integer(client, value):
    answer = client.begin(requested_expiry=value)

    assert (answer.error, answer.body["error_description"].split(":")[0]) == (
        "invalid_request",
        "requested_expiry",
    )


def test_requested_expiry_is_at_most_what_the_policy_allows(world, client):
    answer = client.begin(requested_expiry="999999999")

    limit = world.core.policy.action_life_limit
    assert answer.body["expires_in"] == int(limit.total_seconds())


def test_user_code_is_refused(client):
    answer = client.begin(user_code="1234")

    assert answer.error == "invalid_request"
    assert answer.body["error_description"] == "user_code: not supported"


def test_unknown_parameters_are_ignored(client):
    assert client.begin(form={"ui_locales": "de", "acr_values": "x", "claims": "{}"}).status == 200


def test_a_parameter_twice_is_refused(world, client):
    body = (
        f"scope=openid&login_hint={USER}&login_hint=user-2"
        f"&client_assertion_type=x&client_assertion=y"
    )
    answer = world.call("POST", "/ciba/authentication", body=body.encode())

    assert (answer.status, answer.error) == (400, "invalid_request")


def test_a_person_who_was_asked_too_often_is_not_asked(client):
    answers = [client.begin() for _ in range(10)]

    refused = [one for one in answers if one.status != 200]
    assert refused
    assert {(one.status, one.error) for one in refused} == {(403, "access_denied")}


# Signed requests


SIGNED_NEGATIVES = {
    "ensure_request_object_missing_aud_fails": ({"aud": None}, "aud"),
    "ensure_request_object_bad_aud_fails": ({"aud": "https://other.example"}, "aud"),
    "ensure_request_object_missing_iss_fails": ({"iss": None}, "iss"),
    "ensure_request_object_missing_exp_fails": ({"exp": None}, "exp"),
    "ensure_request_object_expired_exp_fails": ({"exp": -31}, "exp"),
    "ensure_request_object_exp_is_70_minutes_in_future_fails": ({"exp": 70 * MINUTE}, "exp"),
    "ensure_request_object_missing_iat_fails": ({"iat": None}, "iat"),
    "ensure_request_object_iat_is_week_in_past_fails": ({"iat": -168 * HOUR}, "exp"),
    "ensure_request_object_iat_is_in_future_fails": ({"iat": 31}, "iat"),
    "ensure_request_object_missing_nbf_fails": ({"nbf": None}, "nbf"),
    "ensure_request_object_nbf_is_10_minutes_in_future_fails": ({"nbf": 10 * MINUTE}, "nbf"),
    "ensure_request_object_nbf_is_70_minutes_in_past_fails": ({"nbf": -70 * MINUTE}, "exp"),
    "ensure_request_object_missing_jti_fails": ({"jti": None}, "jti"),
    "ensure_request_object_other_client_id_fails": ({"client_id": "another"}, "client_id"),
    "ensure_request_object_request_inside_fails": ({"request": "x"}, "request"),
}
TIMES = {"exp", "iat", "nbf"}


@pytest.mark.parametrize("name", SIGNED_NEGATIVES)
def test_ensure_request_object(world, client, name):
    changes, claim_name = SIGNED_NEGATIVES[name]
    changes = {
        claim: world.now + value if claim in TIMES and value is not None else value
        for claim, value in changes.items()
    }
    claims = client.claims(nbf=world.now) | {"scope": "openid", "login_hint": USER} | changes
    token = client.sign({name: value for name, value in claims.items() if value is not None})

    answer = client.begin_signed(token)

    assert (answer.status, answer.error) == (400, "invalid_request")
    assert answer.body["error_description"].startswith(f"request: {claim_name}: ")
    assert not world.phone.pending()


def test_ensure_request_object_bad_iss_fails(world, client):
    answer = client.begin_signed(iss=world.client("Another shop").guid)

    assert answer.error == "invalid_request"
    assert answer.body["error_description"] == "request: iss: another client"


def test_ensure_request_object_signed_by_other_client_fails(world, client):
    other = world.client("Another shop")

    answer = client.begin_signed(client.request(key=other.key))

    assert answer.body["error_description"] == "request: wrong_signature"


def test_ensure_request_object_signature_algorithm_is_none_fails(world, client):
    header = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    _, claims, signature = client.request().split(".")
    for token in (f"{header}.{claims}.", f"{header}.{claims}.{signature}"):
        answer = client.begin_signed(token)
        assert answer.error == "invalid_request"
    assert not world.phone.pending()


def test_ensure_request_object_signature_algorithm_is_bad_fails(client):
    """The suite's name: the algorithm is right, and the signature is not valid."""
    answer = client.begin_signed(damaged(client.request()))

    assert answer.body == {
        "error": "invalid_request",
        "error_description": "request: wrong_signature",
    }


def test_ensure_request_object_signature_algorithm_is_rs256_fails(world):
    client = world.client(algorithm="PS256")

    answer = client.begin_signed(client.request(algorithm="RS256"))

    assert answer.body["error_description"] == "request: wrong_key"


def test_ensure_request_object_signed_with_the_clients_public_key_fails(client):
    secret = jwk.OctKey.import_key(json.dumps(client.key.as_dict(private=False)))
    answer = client.begin_signed(client.request(key=secret, algorithm="HS256"))

    assert answer.body["error_description"] == "request: wrong_algorithm"


def test_ensure_request_object_with_an_unknown_kid_fails(client):
    answer = client.begin_signed(client.request(header={"kid": "key-2"}))

    assert answer.body["error_description"] == "request: wrong_key"


@pytest.mark.parametrize("kid", [[], {}, ["key-1"], 1])
def test_a_kid_that_is_no_text_fails(client, kid):
    signed = [client.assertion()["client_assertion"], client.request()]
    assertion, request = [_with_kid(token, kid) for token in signed]

    answer = client.begin(form=client.assertion(assertion))
    assert (answer.status, answer.error) == (401, "invalid_client")
    answer = client.begin_signed(request)
    assert answer.body["error_description"] == "request: wrong_key"


def _with_kid(token, kid):
    """Return *token* with a header that joserfc does not write; its signature fits no more."""
    header = json.dumps({"alg": "ES256", "kid": kid}).encode()
    encoded = urlsafe_b64encode(header).rstrip(b"=").decode()
    return f"{encoded}.{token.partition('.')[2]}"


def test_ensure_request_object_of_another_type_fails(client):
    answer = client.begin_signed(client.request(header={"typ": "counterseal-answer+jwt"}))

    assert answer.body["error_description"] == "request: wrong_type"


def test_ensure_parameters_beside_a_request_object_fail(client):
    answer = client.begin_signed(form={"binding_message": "unsigned"})

    assert answer.error == "invalid_request"
    assert answer.body["error_description"].startswith("binding_message: outside")


def test_ensure_request_object_is_used_once(client):
    token = client.request()
    assert client.begin_signed(token).status == 200

    answer = client.begin_signed(token)

    assert answer.body["error_description"] == "request: jti: used before"


# Client assertions


ASSERTION_NEGATIVES = {
    "missing_aud": {"aud": None},
    "bad_aud": {"aud": "https://other.example"},
    "missing_iss": {"iss": None},
    "bad_iss": {"iss": "another"},
    "missing_sub": {"sub": None},
    "bad_sub": {"sub": "another"},
    "missing_exp": {"exp": None},
    "expired": {"exp": -5 * MINUTE},
    "expired_beyond_the_leeway": {"exp": -31},
    "too_long": {"exp": 2 * HOUR},
    "not_yet": {"nbf": 31},
    "issued_later": {"iat": 31},
    "missing_jti": {"jti": None},
    "a_text_as_time": {"exp": "soon"},
}

FORM_NEGATIVES = {
    "without_type": lambda form: {"client_assertion": form["client_assertion"]},
    "wrong_type": lambda form: form | {"client_assertion_type": "urn:example:another"},
    "type_only": lambda form: {"client_assertion_type": form["client_assertion_type"]},
    "empty": lambda form: form | {"client_assertion": ""},
    "no_token": lambda form: form | {"client_assertion": "x.y.z"},
    "alg_none": lambda form: form | {"client_assertion": unsigned(form["client_assertion"])},
    "invalid_signature": lambda form: (
        form | {"client_assertion": damaged(form["client_assertion"])}
    ),
}


@pytest.fixture(params=["authentication", "token"])
def endpoint(request, client):
    """Return a function that sends a form to one of the endpoints, authenticated by it only."""

    def send(form, by=client):
        if request.param == "authentication":
            return by.begin(form=form, headers={})
        return by.poll("x", form=form, headers={})

    return send


@pytest.mark.parametrize("name", ASSERTION_NEGATIVES)
def test_ensure_invalid_client_assertions_in_backchannel_authorization_request_fail(
    world, client, endpoint, name
):
    """The claims; the token endpoint gets the same assertions."""
    changes = {
        claim: world.now + value if claim in TIMES and isinstance(value, int) else value
        for claim, value in ASSERTION_NEGATIVES[name].items()
    }

    answer = endpoint(client.assertion(**changes))

    assert (answer.status, answer.body) == (401, {"error": "invalid_client"})
    assert not world.phone.pending()


@pytest.mark.parametrize("name", FORM_NEGATIVES)
def test_ensure_invalid_client_assertions_fail(client, endpoint, name):
    """What is not a signed assertion of the client at all."""
    answer = endpoint(FORM_NEGATIVES[name](client.assertion()))

    assert (answer.status, answer.body) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize("name", ["backchannel_authorization", "token_endpoint"])
def test_ensure_client_assertion_signature_algorithm_is_rs256_fails(world, name):
    """
    The key of a client is for one algorithm.

    The suite's modules are
    ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_rs256_fails
    and ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_rs256_fails.
    """
    client = world.client(algorithm="PS256")
    form = client.assertion(client.sign(client.claims(), algorithm="RS256"))

    answer = client.begin(form=form) if name.startswith("b") else client.poll("x", form=form)

    assert (answer.status, answer.error) == (401, "invalid_client")


def test_ensure_client_assertion_by_another_key_fails(client):
    token = client.sign(client.claims(), key=new_key("ES256", kid="key-1"))

    assert client.begin(form=client.assertion(token)).error == "invalid_client"


def test_ensure_client_assertion_signed_with_the_clients_public_key_fails(client):
    secret = jwk.OctKey.import_key(json.dumps(client.key.as_dict(private=False)))
    token = client.sign(client.claims(), key=secret, algorithm="HS256")

    assert client.begin(form=client.assertion(token)).error == "invalid_client"


def test_ensure_client_assertion_is_used_once(client):
    form = client.assertion()
    assert client.begin(form=form).status == 200

    assert client.begin(form=form).error == "invalid_client"
    assert client.poll("x", form=form).error == "invalid_client"


def test_a_signed_token_is_used_once_for_as_long_as_its_exp_is_accepted(world, client):
    """`exp` may lie in the past by the 30 seconds that clocks may differ."""
    form, token = client.assertion(), client.request()
    assert client.begin(form=form).status == 200
    assert client.begin_signed(token).status == 200
    world.core.clock.advance(timedelta(seconds=89))

    assert client.begin(form=client.assertion(exp=world.now - 29)).status == 200
    assert client.begin(form=form).error == "invalid_client"
    answer = client.begin_signed(token)
    assert answer.body["error_description"] == "request: jti: used before"


def test_a_forged_assertion_uses_up_no_jti(client):
    claims = client.claims()
    forged = client.sign(claims, key=new_key("ES256", kid="key-1"))
    assert client.begin(form=client.assertion(forged)).error == "invalid_client"

    assert client.begin(form=client.assertion(client.sign(claims))).status == 200


def test_a_jti_counts_for_its_client_only(world, client):
    other = world.client("Another shop")

    answers = [one.begin(form=one.assertion(jti="same")) for one in (other, client)]

    assert [answer.status for answer in answers] == [200, 200]


def test_no_error_may_be_cached(world, client):
    """RFC 6749, 5.1 and 5.2: also of what depends on a credential."""
    answers = [
        client.begin(scope=None),
        client.begin(headers={}),
        client.begin(login_hint="nobody"),
        client.poll("x"),
        client.poll("x", headers={}),
        world.call("POST", "/ciba/token", {"grant_type": "password"}, client.basic),
        world.call("GET", "/ciba/token"),
    ]
    assert all(answer.status >= 400 for answer in answers)
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_ensure_client_assertion_of_another_client_fails(world, client):
    other = world.client("Another shop")

    token = client.sign(client.claims(iss=other.guid, sub=other.guid))

    assert client.begin(form=client.assertion(token)).error == "invalid_client"


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER]])
def test_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(client, audience):
    begun = client.begin(form=client.assertion(aud=audience))
    assert begun.status == 200

    answer = client.poll(begun.body["auth_req_id"], form=client.assertion(aud=audience))

    assert answer.error == "authorization_pending"


def test_ensure_without_client_assertion_in_backchannel_authorization_request(client):
    answer = client.begin(headers={}, form={"client_id": client.guid})

    assert (answer.status, answer.error) == (401, "invalid_client")


def test_ensure_without_client_assertion_in_token_endpoint_request(world, client):
    begun = client.begun()
    approve(world)

    answer = client.poll(begun, headers={}, form={"client_id": client.guid})

    assert (answer.status, answer.error) == (401, "invalid_client")
    assert client.poll(begun).status == 200


def test_ensure_without_client_authentication_fails(world, client):
    answer = client.begin(headers={})
    assert (answer.status, answer.error) == (401, "invalid_client")

    basic = client.basic | {"authorization": client.basic["authorization"] + "A"}
    answer = client.begin(headers=basic)
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")

    secret = client.begin(headers={}, form={"client_id": client.guid, "client_secret": "x"})
    assert secret.error == "invalid_client"


def test_ensure_two_ways_of_client_authentication_fail(client):
    assert client.begin(form=client.assertion(), headers=client.basic).error == "invalid_request"


def test_ensure_wrong_client_id_in_backchannel_authorization_request(world, client):
    assert client.begin(form={"client_id": client.guid}).status == 200

    answer = client.begin(form={"client_id": world.client("Other").guid})

    assert (answer.status, answer.error) == (401, "invalid_client")


def test_ensure_wrong_client_id_in_token_endpoint_request(world, client):
    begun = client.begun()
    approve(world)

    answer = client.poll(begun, form={"client_id": world.client("Other").guid})

    assert (answer.status, answer.error) == (401, "invalid_client")
    assert client.poll(begun).status == 200


def test_ensure_different_client_id_and_issuer_in_backchannel_authorization_request(world, client):
    """The form and the signed request name another client than the one that signs."""
    other = world.client("Other").guid

    outside = client.begin_signed(form={"client_id": other})
    assert (outside.status, outside.error) == (401, "invalid_client")

    for claim in ("client_id", "iss"):
        inside = client.begin_signed(**{claim: other})
        assert (inside.status, inside.error) == (400, "invalid_request")
    assert not world.phone.pending()


def test_ensure_an_origin_that_is_no_client_is_refused(world, client):
    world.service.credentials(by=OPERATOR).revoke(client.guid)

    assert client.begin().error == "invalid_client"
    assert client.begin(headers=client.basic).error == "invalid_client"
