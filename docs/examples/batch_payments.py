"""A type of actions of your own: several payments that a person approves together."""

from datetime import UTC, datetime
from decimal import Decimal

from counterseal.actions import (
    AMOUNT,
    CURRENCY,
    STANDARD_ACTIONS,
    ActionType,
    ActionTypes,
    Branch,
    Leaf,
    Rendering,
    Texts,
    check_members,
    member_rows,
    text_of,
    visible_text,
)
from counterseal.errors import InvalidField
from counterseal.models import Action, Pair, PairsContent

PAYMENTS = 15

TOTAL = {
    "currency": Leaf(None, CURRENCY, required=True),
    "total_amount": Leaf("total", AMOUNT, required=True),
}
PAYMENT = {
    "currency": Leaf(None, CURRENCY, required=True),
    "payee": Branch(
        {
            "name": Leaf("payee", text_of(100), required=True),
            "id": Leaf("payeeId", text_of(50), required=True),
        },
        required=True,
    ),
    "amount": Leaf("amount", AMOUNT, required=True),
}


def payments_of(action: Action) -> list[dict]:
    """Return the payments, each with the currency of the batch."""
    payments, currency = action.arguments["payments"], action.arguments["currency"]
    return [{**payment, "currency": currency} for payment in payments]


def check(action: Action) -> None:
    rest = {name: action.arguments[name] for name in action.arguments if name != "payments"}
    check_members(rest, TOTAL)
    payments = action.arguments.get("payments")
    if not isinstance(payments, list) or not 1 <= len(payments) <= PAYMENTS:
        raise InvalidField("action.arguments.payments", f"not a list of 1 to {PAYMENTS}")
    for index, payment in enumerate(payments):
        field = f"action.arguments.payments[{index}]"
        if not isinstance(payment, dict) or "currency" in payment:
            raise InvalidField(field, "not an object without a currency of its own")
        check_members({**payment, "currency": rest["currency"]}, PAYMENT, field)
    if sum(Decimal(payment["amount"]) for payment in payments) != Decimal(rest["total_amount"]):
        raise InvalidField("action.arguments.total_amount", "not the sum of the payments")


def render(action: Action, texts: Texts) -> Rendering:
    rows = [
        *member_rows(action.arguments, TOTAL, texts),
        Pair(key=texts["account"], value=visible_text(action.resource)),
    ]
    for number, payment in enumerate(payments_of(action), 1):
        rows += [
            Pair(key=f"{row.key} {number}", value=row.value)
            for row in member_rows(payment, PAYMENT, texts)
        ]
    return Rendering(content=PairsContent(title=texts["title"], pairs=tuple(rows)))


BATCH = ActionType(
    name="batch-payment",
    check=check,
    render=render,
    texts={
        "en": {
            "title": "Confirm several payments",
            "approve": "Confirm payments",
            "decline": "Do not pay",
            "decimal": ".",
            "total": "Total amount",
            "account": "Paid from",
            "payee": "Payee",
            "payeeId": "Payee's identifier",
            "amount": "Amount",
        }
    },
)
ACTIONS = ActionTypes(*STANDARD_ACTIONS, BATCH)

SALARIES = Action(
    type="batch-payment",
    resource="Account ending 4711",
    arguments={
        "currency": "EUR",
        "total_amount": "4200.50",
        "payments": [
            {"payee": {"name": "Ann Example", "id": "DE1"}, "amount": "2100.25"},
            {"payee": {"name": "Ben Example", "id": "DE2"}, "amount": "2100.25"},
        ],
    },
    valid_until=datetime(2026, 12, 31, 12, tzinfo=UTC),
)

if __name__ == "__main__":
    content = ACTIONS.render(SALARIES).content
    print(content.title)
    for pair in content.pairs:
        print(f"{pair.key}: {pair.value}")
