from datetime import timedelta

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from counterseal import ijson
from counterseal._input_limits import addresses_fit, challenge_life, question_fits
from counterseal.challenges.documents.question import read_duration, read_question
from counterseal.errors import InvalidField
from counterseal.models import HtmlContent, PairsContent, TextContent
from counterseal.models.guid import parse, partition_of
from counterseal.policy import STANDARD, STRICT
from counterseal.wire.members import format_time, parse_time
from counterseal_testing import FakeService, strategies

TIGHT = attrs.evolve(
    STANDARD,
    content_bytes=2_000,
    title_bytes=8,
    button_bytes=4,
    style_bytes=4,
    buttons_limit=2,
    transaction_id_bytes=4,
    account_id_bytes=4,
    challenge_life=timedelta(seconds=1),
    challenge_life_limit=timedelta(seconds=3),
)
POLICIES = pytest.mark.parametrize(
    "policy", [STANDARD, STRICT, TIGHT], ids=["standard", "strict", "tight"]
)


@given(strategies.i_json())
def test_i_json_is_canonical_and_comes_back(value):
    text = ijson.canonical(value)

    assert ijson.canonical(ijson.parse(text)) == text


@given(strategies.texts(limit=16))
def test_texts_fit(text):
    assert 0 < len(text.encode()) <= 16
    assert text.strip()


@given(strategies.guids(), strategies.guids(partition=7))
def test_guids_are_ours(anywhere, there):
    assert parse(anywhere, field="guid") == anywhere
    assert partition_of(there) == 7


@given(strategies.moments())
def test_moments_survive_the_wire(moment):
    assert parse_time(format_time(moment)) == moment


@POLICIES
@given(data=st.data())
def test_questions_fit(policy, data):
    question = data.draw(strategies.questions(policy))

    question_fits(question, policy)
    assert challenge_life(question, policy)


@given(strategies.questions(account_id="zoe", callback="https://shop.example/done"))
def test_questions_can_be_put(question):
    world = FakeService()
    zoe = world.bind("zoe")
    issued = world.challenges.issue(world.origin, question)
    approving = next(index for index, button in enumerate(question.buttons) if button.approving)

    assert zoe.answer(issued.challenge, approving, code=issued.code).approved


@pytest.mark.parametrize("kind", [TextContent, HtmlContent, PairsContent])
def test_every_form_of_content_is_made(kind):
    first = settings(settings.default, phases=[Phase.generate])  # the smallest would take seconds
    assert find(strategies.contents(), lambda content: isinstance(content, kind), settings=first)


@POLICIES
@given(data=st.data())
def test_challenges_are_read_and_fit(policy, data):
    question = read_question(data.draw(strategies.challenges(policy)))

    question_fits(question, policy)
    assert challenge_life(question, policy)


@given(strategies.challenges())
def test_durations_are_spelled_in_both_units(document):
    if "duration" in document:
        assert read_duration(document["duration"]) >= timedelta(seconds=1)


@given(strategies.broken_challenges())
def test_broken_challenges_are_refused_by_name(broken):
    document, field = broken

    with pytest.raises(InvalidField) as refusal:
        read_question(document)
    assert refusal.value.field == field


@given(strategies.push_addresses(TIGHT))
def test_push_addresses_fit(addresses):
    addresses_fit(addresses, TIGHT)
