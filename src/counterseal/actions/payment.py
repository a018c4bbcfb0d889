"""
The type `payment`: a person pays a payee an amount.

The arguments have the names of the type `urn:eudi:sca:payment:1` of EUDI TS12, 4.3.1 (version 1.0),
and its lengths; a text whose length TS12 leaves open has those of its draft (payee: 100 characters,
its identifier: 50). `resource` is the account that pays. Five things differ:

- An amount is a text, such as `"1234.50"`, so that every program reads the same number: without
  leading zeros or a sign, with at most the digits that the currency has (ISO 4217) after the point.
- A date is a date, `2026-12-31`.
- The host of `payee.website` is a domain name in lower case, so that the person reads it as every
  program does.
- `payee.logo` is unknown, since no row can display it.
- `apr` is a text too.

Each clause of article 5 of PSD2's technical standards, Regulation (EU) 2018/389, has a test.
"""

from __future__ import annotations

from counterseal.actions.members import (
    AMOUNT,
    CURRENCY,
    DATE,
    DOMAIN,
    FLAG,
    PERCENTAGE,
    TIME,
    WEBSITE,
    Branch,
    Leaf,
    check_members,
    choice_of,
    count_from,
    member_rows,
    text_of,
)
from counterseal.actions.rendering import visible_text
from counterseal.actions.types import ActionType, Rendering, Texts, texts_of
from counterseal.errors import InvalidField
from counterseal.models import Action, Pair, PairsContent

TRANSACTION_ID = text_of(36)
"""TS12's data model."""

NAME = text_of(100)
PAYEE_ID = text_of(50)

FREQUENCIES = (
    *("INDA", "DAIL", "WEEK", "TOWK", "TWMN", "MNTH"),
    *("TOMN", "QUTR", "FOMN", "SEMI", "YEAR", "TYEA"),
)
"""Codes of ISO 20022 for how often a payment recurs, as TS12 lists them."""

PAYEE = Branch(
    {
        "name": Leaf("payee", NAME, required=True),
        "id": Leaf("payeeId", PAYEE_ID, required=True),
        "website": Leaf("website", WEBSITE),
    },
    required=True,
)

FIRST_MEMBERS: dict[str, Leaf | Branch] = {
    "currency": Leaf(None, CURRENCY, required=True),
    "amount": Leaf("amount", AMOUNT, required=True),
    "amount_estimated": Leaf("estimated", FLAG),
    "amount_earmarked": Leaf("earmarked", FLAG),
    "payee": PAYEE,
}
"""The arguments that are displayed first (RTS, 5(1)(a)), in the order of the rows."""

OTHER_MEMBERS: dict[str, Leaf | Branch] = {
    "execution_date": Leaf("executionDate", DATE),
    "sct_inst": Leaf("instant", FLAG),
    "recurrence": Branch(
        {
            "frequency": Leaf("frequency", choice_of(*FREQUENCIES), required=True),
            "start_date": Leaf("startDate", DATE),
            "end_date": Leaf("endDate", DATE),
            "number": Leaf("number", count_from(1)),
            "mit_options": Branch(
                {
                    "amount_variable": Leaf("variable", FLAG),
                    "min_amount": Leaf("minAmount", AMOUNT),
                    "max_amount": Leaf("maxAmount", AMOUNT),
                    "total_amount": Leaf("totalAmount", AMOUNT),
                    "initial_amount": Leaf("initialAmount", AMOUNT),
                    "initial_amount_number": Leaf("initialNumber", count_from(1)),
                    "apr": Leaf("apr", PERCENTAGE),
                }
            ),
        }
    ),
    "pisp": Branch(
        {
            "legal_name": Leaf("pispName", NAME, required=True),
            "brand_name": Leaf("pispBrand", NAME, required=True),
            "domain_name": Leaf("pispDomain", DOMAIN, required=True),
        }
    ),
    "transaction_id": Leaf("transaction", TRANSACTION_ID, required=True),
    "date_time": Leaf("dateTime", TIME),
}
"""The other arguments, in the order of the rows."""

MEMBERS = FIRST_MEMBERS | OTHER_MEMBERS


def check(action: Action) -> None:
    """Refuse arguments that TS12 does not allow, or that contradict each other."""
    arguments = action.arguments
    check_members(arguments, MEMBERS)
    recurrence = arguments.get("recurrence")
    if recurrence is None:
        return
    if "execution_date" in arguments:
        raise InvalidField("action.arguments.execution_date", "not allowed beside recurrence")
    if recurrence.get("end_date", "9999-12-31") < recurrence.get("start_date", ""):
        raise InvalidField("action.arguments.recurrence.end_date", "before start_date")


def render(action: Action, texts: Texts) -> Rendering:
    """Return amount and payee first, then the account that pays, then all other members."""
    rows = (
        *member_rows(action.arguments, FIRST_MEMBERS, texts),
        Pair(key=texts["account"], value=visible_text(action.resource)),
        *member_rows(action.arguments, OTHER_MEMBERS, texts),
    )
    return Rendering(content=PairsContent(title=texts["title"], pairs=rows))


PAYMENT = ActionType(
    name="payment",
    check=check,
    render=render,
    texts=texts_of("payment"),
)
"""A payment."""
