"""The approval check agrees with the Python client's about thousands of changed replies."""

import random

import attrs
import pytest

import counterseal as cs
from counterseal.challenges.documents.messages import processed_document, read_processed
from counterseal.challenges.documents.question import request_document
from counterseal.ijson import compact
from counterseal.models import (
    Action,
    Button,
    ChallengeState,
    Codes,
    PairsContent,
    Question,
    RefusalReason,
)
from counterseal.models import Pair as Line
from counterseal.models.guid import mint
from counterseal.wire.members import format_time
from counterseal_client import PendingRequest, Trust, require_approved
from counterseal_client.pending_request import read_pending_request
from counterseal_testing import FakeService

CHANGES = 400
VERDICTS = """
import { PendingRequest, requireApproved, Trust } from "./origin/index.js";
import { readProcessed } from "./origin/processed.js";
import { readJson } from "./wire/ijson.js";

const trust = await Trust.jwks(input.jwks);
const verdicts = [];
for (const { document, dump, code } of input.cases) {
  try {
    const stored = PendingRequest.load(dump);
    const pending = new PendingRequest(stored.toJSON(), code);
    const approval = await requireApproved(readProcessed(readJson(document)), pending, trust);
    verdicts.push(approval);
  } catch (error) {
    const { code, what, disowned, reason, state } = error;
    verdicts.push({ code: code ?? error.stack, what, disowned, reason, state });
  }
}
console.log(JSON.stringify(verdicts));
"""
OTHER = mint(9, bytes(15))
WORDS = [reason.value for reason in RefusalReason]


class Story:
    """A question, as its origin keeps it, and the reply once a phone has done something."""

    def __init__(self, do, **question):
        world = self.world = FakeService()
        world.administration.edit_origin(world.origin.origin.guid, codes=Codes.TYPED)
        phone = world.bind("zoe")
        asked = {"account_id": "zoe", "content": PairsContent(title="Pay", pairs=())} | question
        body = compact(request_document(Question(**asked)))
        issued = world.challenges.issue(world.origin, cs.read_question(cs.read_json(body)))
        first = processed_document(issued.challenge, now=world.clock.now(), code=issued.code)
        self.pending = read_pending_request(body.decode(), first, origin=world.origin.origin.guid)
        do(world, phone, issued)
        status = world.challenges.status(world.origin, issued.challenge.guid)
        self.document = processed_document(status, now=world.clock.now())

    @property
    def keys(self):
        return self.world.ports.signer.jwks()

    def case(self, document=None, pending=None, code=...):
        pending = pending or self.pending
        return {
            "document": compact(document or self.document).decode(),
            "dump": pending.dump(),
            "code": self.pending.code if code is ... else code,
        }


def press(button):
    def do(_, phone, issued):
        phone.answer(phone.fetch(issued.challenge.guid), button, code=issued.code)

    return do


def everything(do):
    return Story(
        do,
        content=PairsContent(title="Pay", pairs=(Line(key="to", value="Zoë"),)),
        buttons=(
            Button(title="Yes", strong=True, approving=True, style="green"),
            Button(title="Also yes", strong=False, approving=True),
            Button(title="No", strong=False),
        ),
        transaction_id="order-7",
        additional_info={"amount": 10, "exact": True},
        show_code=True,
    )


def verdict(case, keys):
    """Return what the Python client says about *case*."""
    try:
        pending = PendingRequest.load(case["dump"])
        if case["code"] is not None:
            pending = attrs.evolve(pending, code=case["code"])
        reply = read_processed(cs.read_json(case["document"]))
        approval = require_approved(reply, pending, Trust(keys=keys))
    except cs.CountersealError as error:
        state = getattr(error, "state", None)
        reason = getattr(error, "reason", None)
        return {
            "code": error.code,
            **{name: getattr(error, name) for name in ("what", "disowned") if hasattr(error, name)},
            **({} if state is None else {"state": state.value}),
            **({"reason": reason and reason.value} if hasattr(error, "reason") else {}),
        }
    return {
        "request": approval.request,
        "account": approval.account,
        "accountId": approval.account_id,
        "appSpace": approval.app_space,
        "transactionId": approval.transaction_id,
        "button": approval.button,
        "title": approval.title,
        "strong": approval.strong,
        "factors": [factor.value for factor in approval.factors],
        "codeTyped": approval.code_typed,
        "device": approval.device,
        "thumbprint": approval.thumbprint,
        "issuedAt": format_time(approval.issued_at),
        "at": format_time(approval.at),
        "receipt": approval.receipt,
    }


def positions(document, path=()):
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        yield (*path, key), value
        if isinstance(value, (dict, list)):
            yield from positions(value, (*path, key))


def replaced(document, path, value):
    head, *rest = path
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[head] = replaced(copy[head], rest, value) if rest else value
    return copy


def others(name, value, choices):
    """Return values that are not *value*."""
    if isinstance(value, bool):
        return [not value, int(value), str(value).lower(), None]
    if name in {"state", "status"}:
        return [*(each.value for each in ChallengeState), "APPROVED", "", None]
    if isinstance(value, int):
        return [value + 1, value + 2, -1, value + 0.5, str(value), "", None]
    if isinstance(value, str):
        at = choices.randrange(max(1, len(value)))
        other = "x" if value[at : at + 1] != "x" else "y"
        changed = f"{value[:at]}{other}{value[at + 1 :]}"
        shorter = value[:at] + value[at + 1 :]
        return [None, "", f"{value}x", value[:-1], OTHER, [value], changed, shorter]
    return [None, "x", {}, [], 0]


def agree(node, story, cases, plain=lambda result: result):
    input_ = {"jwks": cs.jwks_document(story.keys), "cases": cases}
    ours = node.evaluate(VERDICTS, input_)
    expected = [verdict(case, story.keys) for case in cases]
    pairs = zip(ours, expected, strict=True)
    different = [pair for pair in pairs if plain(pair[0]) != plain(pair[1])]
    assert not different, different[:40]
    return ours


@pytest.mark.parametrize("do", [press(0), press(1), press(2)], ids=["strong", "weak", "declined"])
def test_an_answer(node, do):
    story = everything(do)
    (result,) = agree(node, story, [story.case()])
    assert ("receipt" in result) is not (result.get("code") == "declined")


def test_a_disown(node):
    story = everything(lambda _, phone, issued: phone.disown(phone.fetch(issued.challenge.guid)))
    expected = {"code": "declined", "disowned": True, "reason": None}
    assert agree(node, story, [story.case()]) == [expected]


def test_each_reason_and_another_than_was_signed(node):
    def refuse(reason):
        def do(_, phone, issued):
            phone.answer(phone.fetch(issued.challenge.guid), 2, reason=reason)

        return do

    for reason in RefusalReason:
        story = everything(refuse(reason))
        others = [{**story.document, "reason": word} for word in (*WORDS, "tired", None, 7)]
        first, *rest = agree(node, story, [story.case(), *map(story.case, others)])
        assert first == {"code": "declined", "disowned": False, "reason": reason.value}
        assert [each["code"] for each in rest].count("declined") == 1


def test_no_answer(node):
    story = everything(lambda *_: None)
    assert agree(node, story, [story.case()]) == [{"code": "unanswered", "state": "PENDING"}]


def test_a_question_without_anything_more(node):
    story = Story(press(0))
    (result,) = agree(node, story, [story.case()])
    assert result["codeTyped"] is False


def test_every_changed_reply(node):
    story, choices = everything(press(0)), random.Random(7)  # noqa: S311 (repeatable)
    everywhere = list(positions(story.document))
    cases = []
    while len(cases) < CHANGES:
        path, value = choices.choice(everywhere)
        new = choices.choice(others(path[0], value, choices))
        cases.append(story.case(replaced(story.document, path, new)))
    states = ({"state": each.value, "status": each.value} for each in ChallengeState)
    cases += [story.case(story.document | state) for state in states]
    results = agree(node, story, cases)
    codes = {result.get("code") for result in results}
    assert {"evidence_refused", "invalid_field", "unanswered"} <= codes


def test_every_changed_pending_request(node):
    story, choices = everything(press(0)), random.Random(8)  # noqa: S311 (repeatable)
    dump = cs.read_json(story.pending.dump())
    sent = cs.read_json(dump["sent"])
    cases = [story.case(code="000000"), story.case(code="")]
    for path, value in positions(dump):
        for new in others(path[0], value, choices):
            text = compact(replaced(dump, path, new)).decode()
            cases.append(story.case() | {"dump": text})
    for path, value in positions(sent):
        if path[0] in {"content", "buttons", "duration", "showCode", "showNotification"}:
            continue  # Python reads forms that `ask` does not write
        for new in others(path[0], value, choices):
            text = compact(replaced(sent, path, new)).decode()
            cases.append(story.case() | {"dump": compact(dump | {"sent": text}).decode()})
    for new in (
        {"content": {"text": "Pay"}},
        {"content": {"title": "Pay", "keys": []}},
        {"buttons": sent["buttons"][:2]},
        {"buttons": sent["buttons"][::-1]},
        {"showCode": False},
        {"showNotification": False},
    ):
        text = compact(sent | new).decode()
        cases.append(story.case() | {"dump": compact(dump | {"sent": text}).decode()})
    refusals = {"evidence_refused", "invalid_field"}
    # Python reads a stored question more strictly than it compares it.
    results = agree(node, story, cases, lambda result: result.get("code") in refusals or result)
    assert "evidence_refused" in {result.get("code") for result in results}


def about_action(do, **members):
    arguments = {"to": ["ann@example.org"], "copies": 2, "share": 0.5}
    action = Action(type="tool-call", resource="send_mail", arguments=arguments, **members)
    return Story(do, content=action)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("button", [0, 1])
def test_an_answer_about_an_action(node, button, language):
    story = about_action(press(button), language=language, agent="Mail agent", run="run-7")
    (result,) = agree(node, story, [story.case()])
    assert ("receipt" in result) is (button == 0)


def test_every_changed_action(node):
    story, choices = about_action(press(0)), random.Random(9)  # noqa: S311 (repeatable)
    dump = cs.read_json(story.pending.dump())
    sent = cs.read_json(dump["sent"])
    members = {"action": story.document["action"]}
    cases = [
        story.case(story.document | replaced(members, path, new))
        for path, value in positions(members)
        if path[-1] != "language"  # JavaScript, which renders no action, does not read it
        for new in others(path[-1], value, choices)
    ]
    cases.append(
        story.case({name: story.document[name] for name in story.document if name != "action"})
    )
    cases += [
        story.case() | {"dump": compact(replaced(dump, ("validUntil",), new)).decode()}
        for new in others("validUntil", dump["validUntil"], choices)
    ]
    for path, value in positions({"action": sent["action"]}):
        if path[-1] == "language":
            continue  # no part of the digest
        for new in others(path[-1], value, choices):
            text = compact(replaced(sent, path, new)).decode()
            cases.append(story.case() | {"dump": compact(dump | {"sent": text}).decode()})
    refusals = {"evidence_refused", "invalid_field"}
    # Python renders the action that was sent, and reads it more strictly than it compares it.
    results = agree(node, story, cases, lambda result: result.get("code") in refusals or result)
    assert {result.get("code") for result in results} == refusals
