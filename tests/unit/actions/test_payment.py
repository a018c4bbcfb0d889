"""Payments: the members of TS12, their lengths, how they are displayed, and each refusal."""

import pycountry
import pytest
from action_strategies import NOW

from counterseal.actions import STANDARD_ACTIONS
from counterseal.actions.members import MINOR_DIGITS
from counterseal.errors import InvalidField
from counterseal.models import Action

WITHOUT_MINOR_DIGITS = frozenset(
    (
        *("XAD", "XAG", "XAU", "XBA", "XBB", "XBC", "XBD"),
        *("XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"),
    )
)
"""Codes of metals, units of account, tests and no currency: ISO 4217 gives them no minor unit."""

ONE = {
    "transaction_id": "8d8ac610",
    "payee": {"name": "Example Bookshop", "id": "DE00 0000 0000 0000 0000 00"},
    "currency": "EUR",
    "amount": "1234567.50",
}
EVERY = ONE | {
    "date_time": "2026-11-29T16:59:00Z",
    "payee": ONE["payee"] | {"website": "https://books.example/"},
    "pisp": {
        "legal_name": "Pay Example AG",
        "brand_name": "PayEx",
        "domain_name": "pay.example",
    },
    "amount_estimated": True,
    "amount_earmarked": False,
    "sct_inst": True,
    "recurrence": {
        "frequency": "MNTH",
        "start_date": "2026-12-01",
        "end_date": "2027-11-01",
        "number": 12,
        "mit_options": {
            "amount_variable": True,
            "min_amount": "0",
            "max_amount": "2000",
            "total_amount": "20000.00",
            "initial_amount": "5",
            "initial_amount_number": 2,
            "apr": "4.6",
        },
    },
}


def rendered(arguments, **members):
    return STANDARD_ACTIONS.render(
        Action(
            type="payment",
            resource="Account ending 4711",
            arguments=arguments,
            valid_until=NOW,
            **members,
        )
    )


def rows(arguments, **members):
    return [(pair.key, pair.value) for pair in rendered(arguments, **members).content.pairs]


def refused(arguments):
    with pytest.raises(InvalidField) as caught:
        rendered(arguments)
    assert caught.value.field.startswith("action.arguments")
    return caught.value.field.removeprefix("action.arguments.")


def changed(path, value, arguments=EVERY):
    """Return *arguments* with another value of the member at *path*; without it for `...`."""
    name, _, rest = path.partition(".")
    if rest:
        return arguments | {name: changed(rest, value, arguments.get(name, {}))}
    others = {each: arguments[each] for each in arguments if each != name}
    return others if value is ... else others | {name: value}


def test_amount_and_payee_come_first():
    assert rows(ONE) == [
        ("Amount", "1 234 567.50 EUR"),
        ("Payee", "Example Bookshop"),
        ("Payee's identifier", "DE00 0000 0000 0000 0000 00"),
        ("Paid from", "Account ending 4711"),
        ("Transaction", "8d8ac610"),
        ("Valid until", "2026-11-29 17:00:00 UTC"),
    ]


def test_every_member_is_displayed():
    assert rows(EVERY) == [
        ("Amount", "1 234 567.50 EUR"),
        ("Amount is an estimate", "yes"),
        ("Amount is blocked at once", "no"),
        ("Payee", "Example Bookshop"),
        ("Payee's identifier", "DE00 0000 0000 0000 0000 00"),
        ("Payee's website", "https://books.example/"),
        ("Paid from", "Account ending 4711"),
        ("Instant transfer", "yes"),
        ("Repeats", "monthly"),
        ("First payment", "2026-12-01"),
        ("Last payment", "2027-11-01"),
        ("Number of payments", "12"),
        ("Amount may vary", "yes"),
        ("Least amount", "0 EUR"),
        ("Greatest amount", "2 000 EUR"),
        ("Total amount", "20 000.00 EUR"),
        ("Initial amount", "5 EUR"),
        ("Payments of the initial amount", "2"),
        ("Annual percentage rate", "4.6 %"),
        ("Payment initiation service", "Pay Example AG"),
        ("Brand of this service", "PayEx"),
        ("Domain of this service", "pay.example"),
        ("Transaction", "8d8ac610"),
        ("Begun at", "2026-11-29T16:59:00Z"),
        ("Valid until", "2026-11-29 17:00:00 UTC"),
    ]


@pytest.mark.parametrize(
    ("language", "amount", "rate"),
    [
        ("fr", "Montant", "Taux annuel effectif global"),
        ("es", "Importe", "Tasa anual equivalente (TAE)"),
        ("it", "Importo", "Tasso annuo effettivo globale"),
    ],
)
def test_the_decimal_mark_of_each_other_language_is_a_comma(language, amount, rate):
    labelled = dict(rows(EVERY, language=language))
    assert labelled[amount] == "1 234 567,50 EUR"
    assert labelled[rate] == "4,6 %"


def test_in_german_the_decimal_mark_is_a_comma():
    german = dict(rows(EVERY, language="de"))
    assert german["Betrag"] == "1 234 567,50 EUR"
    assert german["Gesamtbetrag"] == "20 000,00 EUR"
    assert german["Effektiver Jahreszins"] == "4,6 %"
    assert german["Wiederholung"] == "monatlich"


def test_a_hidden_character_of_a_payee_is_written_out():
    payee = {"name": "Shop\u202epohS  ", "id": "\u00a01"}
    values = [value for _, value in rows(changed("payee", payee, ONE))]
    assert values[1:3] == ["Shop<U+202E>pohS <U+0020>", "<U+00A0>1"]


@pytest.mark.parametrize(
    "path",
    [
        "transaction_id",
        "payee",
        "payee.name",
        "payee.id",
        "currency",
        "amount",
        "recurrence.frequency",
        "pisp.legal_name",
        "pisp.brand_name",
        "pisp.domain_name",
    ],
)
def test_a_member_that_is_needed_is_missed(path):
    assert refused(changed(path, ...)) == path


@pytest.mark.parametrize(
    "path",
    [
        "payee.website",
        "pisp",
        "amount_estimated",
        "amount_earmarked",
        "sct_inst",
        "recurrence",
        "recurrence.start_date",
        "recurrence.end_date",
        "recurrence.number",
        "recurrence.mit_options",
        "recurrence.mit_options.amount_variable",
        "recurrence.mit_options.min_amount",
        "recurrence.mit_options.max_amount",
        "recurrence.mit_options.total_amount",
        "recurrence.mit_options.initial_amount",
        "recurrence.mit_options.initial_amount_number",
        "recurrence.mit_options.apr",
        "date_time",
    ],
)
def test_any_other_member_may_be_absent(path):
    assert len(rows(changed(path, ...))) < len(rows(EVERY))


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("transaction_id", 36),
        ("payee.name", 100),
        ("payee.id", 50),
        ("pisp.legal_name", 100),
        ("pisp.brand_name", 100),
    ],
)
def test_a_text_has_the_length_of_ts12(path, limit):
    assert rendered(changed(path, "ä" * limit))
    for bad in ("ä" * (limit + 1), "", None, 7, ["a"]):
        assert refused(changed(path, bad)) == path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *[("amount", value) for value in ["", "1,5", "+1", "-1", "01", "1.", ".5", "1e3", "1 000"]],
        *[
            ("amount", value)
            for value in ["1.505", "1234567890123", 5, True, None, "1\n", "\u0661"]
        ],
        *[("currency", value) for value in ["eur", "EU", "EURO", "\u0415UR", 978, None, "EUR\n"]],
        *[("currency", value) for value in ["EUX", "DEM", "XXX", "XTS", "XAU"]],
        *[("amount_estimated", value) for value in ["true", 1, None]],
        ("amount_earmarked", 0),
        ("sct_inst", "no"),
        *[("recurrence", value) for value in ["MNTH", [], None]],
        *[("recurrence.frequency", value) for value in ["monthly", "mnth", "", None, ["MNTH"]]],
        *[
            ("recurrence.start_date", value)
            for value in ["2026-02-30", "20261201", "2026-W49-2", "2026-12-01T00:00:00Z", 7, ""]
        ],
        ("recurrence.end_date", "2026-11-30"),
        *[("recurrence.number", value) for value in [0, -1, True, "12", None]],
        ("recurrence.mit_options.initial_amount_number", 0),
        ("recurrence.mit_options.amount_variable", "yes"),
        *[
            (f"recurrence.mit_options.{name}_amount", value)
            for name in ("min", "max", "total", "initial")
            for value in ("1.505", 5)
        ],
        *[
            ("recurrence.mit_options.apr", value)
            for value in ["100.1", "101", "-1", "4,6", "1.23456", 4, "05"]
        ],
        *[
            ("payee.website", value)
            for value in [
                "http://a.example",
                "https://",
                "https:///a",
                "https://ann@a.example/",
                "https://a.example\\.b.example/",
                "https://a.example:0/",
                "https://a.example:99999/",
                "https://a.example:0443/",
                "https://a.example:/",
                "https://ex%61mple.com/",
                "https://Example.com/",
                "https://192.0.2.7/",
                "https://[2001:db8::7]/",
                "https://0x7f000001/",
                "https://a_b.example/",
                "https://-a.example/",
                "https://a..example/",
                "https://a.example./",
                "https://books/",
                "https://[::1",
                "https://ä.example/",
                "https://a.example/ ",
                "https://a.example/" + "x" * 2031,
                7,
            ]
        ],
        *[
            ("pisp.domain_name", value)
            for value in [
                "pay",
                "Pay.example",
                "-a.example",
                "a-.example",
                "a..example",
                "a.example.",
                "192.0.2.7",
                f"{'a' * 64}.example",
                ".".join(["a" * 60] * 4) + ".example.com",
                7,
            ]
        ],
        *[
            ("date_time", value)
            for value in ["2026-11-29", "2026-11-29T17:00:00", "2026-13-29T17:00:00Z", 7]
        ],
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(path, value):
    assert refused(changed(path, value)) == path


@pytest.mark.parametrize(
    "website",
    [
        "https://a.example",
        "https://a.example:8443/x%20y?z#@b.example",
        "https://xn--bcher-kva.example/",
        "https://books.xn--p1ai/",
    ],
)
def test_a_website_of_a_readable_name_is_displayed_as_it_is(website):
    arguments = EVERY | {"payee": EVERY["payee"] | {"website": website}}
    assert ("Payee's website", website) in rows(arguments)


def test_a_long_address_fits():
    assert rendered(changed("payee.website", "https://a.example/" + "x" * 2030))


@pytest.mark.parametrize(
    "path",
    ["payee.logo", "payee.Name", "pisp.iban", "recurrence.every", "recurrence.mit_options.fee"],
)
def test_an_unknown_member_is_refused_by_name(path):
    assert refused(changed(path, "x")) == path
    assert refused(EVERY | {"note": "x"}) == "note"


def test_an_object_without_members_is_refused():
    # It would have no rows, and look as if it were absent.
    assert refused(changed("recurrence.mit_options", {})) == "recurrence.mit_options"


def test_an_execution_date_belongs_to_a_single_payment():
    # TS12, 4.3.1.
    assert ("Execution date", "2026-12-24") in rows(ONE | {"execution_date": "2026-12-24"})
    assert refused(EVERY | {"execution_date": "2026-12-24"}) == "execution_date"


def test_the_last_payment_may_be_the_first():
    assert rendered(changed("recurrence.end_date", "2026-12-01"))
    recurrence = {"frequency": "YEAR", "end_date": "2026-01-01"}
    assert rendered(ONE | {"recurrence": recurrence})


@pytest.mark.parametrize(
    ("currency", "amount", "more"),
    [
        ("JPY", "5", "5.0"),
        ("EUR", "5.25", "5.250"),
        ("KWD", "5.255", "5.2555"),
        ("CLF", "5.2555", "5.25555"),
    ],
)
def test_an_amount_has_at_most_the_digits_of_its_currency(currency, amount, more):
    assert rendered(ONE | {"currency": currency, "amount": amount})
    assert refused(ONE | {"currency": currency, "amount": more}) == "amount"


def test_the_currencies():
    iso_4217 = {currency.alpha_3 for currency in pycountry.currencies}
    assert set(MINOR_DIGITS) == iso_4217 - WITHOUT_MINOR_DIGITS
    digits = [MINOR_DIGITS[code] for code in ("ISK", "HUF", "CHF", "TND", "UYW", "XOF", "MGA")]
    assert digits == [0, 2, 2, 3, 4, 0, 2]


def test_zero_is_an_amount():
    assert rows(ONE | {"amount": "0"})[0] == ("Amount", "0 EUR")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1", "1 EUR"),
        ("999", "999 EUR"),
        ("1000", "1 000 EUR"),
        ("100000.5", "100 000.5 EUR"),
        ("999999999999.99", "999 999 999 999.99 EUR"),
    ],
)
def test_the_digits_of_an_amount_are_in_groups(amount, text):
    assert rows(ONE | {"amount": amount})[0] == ("Amount", text)
