"""Requirements: each has its own refusal, and a composition is what its parts are."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.models import Button, Factor
from counterseal.models.guid import mint
from counterseal_client import (
    AllOf,
    AnotherAccount,
    AnotherDevice,
    AnyOf,
    Approval,
    ByAccount,
    ByDevice,
    CodeNotTyped,
    Declined,
    EvidenceRefused,
    MatchingCode,
    NoAlternativeMet,
    NotApproved,
    NotStrong,
    RequirementUnmet,
    StrongKey,
    TooSlow,
    Unanswered,
    Unfit,
    Within,
    is_approved,
    require_approved,
)

START = datetime(2030, 1, 1, tzinfo=UTC)
DEVICES = [mint(3, bytes([number]) * 15) for number in range(3)]
ACCOUNTS = ["zoe", "adam", "manager-7"]
SECONDS = st.integers(1, 120).map(lambda seconds: timedelta(seconds=seconds))


APPROVAL = Approval(
    request=DEVICES[0],
    account=DEVICES[0],
    account_id="zoe",
    app_space=DEVICES[0],
    transaction_id=None,
    button=0,
    title="Approve",
    strong=True,
    factors=(Factor.POSSESSION, Factor.KNOWLEDGE_OR_INHERENCE),
    code_typed=False,
    device=DEVICES[0],
    thumbprint="x" * 43,
    issued_at=START,
    at=START,
    receipt="a.b.c",
)


@st.composite
def approvals(draw):
    return attrs.evolve(
        APPROVAL,
        account_id=draw(st.sampled_from(ACCOUNTS)),
        strong=draw(st.booleans()),
        code_typed=draw(st.booleans()),
        device=draw(st.sampled_from(DEVICES)),
        at=START + draw(SECONDS),
    )


def each_of(kind, values):
    return st.lists(st.sampled_from(values), min_size=1).map(lambda chosen: kind(*chosen))


LEAVES = (
    st.just(StrongKey())
    | st.just(MatchingCode())
    | SECONDS.map(Within)
    | each_of(ByAccount, ACCOUNTS)
    | each_of(ByDevice, DEVICES)
)
TREES = st.recursive(
    LEAVES,
    lambda parts: st.builds(
        lambda kind, requirements: kind(*requirements),
        st.sampled_from([AllOf, AnyOf]),
        st.lists(parts, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


def expected_code(requirement, approval):
    """Return the code of the refusal that *approval* has to get, None if it meets it."""
    code = None
    match requirement:
        case StrongKey():
            code = None if approval.strong else "requirement_strong_key"
        case MatchingCode():
            code = None if approval.code_typed else "requirement_code"
        case Within(time=time):
            code = None if approval.at <= START + time else "requirement_time"
        case ByAccount(account_ids=account_ids):
            code = None if approval.account_id in account_ids else "requirement_account"
        case ByDevice(devices=devices):
            code = None if approval.device in devices else "requirement_device"
        case AllOf(requirements=parts):
            codes = [expected_code(part, approval) for part in parts]
            code = next((each for each in codes if each is not None), None)
        case AnyOf(requirements=parts):
            codes = [expected_code(part, approval) for part in parts]
            code = None if None in codes else "requirement_any"
    return code


def code_of(requirement, approval):
    try:
        requirement.verify(approval)
    except RequirementUnmet as refusal:
        return refusal.code
    return None


@given(TREES, approvals())
def test_a_requirement_is_met_or_refused_by_its_own_code(requirement, approval):
    assert code_of(requirement, approval) == expected_code(requirement, approval)


@given(st.lists(TREES, min_size=1, max_size=3), approvals())
def test_a_composition_is_what_its_parts_are(requirements, approval):
    codes = [code_of(requirement, approval) for requirement in requirements]
    assert (code_of(AllOf(*requirements), approval) is None) is (set(codes) == {None})
    assert (code_of(AnyOf(*requirements), approval) is None) is (None in codes)
    if None not in codes:
        with pytest.raises(NoAlternativeMet) as caught:
            AnyOf(*requirements).verify(approval)
        assert [refusal.code for refusal in caught.value.refusals] == codes
        assert str(caught.value) == ", ".join(codes)


@given(TREES, approvals())
def test_one_requirement_is_its_own_composition(requirement, approval):
    code = code_of(requirement, approval)
    assert code_of(AllOf(requirement), approval) == code
    assert (code_of(AnyOf(requirement), approval) is None) is (code is None)


@pytest.mark.parametrize("seconds", [0, 1])
def test_the_time_of_within_is_included(seconds):
    time = timedelta(seconds=60)
    approval = attrs.evolve(APPROVAL, at=START + time + timedelta(milliseconds=seconds))
    assert code_of(Within(time), approval) == ("requirement_time" if seconds else None)


@pytest.mark.parametrize(
    "make",
    [
        AllOf,
        AnyOf,
        ByAccount,
        ByDevice,
        lambda: ByAccount(7),
        lambda: ByDevice(None),
        lambda: ByAccount(["zoe"]),
        lambda: Within(60),
        lambda: Within(timedelta(0)),
        lambda: Within(timedelta(seconds=-1)),
        lambda: AllOf(StrongKey),
        lambda: AnyOf("zoe"),
        lambda: AllOf(lambda approval: None),
    ],
)
def test_a_requirement_that_cannot_be_meant_is_a_misuse(make):
    with pytest.raises(Unfit):
        make()


def test_equal_requirements_are_equal():
    assert AllOf(StrongKey(), ByAccount("zoe", "adam")) == AllOf(
        StrongKey(), ByAccount("adam", "zoe")
    )
    assert "manager-7" in repr(AnyOf(ByAccount("manager-7")))


class TestRequireApproved:
    def approve(self, story, *requirements):
        return require_approved(
            story.reply, story.pending_request, story.trust, requirements=requirements
        )

    @pytest.mark.parametrize(
        ("requirement", "refusal"),
        [
            (ByAccount("manager-7"), AnotherAccount),
            (ByDevice(DEVICES[0]), AnotherDevice),
            (MatchingCode(), CodeNotTyped),
            (Within(timedelta(milliseconds=1)), TooSlow),
            (AnyOf(MatchingCode(), ByAccount("adam")), NoAlternativeMet),
        ],
    )
    def test_refuses_an_approval_that_does_not_meet_a_requirement(
        self, make_story, requirement, refusal
    ):
        def answer_late(world, phone, issued):
            world.clock.advance(timedelta(seconds=1))
            phone.answer(phone.fetch(issued.challenge.guid))

        story = make_story(do=answer_late)
        with pytest.raises(refusal) as caught:
            self.approve(story, StrongKey(), requirement)
        assert isinstance(caught.value, NotApproved)
        requirements = [requirement]
        assert (
            is_approved(story.reply, story.pending_request, story.trust, requirements=requirements)
            is None
        )

    def test_returns_an_approval_that_meets_all(self, make_story):
        story = make_story(show_code=True)
        device = story.reply.device
        approval = self.approve(
            story,
            StrongKey(),
            MatchingCode(),
            Within(timedelta(minutes=1)),
            AnyOf(ByAccount("adam"), AllOf(ByAccount("zoe"), ByDevice(device))),
        )
        assert (approval.code_typed, approval.issued_at) == (
            True,
            story.pending_request.issued_at,
        )

    def test_requires_a_strong_key_where_the_button_does_not(self, make_story):
        buttons = (
            Button(title="Yes", strong=False, approving=True),
            Button(title="No", strong=False),
        )
        story = make_story(buttons=buttons)
        assert not self.approve(story).strong
        with pytest.raises(NotStrong):
            self.approve(story, StrongKey())

    def test_verifies_the_proof_before_any_requirement(self, make_story):
        class Recorder:
            approvals = ()

            def verify(self, approval):
                self.approvals += (approval,)

        recorder = Recorder()
        story, other = make_story(), make_story(1)
        with pytest.raises(EvidenceRefused):
            require_approved(
                other.reply, story.pending_request, story.trust, requirements=[recorder]
            )
        with pytest.raises(Declined):
            self.approve(other, recorder)
        pending = make_story(do=lambda *_: None)
        with pytest.raises(Unanswered):
            self.approve(pending, recorder)
        assert recorder.approvals == ()
        assert (self.approve(story, recorder),) == recorder.approvals

    @pytest.mark.parametrize("requirements", [StrongKey(), StrongKey, [StrongKey], ["zoe"], None])
    def test_refuses_what_is_no_requirement_before_the_reply_is_read(
        self, make_story, requirements
    ):
        story = make_story(1)
        with pytest.raises(Unfit, match="requirements"):
            is_approved(story.reply, story.pending_request, story.trust, requirements=requirements)
