"""Audiences: whom what a client signs is for (CIBA Core 1.0, 7.1; draft-ietf-oauth-rfc7523bis)."""

import pytest
from ciba_world import ISSUER

AUTHENTICATION, TOKEN = f"{ISSUER}/ciba/authentication", f"{ISSUER}/ciba/token"
ENDPOINT_AUDIENCES = [
    TOKEN,
    [TOKEN],
    AUTHENTICATION,
    [ISSUER, TOKEN],
    [AUTHENTICATION, TOKEN, ISSUER],
]
FOREIGN_AUDIENCES = [
    None,
    "",
    [],
    "https://other.example",
    [ISSUER, "https://other.example"],
    [ISSUER, ISSUER],
    [[ISSUER]],
    [ISSUER, {}],
    {"aud": ISSUER},
    ISSUER + "/",
    f"{ISSUER}/ciba/consume",
]
DESCRIPTION = "aud: an endpoint; this client has to name the issuer alone"


def refusals(world):
    """Return the event, subject and reason of each refusal that the audit log has."""
    events = world.core.ports.audit.events
    return [(one.event, one.subject, one.reason) for one in events if one.reason]


@pytest.fixture(params=["authentication", "token", "request"])
def sign_for(request, world, client):
    """Return a function that has the service check a token for an audience."""

    def send(audience):
        if request.param == "authentication":
            return client.begin(form=client.assertion(aud=audience))
        if request.param == "token":
            return client.poll("x", form=client.assertion(aud=audience))
        return client.begin_signed(aud=audience)

    send.event = "challenge.issue" if request.param == "request" else "credential.check"
    return send


def is_accepted(answer):
    return answer.status == 200 or answer.error == "invalid_grant"


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER]])
@pytest.mark.parametrize("allowed", [False, True])
def test_the_issuer_alone_is_accepted_from_every_client(client, sign_for, audience, allowed):
    client.allow_endpoint_audiences(allowed=allowed)

    assert is_accepted(sign_for(audience))


@pytest.mark.parametrize("audience", ENDPOINT_AUDIENCES)
def test_an_endpoint_is_refused_and_recorded_by_name(world, client, sign_for, audience):
    answer = sign_for(audience)

    assert answer.error == ("invalid_client" if answer.status == 401 else "invalid_request")
    assert answer.body["error_description"].removeprefix("request: ") == DESCRIPTION
    assert refusals(world) == [(sign_for.event, client.guid, "endpoint_audience")]
    assert not world.phone.pending()


@pytest.mark.parametrize("audience", ENDPOINT_AUDIENCES)
def test_an_endpoint_is_accepted_from_a_client_whose_setting_says_so(client, sign_for, audience):
    client.allow_endpoint_audiences()

    assert is_accepted(sign_for(audience))


@pytest.mark.parametrize("audience", FOREIGN_AUDIENCES)
@pytest.mark.parametrize("allowed", [False, True])
def test_anybody_else_is_refused_from_every_client(world, client, sign_for, audience, allowed):
    client.allow_endpoint_audiences(allowed=allowed)

    assert sign_for(audience).error in {"invalid_client", "invalid_request"}
    assert "endpoint_audience" not in [reason for *_, reason in refusals(world)]


@pytest.mark.parametrize("changes", [{"iss": "x"}, {"exp": 0}, {"jti": None}])
def test_only_what_is_otherwise_valid_is_recorded_by_name(world, client, changes):
    assert client.begin(form=client.assertion(aud=TOKEN, **changes)).error == "invalid_client"
    assert client.begin_signed(aud=TOKEN, **changes).error == "invalid_request"

    assert "endpoint_audience" not in [reason for *_, reason in refusals(world)]


def test_a_stranger_cannot_have_a_client_named(world, client):
    stranger = world.client("Stranger")
    forged = client.sign(client.claims(aud=TOKEN), key=stranger.key)

    answer = client.begin(form=client.assertion(forged))

    assert (answer.status, answer.body) == (401, {"error": "invalid_client"})
    assert "endpoint_audience" not in [reason for *_, reason in refusals(world)]


def test_a_token_that_was_refused_for_its_audience_was_not_used(client):
    form = client.assertion(aud=TOKEN)
    assert client.begin(form=form).error == "invalid_client"
    client.allow_endpoint_audiences()

    assert client.begin(form=form).status == 200
    assert client.begin(form=form).error == "invalid_client"
