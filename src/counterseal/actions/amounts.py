"""
Amounts of money: decimal texts, with at most the digits that the currency has.

An amount is a text, such as `"1234.50"`, so that every program reads the same number. It has no
sign and no leading zeros. It is displayed with its currency and its digits in groups of three,
such as `1 234.50 EUR`.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

from counterseal.actions.members import Arguments, Kind
from counterseal.actions.rendering import group_digits
from counterseal.actions.types import Texts

DIGITS = 12
"""The most digits of an amount before the point."""

_CURRENCIES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR
    PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP
    TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

MINOR_DIGITS = MappingProxyType(
    {currency: digits for digits, text in _CURRENCIES.items() for currency in text.split()}
)
"""
Digits after the point of each currency (ISO 4217).

Codes without a minor unit, such as XAU for gold and XXX for no currency, are not among them.
"""

_AMOUNT = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_PERCENTAGE = re.compile(r"(?:0|[1-9][0-9]?)(?:\.[0-9]{1,4})?|100(?:\.0{1,4})?")
_MOST_MINOR_DIGITS = max(MINOR_DIGITS.values())


def _amount_problem(value: Any, arguments: Arguments) -> str | None:
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        return 'not an amount as a text, like "1234.50"'
    units, _, minor = value.partition(".")
    if len(units) > DIGITS:
        return f"more than {DIGITS} digits before the point"
    # What is no currency is refused under its own name.
    limit = MINOR_DIGITS.get(str(arguments.get("currency")), _MOST_MINOR_DIGITS)
    return f"more than {limit} digits after the point" if len(minor) > limit else None


def _display_amount(value: str, arguments: Arguments, texts: Texts) -> str:
    units, point, minor = value.partition(".")
    decimal = texts["decimal"] if point else ""
    return f"{group_digits(units)}{decimal}{minor} {arguments['currency']}"


def _currency_problem(value: Any, _: Arguments) -> str | None:
    if isinstance(value, str) and value in MINOR_DIGITS:
        return None
    return "not the code of a currency in ISO 4217, like EUR"


def _percentage_problem(value: Any, _: Arguments) -> str | None:
    if isinstance(value, str) and _PERCENTAGE.fullmatch(value):
        return None
    return 'not a percentage as a text, like "4.6"'


def _display_percentage(value: str, _: Arguments, texts: Texts) -> str:
    return f"{value.replace('.', texts['decimal'])} %"


CURRENCY = Kind(_currency_problem, lambda value, _, __: value)

AMOUNT = Kind(_amount_problem, _display_amount)
"""An amount in the currency that the arguments have as `currency`; its texts have `decimal`."""

PERCENTAGE = Kind(_percentage_problem, _display_percentage)
"""From `"0"` to `"100"`; its texts have `decimal`."""
