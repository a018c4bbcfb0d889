"""The five calls: what each returns in each state, and what each refuses by name."""

import json
import uuid
from datetime import datetime, timedelta

import attrs
import pytest
from aap_world import APPROVE, CALL, DECLINE, URL, USER, World

from counterseal import SignedRequest
from counterseal.credentials.documents import write_basic
from counterseal.errors import ArgumentsDiffer, AskingOnly, StoreUnavailable
from counterseal.models import (
    Action,
    ActionState,
    ChallengeState,
    Question,
    RefusalReason,
    Scheme,
)
from counterseal_web import REQUEST_ID

MINUTE = timedelta(minutes=1)


def at(text):
    return datetime.fromisoformat(text)


def rows(world, request_id):
    display = json.loads(world.challenge(request_id).display)
    return {row["key"]: row["value"] for row in display["content"]["keys"]}


# Open


def test_a_tool_call_becomes_an_action_that_the_person_reads(world, agent):
    context = {"call_id": "run-7:call-1", "framework": "test"}

    answer = agent.open(server="files", agent_reasoning="It is\n old.", context=context)

    assert answer.status == 201
    request_id = answer.body["id"]
    assert str(uuid.UUID(request_id)) == request_id
    assert answer.body == {
        **CALL,
        "server": "files",
        "agent_reasoning": "It is\n old.",
        "context": context,
        "id": request_id,
        "status": "pending",
        "created_at": answer.body["created_at"],
        "deadline_at": answer.body["deadline_at"],
    }
    assert at(answer.body["deadline_at"]) - at(answer.body["created_at"]) == 5 * MINUTE
    challenge = world.challenge(request_id)
    assert challenge.action.type == "tool-call"
    assert rows(world, request_id) == {
        "Tool": "delete_folder on files",
        "$.depth": "2",
        "$.path": '"/srv/backups/2019"',
        "$.share": "0.5",
        "Run": "run-7:call-1",
        "Purpose": "The agent says: It is old.",
        "Valid until": rows(world, request_id)["Valid until"],
    }


def test_what_only_the_adapter_knows_is_optional(world, agent):
    request_id = agent.opened()

    assert {"Run", "Purpose", "Agent"}.isdisjoint(rows(world, request_id))
    assert agent.get(request_id).body.keys() == {
        *CALL,
        *("id", "status", "created_at", "deadline_at"),
    }


def test_a_claim_or_a_run_that_is_too_long_is_returned_and_not_displayed(world, agent):
    members = {"agent_reasoning": "x" * 1_020, "context": {"call_id": "y" * 257}}

    request_id = agent.opened(**members)

    assert {"Run", "Purpose"}.isdisjoint(rows(world, request_id))
    assert agent.get(request_id).body | members == agent.get(request_id).body


def test_a_window_is_shortened_to_the_policy_and_never_lengthened(world, agent):
    answer = agent.open(timeout="24h")

    assert answer.body["timeout"] == "24h"
    life = at(answer.body["deadline_at"]) - at(answer.body["created_at"])
    assert life == world.core.policy.action_life_limit


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tool": None}, "tool: missing"),
        ({"arguments": None}, "arguments: missing"),
        ({"timeout": None}, "timeout: missing"),
        ({"tool": ""}, "tool: "),
        ({"tool": "delete folder"}, "tool: "),
        ({"tool": "delete\u202efolder"}, "tool: "),
        ({"tool": "x" * 121}, "tool: "),
        ({"tool": 7}, "tool: "),
        ({"server": ""}, "server: "),
        ({"server": " files"}, "server: "),
        ({"arguments": []}, "arguments: not an object"),
        ({"arguments": {"number": 2**53}}, "arguments.number: "),
        ({"arguments": {"text": "x" * 4_001}}, "arguments: "),
        ({"arguments": {str(n): n for n in range(41)}}, "arguments: "),
        ({"timeout": "5"}, "timeout: "),
        ({"timeout": "0s"}, "timeout: "),
        ({"timeout": "05m"}, "timeout: "),
        ({"timeout": "1234567890s"}, "timeout: "),
        ({"timeout": 300}, "timeout: "),
        ({"agent_reasoning": 7}, "agent_reasoning: "),
        ({"context": "x"}, "context: not an object"),
        ({"context": {"x": "y" * 33_000}}, "body: "),
        ({"approver": "user-2"}, "approver: unknown"),
        ({"account_id": "user-2"}, "account_id: unknown"),
        ({"status": "approved"}, "status: unknown"),
    ],
)
def test_a_member_that_does_not_fit_is_refused_by_name(world, agent, changes, message):
    answer = agent.open(**changes)

    assert (answer.status, answer.error) == (400, ("invalid_request", "invalid_field"))
    assert answer.message.startswith(message)
    assert not world.phone.pending()


def test_a_null_and_a_member_twice_are_refused(world, agent):
    key = {"idempotency-key": "key-1", "content-type": "application/json"}
    for body, field in (
        (json.dumps(CALL | {"context": None}), "context: null"),
        ('{"tool": "a", "tool": "b", "arguments": {}, "timeout": "5m"}', "body: "),
        ("[]", "body: not an object"),
        ("{", "body: "),
    ):
        answer = agent.call("POST", "/v1/requests", headers=key, body=body.encode())
        assert (answer.status, answer.error[0]) == (400, "invalid_request")
        assert answer.message.startswith(field)
    assert not world.phone.pending()


def test_no_error_may_be_cached(agent):
    answers = [
        agent.open(tool=None),
        agent.open(headers={"authorization": "Bearer x"}),
        agent.open(headers={"idempotency-key": ""}),
        agent.call("GET", "/v1/requests/nothing"),
        agent.call("DELETE", "/v1/requests"),
        agent.call("GET", "/v2"),
    ]
    assert all(answer.status >= 400 for answer in answers)
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


def test_the_key_is_required_and_bounded(world, agent):
    answer = agent.call("POST", "/v1/requests", CALL)
    assert (answer.status, answer.error) == (400, ("invalid_request", "missing_idempotency_key"))
    answer = agent.open(key="k" * 257)
    assert (answer.status, answer.message[:17]) == (400, "Idempotency-Key: ")
    assert not world.phone.pending()


def test_a_repeated_key_returns_the_request_as_it_stands_now(world, agent):
    first = agent.open()
    assert agent.open().body == first.body
    world.answer(first.body["id"])

    again = agent.open()

    assert (again.status, again.body["id"], again.body["status"]) == (
        200,
        first.body["id"],
        "approved",
    )
    assert len(world.phone.ended()) == 1
    assert not world.phone.pending()


@pytest.mark.parametrize(
    "changes",
    [
        {"arguments": CALL["arguments"] | {"path": "/srv/backups/2020"}},
        {"timeout": "300s"},
        {"context": {"call_id": "other"}},
        {"agent_reasoning": "x" * 2_000},
    ],
)
def test_a_repeated_key_for_another_request_is_a_conflict(world, agent, changes):
    first = agent.open()
    world.answer(first.body["id"])

    answer = agent.open(**changes)

    assert (answer.status, answer.error) == (409, ("conflict", "idempotency_conflict"))
    assert agent.get(first.body["id"]).body["arguments"] == CALL["arguments"]


def test_a_key_is_the_agents_own(world, agent):
    first, second = agent.open(), world.agent("Other").open()

    assert (first.status, second.status) == (201, 201)
    assert first.body["id"] != second.body["id"]


@pytest.mark.parametrize("name", ["nobody", "user-1/v1/requests", "USER-1"])
def test_an_approver_who_does_not_exist_is_not_found(agent, name):
    headers = {"idempotency-key": "key-1"}

    answer = agent.call("POST", "/v1/requests", CALL, headers, base=f"{URL}/aap/{name}")

    assert (answer.status, answer.error) == (404, ("not_found", "unreachable"))


def test_a_locked_account_is_not_asked(world, agent):
    world.phone.lock()

    assert agent.open().error == ("not_found", "unreachable")


def test_an_account_id_may_have_any_characters(world):
    world.core.bind("ann@example.org/käse ?#")
    agent = world.agent()
    base = f"{URL}/aap/ann%40example.org%2Fk%C3%A4se%20%3F%23"

    answer = agent.call("POST", "/v1/requests", CALL, {"idempotency-key": "1"}, base=base)

    assert answer.status == 201
    assert agent.call("GET", f"/v1/requests/{answer.body['id']}", base=base).status == 200


def test_who_asks_too_often_learns_when_to_come_again(agent):
    answers = [agent.open(key=f"key-{number}") for number in range(40)]

    refused = next(answer for answer in answers if answer.status != 201)
    assert (refused.status, refused.error[0]) == (429, "rate_limit")
    assert int(refused.headers["retry-after"]) >= 1


def test_nobody_is_asked_for_an_approval_that_could_not_be_used():
    world = World(arguments_required=True)

    answer = world.agent().open()

    assert (answer.status, answer.error) == (403, ("authorization", "arguments_missing"))
    assert not world.phone.pending()


# Get


def test_a_wait_ends_when_the_person_answers(world, agent):
    request_id = agent.opened()
    answered = []

    class Wake:
        """A wake-up that comes after the person has answered."""

        def notify(self, topic):
            pass

        def wait(self, topic, _):
            answered.append(topic)
            world.answer(request_id)

    world.service.waiters._wake = Wake()

    answer = agent.get(request_id, "?wait=25s")

    assert answered == [request_id]
    assert (answer.status, answer.body["status"]) == (200, "approved")


def test_a_wait_that_ends_without_a_decision_returns_the_pending_request(world):
    world.service.settings = attrs.evolve(
        world.service.settings, wait_limit=timedelta(milliseconds=20)
    )
    agent = world.agent()

    answer = agent.get(agent.opened(), "?wait=30s")

    assert (answer.status, answer.body["status"]) == (200, "pending")
    assert "decision" not in answer.body


@pytest.mark.parametrize("query", ["?wait=5", "?wait=", "?wait=1s&wait=2s", "?limit=3"])
def test_a_query_that_is_not_understood_is_refused(agent, query):
    answer = agent.get(agent.opened(), query)

    assert (answer.status, answer.error) == (400, ("invalid_request", "invalid_field"))


def test_an_approval_says_until_when_it_may_be_used(world, agent):
    request_id = agent.opened()
    world.core.clock.advance(MINUTE)
    world.answer(request_id)

    body = agent.get(request_id).body

    assert body["status"] == body["decision"]["status"] == "approved"
    assert at(body["decision"]["decided_at"]) == world.core.clock.now()
    assert at(body["decision"]["expires_at"]) == world.challenge(request_id).action.valid_until
    assert "consumption" not in body
    world.core.clock.advance(timedelta(days=2))
    world.core.sweep()
    assert agent.get(request_id).body == body


@pytest.mark.parametrize(
    ("reason", "note"),
    [
        (None, None),
        (RefusalReason.DECLINED, None),
        (RefusalReason.PRESSURED, None),
        (RefusalReason.OTHER, None),
        (RefusalReason.WRONG_DETAILS, "The person says that details are wrong."),
        (RefusalReason.NOT_MINE, "The person does not know of this request."),
    ],
)
def test_a_denial_has_the_reason_that_an_agent_may_know(world, agent, reason, note):
    request_id = agent.opened()
    world.phone.answer(world.challenge(request_id), DECLINE, reason=reason)

    decision = agent.get(request_id).body["decision"]

    assert decision["status"] == "denied"
    assert decision.get("note") == note
    assert "expires_at" not in decision


def test_a_disowned_request_is_denied(world, agent):
    request_id = agent.opened()
    world.phone.disown(world.challenge(request_id))

    assert agent.get(request_id).body["decision"]["status"] == "denied"


def test_an_expired_request_is_the_same_before_and_after_a_worker_has_seen_it(world, agent):
    request_id = agent.opened()
    world.core.clock.advance(5 * MINUTE)
    before = agent.get(request_id)
    world.core.clock.advance(MINUTE)
    assert world.core.sweep() == 1

    assert world.challenge(request_id).state is ChallengeState.EXPIRED
    assert agent.get(request_id).body == before.body
    assert before.body["decision"] == {
        "status": "expired",
        "decided_at": before.body["deadline_at"],
    }


def test_a_request_is_found_by_its_own_agent_and_under_its_approver_only(world, agent):
    request_id = agent.opened()
    world.core.bind("user-2")
    path = f"/v1/requests/{request_id}"

    others = [
        world.agent("Other").call("GET", path),
        agent.call("GET", path, base=f"{URL}/aap/user-2"),
        agent.call("GET", f"/v1/requests/{uuid.uuid4()}"),
        agent.call("GET", "/v1/requests/x"),
    ]

    assert {(answer.status, answer.error) for answer in others} == {(404, ("not_found",) * 2)}


def test_a_request_of_the_origin_api_is_none_of_this_protocol(world, agent):
    issued = world.core.ask(USER, "Pay?", origin=agent.party)

    assert agent.get(issued.challenge.guid).status == 404
    assert agent.cancel(issued.challenge.guid).status == 404
    assert world.phone.pending() == (issued.challenge,)


def test_an_action_of_the_origin_api_is_not_used_without_its_arguments(world, agent):
    """The origin asked where arguments are compared, so its token skips no comparison here."""
    core, arguments = world.core, CALL["arguments"]
    action = Action(type="tool-call", resource=CALL["tool"], arguments=arguments)
    question = Question(account_id=USER, content=action)
    guid = core.challenges.issue(agent.party, question).challenge.guid
    world.answer(guid)
    status = core.actions.status(agent.party, guid)
    assert (status.action.state, status.use) == (ActionState.APPROVED, None)

    for answer in (agent.consume(guid), agent.report(guid, status="succeeded")):
        assert (answer.status, answer.error) == (404, ("not_found",) * 2)

    assert core.actions.status(agent.party, guid) == status
    with pytest.raises(ArgumentsDiffer):
        core.actions.consume(agent.party, guid, arguments | {"path": "/"})
    assert core.actions.consume(agent.party, guid, arguments).use.presented


# Cancel


def test_a_request_is_cancelled_and_again_changes_nothing(world, agent):
    request_id = agent.opened()

    first = agent.cancel(request_id)

    assert (first.status, first.body["status"]) == (200, "cancelled")
    assert first.body["decision"]["status"] == "cancelled"
    assert agent.cancel(request_id).body == first.body
    assert agent.get(request_id).body == first.body
    assert not world.phone.pending()


@pytest.mark.parametrize("ending", ["approved", "denied", "expired"])
def test_a_request_that_has_ended_is_not_cancelled(world, agent, ending):
    request_id = agent.opened()
    if ending == "expired":
        world.core.clock.advance(5 * MINUTE)
    else:
        world.answer(request_id, APPROVE if ending == "approved" else DECLINE)

    answer = agent.cancel(request_id)

    assert (answer.status, answer.error) == (409, ("conflict", "already_terminal"))
    assert agent.get(request_id).body["status"] == ending


def test_another_client_cannot_cancel(world, agent):
    request_id = agent.opened()

    assert world.agent("Other").cancel(request_id).status == 404

    assert agent.get(request_id).body["status"] == "pending"
    assert len(world.phone.pending()) == 1


# Consume and report


def test_an_approval_is_used_once_and_its_receipt_says_that_no_arguments_were_presented(
    world, agent
):
    request_id = agent.opened()
    world.answer(request_id)

    answer = agent.consume(request_id)

    assert (answer.status, answer.body["status"]) == (200, "approved")
    assert at(answer.body["consumption"]["consumed_at"]) == world.core.clock.now()
    status = world.core.actions.status(agent.party, request_id)
    assert not status.use.presented
    assert agent.get(request_id).body == answer.body


@pytest.mark.parametrize("key", ["use-1", "use-2"])
def test_a_replayed_key_of_a_use_is_refused(world, agent, key):
    request_id = agent.opened()
    world.answer(request_id)
    agent.consume(request_id, "use-1")

    answer = agent.consume(request_id, key)

    assert (answer.status, answer.error) == (409, ("conflict", "already_consumed"))


def test_a_use_needs_a_key_and_has_no_body(world, agent):
    request_id = agent.opened()
    world.answer(request_id)
    path = f"/v1/requests/{request_id}/consume"

    assert agent.call("POST", path).error == ("invalid_request", "missing_idempotency_key")
    answer = agent.call("POST", path, {"arguments": {}}, {"idempotency-key": "use-1"})
    assert (answer.status, answer.message[:6]) == (400, "body: ")
    assert "consumption" not in agent.get(request_id).body


@pytest.mark.parametrize("ending", ["pending", "denied", "cancelled", "expired", "withdrawn"])
def test_without_an_approval_there_is_nothing_to_use(world, agent, ending):
    request_id = agent.opened()
    if ending == "denied":
        world.answer(request_id, DECLINE)
    elif ending == "cancelled":
        agent.cancel(request_id)
    elif ending == "expired":
        world.core.clock.advance(5 * MINUTE)
    elif ending == "withdrawn":
        world.answer(request_id)
        world.core.actions.withdraw(agent.party, request_id)

    answer = agent.consume(request_id)

    assert (answer.status, answer.error) == (409, ("conflict", "not_approved"))


def test_an_approval_whose_time_has_passed_is_not_used(world, agent):
    request_id = agent.opened()
    world.answer(request_id)
    world.core.clock.advance(timedelta(days=1))

    assert agent.consume(request_id).error == ("conflict", "approval_expired")


def test_what_a_revoked_device_or_a_locked_account_approved_is_not_used(world, agent):
    request_id = agent.opened()
    world.answer(request_id)
    second = world.core.bind(USER)
    world.phone.unbind()
    assert agent.consume(request_id).error == ("conflict", "approver_inactive")
    second.lock()

    assert agent.consume(request_id).error == ("conflict", "approver_locked")


def test_another_client_cannot_use_an_approval(world, agent):
    request_id = agent.opened()
    world.answer(request_id)

    assert world.agent("Other").consume(request_id).status == 404
    assert agent.consume(request_id).status == 200


def test_a_policy_that_demands_arguments_later_refuses_the_use(world, agent):
    request_id = agent.opened()
    world.answer(request_id)
    world.service.actions = attrs.evolve(
        world.service.actions, policy=attrs.evolve(world.core.policy, arguments_required=True)
    )

    answer = agent.consume(request_id)

    assert (answer.status, answer.error) == (403, ("authorization", "arguments_missing"))


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_an_outcome_is_reported_once(world, agent, status):
    request_id = agent.opened()
    world.answer(request_id)
    agent.consume(request_id)
    other = {"succeeded": "failed", "failed": "succeeded"}[status]

    answer = agent.report(request_id, status=status, note="Done.")

    assert answer.status == 200
    outcome = answer.body["consumption"]["outcome"]
    assert (outcome["status"], outcome["note"]) == (status, "Done.")
    assert agent.report(request_id, status=status, note="Done.").body == answer.body
    for members in ({"status": other}, {"status": status, "note": "Else."}):
        assert agent.report(request_id, **members).error == ("conflict", "outcome_conflict")
    assert agent.get(request_id).body == answer.body


def test_an_outcome_follows_a_use(world, agent):
    request_id = agent.opened()
    assert agent.report(request_id, status="succeeded").error == ("conflict", "not_consumed")
    world.answer(request_id)

    assert agent.report(request_id, status="succeeded").error == ("conflict", "not_consumed")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "status: missing"),
        ({"status": "unknown"}, "status: "),
        ({"status": ["failed"]}, "status: "),
        ({"status": "failed", "note": ""}, "note: "),
        ({"status": "failed", "note": "x" * 1_025}, "note: "),
        ({"status": "failed", "note": 7}, "note: "),
        ({"status": "failed", "code": 7}, "code: unknown"),
    ],
)
def test_an_outcome_that_does_not_fit_is_refused_by_name(world, agent, members, message):
    request_id = agent.opened()
    world.answer(request_id)
    agent.consume(request_id)

    answer = agent.report(request_id, **members)

    assert (answer.status, answer.error) == (400, ("invalid_request", "invalid_field"))
    assert answer.message.startswith(message)


# Who calls, and how


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer {guid}",
        "Bearer .{key}",
        "Bearer {guid}.",
        "Bearer {guid}.{key}x",
        "Bearer x.{key}",
        "Basic {guid}.{key}",
    ],
)
def test_what_is_no_credential_is_refused(world, agent, authorization):
    guid, _, key = agent.token.partition(".")
    request_id = agent.opened()

    answer = agent.call(
        "GET",
        f"/v1/requests/{request_id}",
        headers={"authorization": authorization.format(guid=guid, key=key)},
    )

    assert (answer.status, answer.error[0]) == (401, "authentication")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_credential_and_the_key_of_another_scheme_are_refused(world, agent):
    request_id = agent.opened()
    world.core.credentials.revoke(agent.party.origin.guid)

    assert agent.get(request_id).status == 401
    assert world.agent("Signs", scheme=Scheme.HMAC).open().status == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/v1/requests", 405),
        ("PATCH", "/v1/requests/{id}", 405),
        ("GET", "/v1/requests/{id}/consume", 405),
        ("POST", "/v1/requests/{id}/approve", 404),
        ("POST", "/v1/requests/{id}/decision", 404),
        ("POST", "/v1/instances", 404),
        ("GET", "/v1/requests/", 404),
    ],
)
def test_there_is_no_call_that_answers(world, agent, method, path, status):
    request_id = agent.opened()

    answer = agent.call(method, path.format(id=request_id), {"status": "approved"})

    assert answer.status == status
    assert answer.error[0] == ("not_found" if status == 404 else "invalid_request")
    assert agent.get(request_id).body["status"] == "pending"


def test_an_agent_cannot_approve_its_own_call(world, agent):
    """Every call of the protocol, in any order, leaves the decision to the device."""
    request_id = agent.opened()

    agent.report(request_id, status="succeeded")
    agent.consume(request_id)
    agent.open()

    assert agent.get(request_id).body["status"] == "pending"
    assert world.challenge(request_id).outcome is None


def test_an_agent_with_the_token_cannot_bind_a_device_of_its_own(world, agent):
    """It calls the origin API by the credential that the token is."""
    name, _, key = agent.token.partition(".")
    request = SignedRequest(
        method="PUT", uri=f"{URL}/account/bind", authorization=write_basic(key, guid=name)
    )
    party = world.service.authentication.authenticate(request)
    for verb in (world.core.invitations.invite, world.core.accounts.list_devices):
        with pytest.raises(AskingOnly):
            verb(party, USER)
    with pytest.raises(AskingOnly):
        world.core.devices.revoke(world.phone.guid, by=party)


def test_a_body_of_another_type_and_one_that_is_too_long_are_refused(agent):
    key = {"idempotency-key": "1"}
    answer = agent.call("POST", "/v1/requests", headers=key, body=b"{}")
    assert (answer.status, answer.error) == (415, ("invalid_request", "unsupported_media_type"))
    headers = key | {"content-type": "application/json"}
    answer = agent.call("POST", "/v1/requests", headers=headers, body=b" " * 200_000)
    assert (answer.status, answer.error) == (413, ("invalid_request", "too_large"))


def test_a_failing_store_is_temporary_and_an_unforeseen_error_says_nothing(
    world, agent, monkeypatch
):
    request_id = agent.opened()

    def fail(*_):
        raise StoreUnavailable

    monkeypatch.setattr(type(world.service.actions), "status", fail)
    answer = agent.get(request_id)
    assert (answer.status, answer.error) == (503, ("dependency", "unavailable"))
    assert int(answer.headers["retry-after"]) >= 1

    def break_down(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(type(world.service.actions), "status", break_down)
    answer = agent.get(request_id)
    assert (answer.status, answer.error) == (500, ("internal", "internal"))
    assert "secret" not in str(answer)


def test_each_response_has_the_id_that_its_error_names(world, agent):
    answer = agent.call("GET", "/v1/requests/x")

    assert answer.body["error"]["request_id"] == answer.headers["x-request-id"]
    assert uuid.UUID(answer.headers["x-request-id"]).version == 4
    assert "x-request-id" in agent.open().headers


def test_a_program_that_sends_ids_itself_gives_them(world, agent):
    token = REQUEST_ID.set("id-7")
    answer = agent.call("GET", "/v1/requests/x")
    REQUEST_ID.reset(token)

    assert answer.body["error"]["request_id"] == "id-7"
    assert "x-request-id" not in answer.headers
