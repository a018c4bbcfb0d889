"""The whole flow against the fake of Keycloak, and each of its traps."""

import attrs
import pytest
from fake_keycloak import SECOND, SUB

from counterseal.errors import WrongState
from counterseal.keys import digest
from counterseal.models import OPERATOR, CallbackState, DeadReason

PREFIX = "ciba_callback_response_param_counterseal_"


def approve(world):
    world.answer(0)


def decline(world):
    world.answer(1)


def disown(world):
    (challenge,) = world.phone.pending()
    world.phone.disown(world.phone.fetch(challenge.guid))


def expire(world):
    world.core.clock.advance(115 * SECOND)
    world.core.sweep()


def withdraw(world):
    (challenge,) = world.phone.pending()
    world.core.challenges.cancel(world.core.origin, challenge.guid)


@pytest.mark.parametrize(
    ("end", "status", "error"),
    [
        (approve, "SUCCEED", None),
        (decline, "UNAUTHORIZED", "access_denied"),
        (disown, "UNAUTHORIZED", "access_denied"),
        (expire, "CANCELLED", "access_denied"),
        (withdraw, "CANCELLED", "access_denied"),
    ],
)
def test_a_client_learns_how_its_request_ended(world, keycloak, end, status, error):
    auth_req_id = world.begin()
    assert keycloak.statuses == [201]
    assert keycloak.poll(auth_req_id) == "authorization_pending"
    end(world)

    callback = world.deliver()

    ((body, reply),) = keycloak.callbacks
    assert (body["status"], reply) == (status, 200)
    assert callback.state is CallbackState.DELIVERED
    assert keycloak.poll(auth_req_id) == error


def test_the_receipts_hash_is_a_note_of_the_session(world, keycloak):
    world.begin()
    world.answer()
    callback = world.deliver()

    (request,) = keycloak.pending.values()
    challenge = world.core.ports.store._records[callback.challenge]
    assert request.notes == {
        f"{PREFIX}request": challenge.guid,
        f"{PREFIX}receipt_sha256": digest(challenge.outcome.receipt.encode()),
    }


# Whom, and about what


def test_the_subject_names_the_account_and_not_the_hint(world, keycloak):
    world.core.bind("zoe")
    world.begin()

    assert keycloak.bodies[0]["login_hint"] == "zoe"
    (challenge,) = world.phone.pending()
    account = world.core.ports.store._records[challenge.account]
    assert account.account_id == SUB


def test_a_user_without_an_account_is_an_error_to_the_client(world, keycloak):
    keycloak.users["max"] = "another-id"

    assert world.refused(status=404, login_hint="max")["code"] == "unreachable"


def test_the_binding_message_is_shown_as_a_code_word(world):
    world.begin(binding_message="4711-blue")

    rows = world.rows()
    assert rows["Client"] == "web-shop"
    assert "4711-blue" in rows.values()


@pytest.mark.parametrize(
    "message", ["two words", "Pay 60.00 EUR to Shop", "x" * 51, "Zoë", "", "a\n"]
)
def test_keycloak_carries_no_text_as_a_binding_message(world, keycloak, message):
    """Its pattern; ours is the same, so that nobody else gets around it."""
    reply, body = keycloak.authenticate(binding_message=message)
    assert (reply, body["error"]) == (400, "invalid_binding_message")
    assert keycloak.statuses == []

    assert world.post(keycloak.bearer(sub=SUB), {"binding_message": message}) == 400
    assert world.phone.pending() == ()


def test_a_user_code_is_refused(world, keycloak):
    reply, body = keycloak.authenticate(user_code="1234")
    assert (reply, body["error_description"]) == (400, "User code not supported")
    assert world.post(keycloak.bearer(sub=SUB), {"user_code": "1234"}) == 400


def test_scopes_that_need_consent_are_shown(world, keycloak):
    keycloak.consent.add("web-shop")
    world.begin(scope="openid address phone")

    assert world.rows()["Action"] == "openid address phone"


def test_scopes_that_cannot_be_shown_are_refused(world, keycloak):
    keycloak.consent.add("web-shop")

    assert world.refused(scope="openid " + "x" * 140)["field"] == "scope"


# A request that the origin has made


def test_a_request_of_the_origin_is_taken_up(world, keycloak):
    challenge = world.issue()
    auth_req_id = world.begin(counterseal_request=challenge.guid)

    assert "delete_folder" in world.rows().values()
    world.answer()
    assert world.deliver().state is CallbackState.DELIVERED
    assert keycloak.poll(auth_req_id) is None
    (request,) = keycloak.pending.values()
    assert request.notes[f"{PREFIX}request"] == challenge.guid


def test_a_long_parameter_is_dropped_silently_and_so_a_log_in_is_asked(world, keycloak):
    """What a client sees: the note names another request than the one that it passed."""
    text = "x" * 201
    world.begin(counterseal_request=text)

    assert "counterseal_request" not in keycloak.bodies[0]
    world.answer()
    world.deliver()
    (request,) = keycloak.pending.values()
    assert request.notes[f"{PREFIX}request"] != text


def test_the_sixth_parameter_is_dropped_silently(world, keycloak):
    challenge = world.issue()
    form = {f"parameter_{number}": "x" for number in range(5)}
    world.begin(**form, counterseal_request=challenge.guid)

    assert keycloak.bodies[0].keys() >= form.keys()
    assert "counterseal_request" not in keycloak.bodies[0]
    assert len(world.phone.pending()) == 2


def test_a_realm_of_registered_requests_asks_nobody_to_log_in(world):
    world.register(registered_only=True)

    assert world.refused(counterseal_request="x" * 201)["field"] == "counterseal_request"
    challenge = world.issue()
    world.begin(counterseal_request=challenge.guid)


@pytest.mark.parametrize("member", ["binding_message", "consent"])
def test_nothing_is_added_to_a_request_that_is_shown_already(world, keycloak, member):
    challenge = world.issue()
    form = {"counterseal_request": challenge.guid}
    if member == "consent":
        keycloak.consent.add("web-shop")
    else:
        form["binding_message"] = "4711"

    reply, _ = keycloak.authenticate(**form)

    assert (reply, keycloak.statuses) == (503, [400])


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"transaction_id": "another-client"}, 404),
        ({"transaction_id": None}, 404),
        ({"callback": "elsewhere"}, 409),
        ({"duration": 118 * SECOND}, 400),
    ],
)
def test_a_request_that_does_not_fit_is_refused(world, keycloak, members, status):
    if "callback" in members:
        members = {"callback": keycloak.callback}
    challenge = world.issue(**members)

    reply, _ = keycloak.authenticate(counterseal_request=challenge.guid)

    assert (reply, keycloak.statuses) == (503, [status])
    assert world.core.ports.store._records[challenge.guid].channel is None


@pytest.mark.parametrize("name", ["no-guid", "39c5fc6f-ea7a-8a84-9401-df96758b6b17"])
def test_a_request_that_is_not_there_is_refused(world, name):
    world.refused(status=400 if name == "no-guid" else 404, counterseal_request=name)


# The time


def test_the_bearers_expiry_is_the_deadline(world, keycloak):
    """`requested_expiry` shortens it, though Keycloak tells its client another one."""
    world.begin(requested_expiry="30")
    (challenge,) = world.phone.pending()

    assert challenge.deadline == challenge.issued_at + 25 * SECOND
    world.core.clock.advance(25 * SECOND)
    world.core.sweep()
    world.deliver()
    assert keycloak.callbacks == [
        ({"status": "CANCELLED", "counterseal_request": challenge.guid}, 200)
    ]


def test_a_bearer_that_is_about_to_expire_is_refused(world):
    assert world.refused(requested_expiry="5")["field"] == "duration"


def test_nothing_is_called_back_once_the_bearer_has_expired(world, keycloak):
    world.begin()
    world.answer()
    world.core.clock.advance(120 * SECOND)

    callback = world.deliver()

    assert (callback.state, callback.cause) == (CallbackState.DEAD, DeadReason.EXHAUSTED)
    assert keycloak.callbacks == []


# The one callback


def test_a_second_callback_would_remove_the_request(world, keycloak):
    """So it is never sent: a lost answer is `unknown`, and the approval counts."""
    auth_req_id = world.begin()
    world.answer()
    world.core.clock.advance(SECOND)
    (guid,) = world.core.callbacks.due()
    keycloak.answer_late.clear()
    policy = attrs.evolve(world.core.policy, callback_timeout=SECOND)

    lost = type(world.core.callbacks)(world.core.ports, policy).attempt(guid)
    keycloak.answer_late.set()

    assert (lost.state, lost.cause) == (CallbackState.DEAD, DeadReason.UNKNOWN)
    assert [status for _, status in keycloak.callbacks] == [200]
    with pytest.raises(WrongState):
        world.core.callbacks.requeue(guid, by=OPERATOR)
    world.core.clock.advance(60 * SECOND)
    assert world.core.callbacks.due() == ()
    assert keycloak.poll(auth_req_id) is None
    # What the fake does with a second one, as the sources say:
    assert keycloak.called_back(f"Bearer {keycloak.bearers[0]}", b'{"status": "SUCCEED"}') == 403
    assert keycloak.poll(auth_req_id) == "invalid_grant"


def test_a_refused_connection_is_tried_again(world, keycloak):
    auth_req_id = world.begin()
    world.answer()
    keycloak._server.socket.close()
    keycloak.close()
    queued_callback = world.deliver()
    assert (queued_callback.state, queued_callback.begun_at) == (CallbackState.QUEUED, None)
    assert queued_callback.attempts == 1
    assert keycloak.poll(auth_req_id) == "authorization_pending"


def test_a_dead_client_that_is_pinged_makes_it_a_400(world, keycloak):
    """Keycloak pings within our callback; the request is approved all the same."""
    keycloak.clients["desk"] = lambda request: False
    auth_req_id = world.begin("desk", client_notification_token="a-token")
    world.answer()

    callback = world.deliver()

    assert [status for _, status in keycloak.callbacks] == [400]
    assert (callback.state, callback.cause) == (CallbackState.DEAD, DeadReason.FINAL)
    assert callback.last_status == 400
    with pytest.raises(WrongState):
        world.core.callbacks.requeue(callback.guid, by=OPERATOR)
    assert keycloak.poll(auth_req_id) is None


def test_a_living_client_is_pinged(world, keycloak):
    pinged = []
    keycloak.clients["desk"] = lambda request: pinged.append(request.auth_req_id) or True
    auth_req_id = world.begin("desk", client_notification_token="a-token")
    world.answer()

    assert world.deliver().state is CallbackState.DELIVERED
    assert pinged == [auth_req_id]


def test_a_request_that_keycloak_did_not_store_is_refused_once(world, keycloak):
    """Its connection broke before our 201 came, so that nobody waits for the answer."""
    world.begin()
    keycloak.pending.clear()
    world.answer()

    callback = world.deliver()

    assert [status for _, status in keycloak.callbacks] == [403]
    assert (callback.state, callback.cause) == (CallbackState.DEAD, DeadReason.FINAL)


def test_the_answer_is_exactly_201_without_an_outcome(world, keycloak):
    world.begin()

    assert (keycloak.statuses, keycloak.content) == ([201], b"")


def test_a_status_but_201_is_an_error_to_the_client(world, keycloak):
    keycloak.channel = keycloak.channel.replace("/authentication", "/elsewhere")
    world.channel.serves = lambda path: True
    world.channel.respond = lambda request: type(
        "Response", (), {"status": 200, "headers": (), "body": b""}
    )

    assert keycloak.authenticate()[0] == 503
