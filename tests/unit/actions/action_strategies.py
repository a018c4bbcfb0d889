"""Actions of every standard type, with texts that look like labels, separators and each other."""

import base64
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from counterseal.models import Action

NOW = datetime(2026, 11, 29, 17, 0, 0, 250_000, tzinfo=UTC)

TRICKY = st.sampled_from(
    ["a", "b", "a.b", "a[0]", '["a"]', "$", "$.a", " ", "  ", "a ", "Tool", "Agent", "0", "yes"]
) | st.sampled_from(
    ["1", "null", "{}", "[]", '"', "\\", "\n", "<U+202E>", "\u202e", "\u200b", "<U+", "ä", "Payee"]
)
ANY = st.characters(exclude_categories=["Cs", "Cn"])
"""I-JSON has no surrogates and no noncharacters."""

NAMES = TRICKY | st.just("") | st.text(ANY, max_size=5)
NUMBERS = (
    st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15)
    | st.sampled_from([0.1, 1e-7, 1.5, -0.0, 5e-324, 1.0])
)
SCALARS = st.none() | st.booleans() | NUMBERS | NAMES
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)
"""Of tools."""

TEXTS = TRICKY | st.text(ANY, min_size=1, max_size=8)
DATES = st.dates(date(2026, 1, 1), date(2030, 1, 1)).map(date.isoformat)
TIMES = st.sampled_from(
    ["2026-11-29T17:00:00Z", "2026-11-29T17:00:00+00:00", "2026-11-29T17:00:00.5Z"]
)
URLS = st.sampled_from(
    ["https://shop.example", "https://shop.example/", "https://a.example:8443/x?y#z"]
)
WEBSITES = st.one_of(URLS, st.just("https://xn--bcher-kva.example/%C3%BC"))
COUNTS = st.integers(1, 2**53 - 1)
AMOUNTS = st.builds(
    lambda units, minor: f"{units}{minor}",
    st.integers(0, 10**12 - 1),
    st.sampled_from(["", ".5", ".50", ".05", ".00"]),
)
PERCENTAGES = st.sampled_from(["0", "4.6", "4.60", "46", "99.9999", "100", "100.0"])
FREQUENCIES = st.sampled_from(
    ["INDA", "DAIL", "WEEK", "TOWK", "TWMN", "MNTH", "TOMN", "QUTR", "FOMN", "SEMI", "YEAR", "TYEA"]
)


def record(required, optional):
    return st.fixed_dictionaries(required, optional=optional)


OPTIONS = {
    "amount_variable": st.booleans(),
    "min_amount": AMOUNTS,
    "max_amount": AMOUNTS,
    "total_amount": AMOUNTS,
    "initial_amount": AMOUNTS,
    "initial_amount_number": COUNTS,
    "apr": PERCENTAGES,
}
RECURRENCES = record(
    {"frequency": FREQUENCIES},
    {
        "start_date": DATES,
        "number": COUNTS,
        "mit_options": record({}, OPTIONS).filter(bool),
    },
)
PISPS = record(
    {
        "legal_name": TEXTS,
        "brand_name": TEXTS,
        "domain_name": st.sampled_from(["pay.example", "a-b.c.example"]),
    },
    {},
)
PAYMENTS = record(
    {
        "currency": st.sampled_from(["EUR", "USD", "CLF"]),
        "amount": AMOUNTS,
        "payee": record({"name": TEXTS, "id": TEXTS}, {"website": WEBSITES}),
        "transaction_id": TEXTS,
    },
    {
        "amount_estimated": st.booleans(),
        "amount_earmarked": st.booleans(),
        "sct_inst": st.booleans(),
        "pisp": PISPS,
        "date_time": TIMES,
    },
).flatmap(
    lambda payment: st.one_of(
        st.just(payment),
        DATES.map(lambda day: payment | {"execution_date": day}),
        RECURRENCES.map(lambda recurrence: payment | {"recurrence": recurrence}),
    )
)
LOGINS = record(
    {},
    {
        "action": TEXTS,
        "service": TEXTS,
        "client": TEXTS,
        "browser": TEXTS,
        "place": TEXTS,
        "ip_address": st.sampled_from(["192.0.2.7", "2001:db8::7"]),
        "date_time": TIMES,
        "transaction_id": TEXTS,
    },
)
DOCUMENTS = record(
    {
        "name": TEXTS.map(lambda name: name.translate({47: 45, 92: 45})),
        "size": st.integers(0, 2**53 - 1),
        "type": st.sampled_from(["application/pdf", "text/plain", "image/svg+xml"]),
        "sha256": st.binary(min_size=32, max_size=32).map(
            lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("=")
        ),
        "url": URLS,
    },
    {},
)
DOCUMENT_LISTS = st.lists(
    DOCUMENTS, min_size=1, max_size=3, unique_by=lambda document: document["name"]
).map(lambda documents: {"documents": documents})

OF_TYPE = {
    "payment": PAYMENTS,
    "tool-call": ARGUMENTS,
    "login": LOGINS,
    "document": DOCUMENT_LISTS,
}
"""Arguments by the name of their type."""


@st.composite
def actions(draw, language="en"):
    """Draw an action of any standard type."""
    name = draw(st.sampled_from(sorted(OF_TYPE)))
    return Action(
        type=name,
        resource=draw(TEXTS),
        arguments=draw(OF_TYPE[name]),
        agent=draw(st.none() | TEXTS),
        run=draw(st.none() | TEXTS),
        purpose=draw(st.none() | TEXTS),
        valid_until=NOW + draw(st.sampled_from([timedelta(0), timedelta(milliseconds=1)])),
        language=language,
    )
