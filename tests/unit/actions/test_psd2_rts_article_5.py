"""
Dynamic linking, clause by clause: article 5 of Commission Delegated Regulation (EU) 2018/389.

The *authentication code* is the `jti` of the answer, which the person's strong key signs together
with the hash of everything that was displayed. Each test begins with the clause it is about.
"""

import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from counterseal import ijson, keys, verify_receipt, verify_use_receipt
from counterseal.actions import STANDARD_ACTIONS
from counterseal.challenges.documents.action import action_digest
from counterseal.errors import ArgumentsDiffer, DisplayChanged, InvalidField, WeakKey
from counterseal.models import Action
from counterseal_testing import FakeService

PAYMENT = Action(
    type="payment",
    resource="Account ending 4711",
    arguments={
        "transaction_id": "8d8ac610",
        "payee": {"name": "Example Bookshop", "id": "DE00 0000 0000"},
        "currency": "EUR",
        "amount": "49.90",
    },
    valid_until=datetime(2026, 12, 31, 12, tzinfo=UTC),
)
OTHER_VALUES = {
    "the amount": {"amount": "94.90"},
    "a digit of the amount": {"amount": "49.9"},
    "the currency": {"currency": "USD"},
    "the payee's name": {"payee": {"name": "Example Bookshops", "id": "DE00 0000 0000"}},
    "the payee's account": {"payee": {"name": "Example Bookshop", "id": "DE00 0000 0001"}},
}
BATCHES = Path(__file__).parents[3] / "docs" / "examples" / "batch_payments.py"


def other(name):
    return attrs.evolve(PAYMENT, arguments={**PAYMENT.arguments, **OTHER_VALUES[name]})


@pytest.fixture
def bank():
    return FakeService()


@pytest.fixture
def payer(bank):
    return bank.bind("ann")


def ask(bank, action):
    """Ask for the approval of a payment, as it is rendered."""
    return bank.ask("ann", attrs.evolve(action, valid_until=bank.clock.now() + HOUR)).challenge


HOUR = timedelta(hours=1)


def displayed(text):
    return {pair["key"]: pair["value"] for pair in ijson.parse(text)["content"]["keys"]}


def test_5_1_a_the_payer_is_made_aware_of_the_amount_and_of_the_payee(bank, payer):
    challenge = payer.fetch(ask(bank, PAYMENT).guid)
    rows = displayed(challenge.display)
    assert list(rows)[:3] == ["Amount", "Payee", "Payee's identifier"]
    assert rows["Amount"] == "49.90 EUR"
    assert rows["Payee"] == "Example Bookshop"
    assert rows["Payee's identifier"] == "DE00 0000 0000"


@pytest.mark.parametrize("name", ["amount", "currency", "payee"])
def test_5_1_a_without_amount_or_payee_nobody_is_asked(name):
    partial = {each: PAYMENT.arguments[each] for each in PAYMENT.arguments if each != name}
    with pytest.raises(InvalidField) as caught:
        STANDARD_ACTIONS.render(attrs.evolve(PAYMENT, arguments=partial))
    assert caught.value.field == f"action.arguments.{name}"


def test_5_1_b_the_code_is_specific_to_the_amount_and_the_payee(bank, payer):
    codes, hashes = set(), set()
    for action in [PAYMENT, *map(other, OTHER_VALUES)]:
        challenge = ask(bank, action)
        ended = payer.answer(payer.fetch(challenge.guid))
        receipt = verify_receipt(ended.outcome.receipt)
        assert receipt.approved
        assert receipt.answer.display_hash == keys.digest(challenge.display.encode())
        codes.add(receipt.answer.id)
        hashes.add(receipt.answer.display_hash)
        bank.clock.advance(timedelta(minutes=10))
    assert len(codes) == len(hashes) == 1 + len(OTHER_VALUES)


def test_5_1_c_the_code_that_is_accepted_is_that_of_the_original_amount_and_payee(bank, payer):
    challenge = payer.fetch(ask(bank, PAYMENT).guid)
    receipt = verify_receipt(payer.answer(challenge).outcome.receipt)
    rows = {pair["key"]: pair["value"] for pair in receipt.display["content"]["keys"]}
    assert rows == displayed(challenge.display)
    assert (rows["Amount"], rows["Payee"]) == ("49.90 EUR", "Example Bookshop")


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_5_1_c_only_the_original_amount_and_payee_are_executed(bank, payer, name):
    challenge = ask(bank, PAYMENT)
    payer.answer(challenge)
    with pytest.raises(ArgumentsDiffer):
        bank.actions.consume(bank.origin, challenge.guid, other(name).arguments)
    used = bank.actions.consume(bank.origin, challenge.guid, PAYMENT.arguments)
    assert verify_use_receipt(used.use.receipt).action == challenge.action.digest


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_5_1_c_the_digest_that_is_compared_before_execution_has_both(name, bank):
    client = bank.origin.origin.guid
    assert action_digest(other(name), client) != action_digest(PAYMENT, client)


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_5_1_d_any_change_to_the_amount_or_the_payee_invalidates_the_code(bank, payer, name):
    challenge = payer.fetch(ask(bank, PAYMENT).guid)
    document = ijson.parse(challenge.display)
    rows = STANDARD_ACTIONS.render(other(name)).content.pairs
    document["content"]["keys"] = [{"key": row.key, "value": row.value} for row in rows]
    changed = ijson.canonical(document).decode()
    assert changed != challenge.display
    token = payer.device.answer(changed, 0, pin=payer.pin)
    with pytest.raises(DisplayChanged):
        payer.answers.answer(payer.call("/answers", token.encode()))
    assert not bank.challenges.status(bank.origin, challenge.guid).approved


def test_5_1_d_a_code_is_of_no_use_for_another_payment(bank, payer):
    first = payer.fetch(ask(bank, PAYMENT).guid)
    token = payer.answer(first).outcome.token
    second = ask(bank, other("the amount"))
    repeated = payer.answers.answer(payer.call("/answers", token.encode()))
    assert repeated.guid == first.guid
    assert not bank.challenges.status(bank.origin, second.guid).approved


@pytest.mark.parametrize("text", ["Example Bookshop", "49.90 EUR", "Confirm payment", "Paid from"])
def test_5_2_integrity_of_what_is_displayed(bank, payer, text):
    challenge = payer.fetch(ask(bank, PAYMENT).guid)
    changed = challenge.display.replace(text, text + "x", 1)
    assert changed != challenge.display
    token = payer.device.answer(changed, 0, pin=payer.pin)
    with pytest.raises(DisplayChanged):
        payer.answers.answer(payer.call("/answers", token.encode()))


def test_5_2_authenticity_of_an_approval_needs_the_strong_key(bank, payer):
    challenge = payer.fetch(ask(bank, PAYMENT).guid)
    document = ijson.parse(challenge.display)
    assert [(each["approves"], each["strong"]) for each in document["buttons"]] == [
        (True, True),
        (False, False),
    ]
    buttons = [each | {"strong": False} for each in document["buttons"]]
    # The payer's device signs no action that a weak key could approve.
    with pytest.raises(DisplayChanged):
        payer.device.answer(ijson.canonical(document | {"buttons": buttons}).decode(), 0)
    token = payer.device.answer(challenge.display, 0)
    with pytest.raises(WeakKey):
        payer.answers.answer(payer.call("/answers", token.encode()))


def test_5_2_confidentiality_of_amount_and_payee_in_logs(bank, payer):
    challenge = ask(bank, PAYMENT)
    ended = payer.answer(payer.fetch(challenge.guid))
    for text in (
        repr(PAYMENT),
        repr(challenge),
        repr(ended),
        repr(STANDARD_ACTIONS.render(PAYMENT)),
    ):
        assert "49.90" not in text
        assert "Bookshop" not in text


def test_5_3_a_the_exact_amount_that_is_blocked_is_displayed():
    arguments = {**PAYMENT.arguments, "amount_earmarked": True}
    rows = STANDARD_ACTIONS.render(attrs.evolve(PAYMENT, arguments=arguments)).content.pairs
    assert [(row.key, row.value) for row in rows[:2]] == [
        ("Amount", "49.90 EUR"),
        ("Amount is blocked at once", "yes"),
    ]


class TestBatches:
    """5(3)(b), by the type that the page about actions registers."""

    example = runpy.run_path(str(BATCHES))
    actions, batch = example["ACTIONS"], example["SALARIES"]

    def rows(self, **members):
        changed = attrs.evolve(self.batch, arguments={**self.batch.arguments, **members})
        return [(row.key, row.value) for row in self.actions.render(changed).content.pairs]

    def test_5_3_b_the_code_is_specific_to_the_total_and_to_the_payees(self):
        assert self.rows()[:-1] == [
            ("Total amount", "4 200.50 EUR"),
            ("Paid from", "Account ending 4711"),
            ("Payee 1", "Ann Example"),
            ("Payee's identifier 1", "DE1"),
            ("Amount 1", "2 100.25 EUR"),
            ("Payee 2", "Ben Example"),
            ("Payee's identifier 2", "DE2"),
            ("Amount 2", "2 100.25 EUR"),
        ]
        first, second = self.batch.arguments["payments"]
        other_payee = second | {"payee": {"name": "Eve Example", "id": "DE3"}}
        assert self.rows(payments=[first, other_payee]) != self.rows()
        assert self.rows(payments=[second, first]) != self.rows()

    def test_5_3_b_the_total_is_that_of_the_payments(self):
        with pytest.raises(InvalidField) as caught:
            self.rows(total_amount="4200.51")
        assert caught.value.field == "action.arguments.total_amount"

    @pytest.mark.parametrize(
        "payments",
        [
            [],
            None,
            ["x"],
            [{"payee": {"name": "Ann", "id": "1"}, "amount": "1", "currency": "USD"}],
            [{"payee": {"name": "Ann", "id": "1"}}],
            [{"payee": {"name": "Ann", "id": "1"}, "amount": "1", "note": "x"}],
        ],
    )
    def test_5_3_b_what_is_no_list_of_payments_is_refused(self, payments):
        with pytest.raises(InvalidField) as caught:
            self.rows(payments=payments)
        assert caught.value.field.startswith("action.arguments.payments")
