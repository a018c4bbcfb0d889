"""
Members of arguments: what a type of actions allows, and the row that displays each member.

A type lists the members of its arguments: `check_members` refuses those that do not fit, and
`member_rows` displays the others. The rows are injective: each member has a label
of its own and a row only if it is there, a kind displays different values differently, and an
object without members is refused.

An amount of money is a text, such as `"1234.50"`, so that every program reads the same number, with
at most the digits that the currency has. It has no sign and no leading zeros. It is displayed with
its currency and its digits in groups of three, such as `1 234.50 EUR`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import attrs

from counterseal.actions.rendering import group_digits, visible_text
from counterseal.actions.types import Texts
from counterseal.errors import InvalidField
from counterseal.models import Pair
from counterseal.wire.members import read_object

Arguments: TypeAlias = Mapping[str, Any]

URL_LIMIT = 2048

_URL = re.compile(r"https://[!-\[\]-~]+")
"""Without a backslash, which programs read differently."""

_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])"
)
_AUTHORITY = re.compile(r"([a-z0-9.-]+)(:[1-9][0-9]{0,4})?")
"""A host and a port, each in the one form that every program displays."""

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


@attrs.frozen
class Kind:
    """
    What a member may be, and how it is displayed.

    Attributes:
        problem: Says what is wrong with a value, if anything is; it also has all arguments.
        display: Returns the text of a row, from a value without a problem, all arguments and the
            texts of the language. Two different values have two different texts.
    """

    problem: Callable[[Any, Arguments], str | None]
    display: Callable[[Any, Arguments, Texts], str]


@attrs.frozen
class Leaf:
    """
    A member that holds no others.

    Attributes:
        label: The name of its label in the texts of the type; None if another row displays it.
    """

    label: str | None
    kind: Kind
    required: bool = False


@attrs.frozen
class Branch:
    """A member that is an object, with at least one member."""

    members: Mapping[str, Leaf | Branch]
    required: bool = False


def check_members(
    value: object, members: Mapping[str, Leaf | Branch], field: str = "action.arguments"
) -> None:
    """
    Refuse *value* unless it is an object with members as *members* say.

    Args:
        value: Arguments, or an object in them.
        members: The members that are known.
        field: What an error calls *value*.

    Raises:
        InvalidField: It names the member that is missing, unknown or does not fit.
    """
    _check(value, members, field, None)


def member_rows(
    arguments: Arguments, members: Mapping[str, Leaf | Branch], texts: Texts
) -> tuple[Pair, ...]:
    """Return a row for each member of *arguments*, in the order of *members*."""
    return tuple(_rows(arguments, members, texts, arguments))


def text_of(characters: int) -> Kind:
    """Return the kind of texts of 1 to *characters* characters."""

    def problem(value: Any, _: Arguments) -> str | None:
        if isinstance(value, str) and 1 <= len(value) <= characters:
            return None
        return f"not a text of 1 to {characters} characters"

    return Kind(problem, _display_text)


def choice_of(*names: str) -> Kind:
    """Return the kind of texts that are one of *names*, each displayed by the text of its name."""

    def problem(value: Any, _: Arguments) -> str | None:
        return None if value in names else f"none of {', '.join(names)}"

    return Kind(problem, lambda value, _, texts: texts[value])


def count_from(least: int) -> Kind:
    """Return the kind of whole numbers of at least *least*."""

    def problem(value: Any, _: Arguments) -> str | None:
        # `type` and not `isinstance`, so that True is not a number.
        return None if type(value) is int and value >= least else f"not a whole number from {least}"

    return Kind(problem, lambda value, _, __: str(value))


def _display_text(value: str, _: Arguments, __: Texts) -> str:
    return visible_text(value)


def _flag_problem(value: Any, _: Arguments) -> str | None:
    return None if isinstance(value, bool) else "neither true nor false"


def _date_problem(value: Any, _: Arguments) -> str | None:
    try:
        if date.fromisoformat(value).isoformat() == value:
            return None
    except (TypeError, ValueError):
        pass
    return "not a date like 2026-12-31"


def _time_problem(value: Any, _: Arguments) -> str | None:
    try:
        if _TIME.fullmatch(value):
            datetime.fromisoformat(value)
            return None
    except (TypeError, ValueError):
        pass
    return "not a time like 2026-12-31T23:59:59Z"


def _url_problem(value: Any, _: Arguments) -> str | None:
    problem = "not an https address of visible ASCII, with a host and without a password"
    if not isinstance(value, str) or len(value) > URL_LIMIT or not _URL.fullmatch(value):
        return problem
    try:
        parts = urlsplit(value)
        # A percent sign in the host: programs decode it, and the person reads another name.
        sound = bool(parts.hostname) and not set("@%") & set(parts.netloc) and parts.port != 0
    except ValueError:
        sound = False
    return None if sound else problem


def _domain_problem(value: Any, _: Arguments) -> str | None:
    if isinstance(value, str) and _DOMAIN.fullmatch(value):
        return None
    return "not a domain name in lower case"


def _website_problem(value: Any, arguments: Arguments) -> str | None:
    if problem := _url_problem(value, arguments):
        return problem
    authority = _AUTHORITY.fullmatch(urlsplit(value).netloc)
    if authority is None or _domain_problem(authority[1], arguments):
        return "not the https address of a domain name in lower case"
    return None


def _address_problem(value: Any, _: Arguments) -> str | None:
    try:
        if isinstance(value, str) and "%" not in value:
            ip_address(value)
            return None
    except ValueError:
        pass
    return "not an IP address without a zone"


FLAG = Kind(_flag_problem, lambda value, _, texts: texts["yes" if value else "no"])
DATE = Kind(_date_problem, _display_text)
"""A date of ISO 8601, `YYYY-MM-DD`."""
TIME = Kind(_time_problem, _display_text)
"""A time of RFC 3339."""
URL = Kind(_url_problem, _display_text)
"""An https address."""
WEBSITE = Kind(_website_problem, _display_text)
"""An https address whose host is a domain name, as a person reads it; TS12's resolvable URL."""
DOMAIN = Kind(_domain_problem, _display_text)
IP_ADDRESS = Kind(_address_problem, _display_text)


def _check(
    value: object,
    members: Mapping[str, Leaf | Branch],
    field: str,
    arguments: Arguments | None,
) -> None:
    present = read_object(value, members, field)
    for name, member in members.items():
        path = f"{field}.{name}"
        if name not in present:
            if member.required:
                raise InvalidField(path, "missing")
        elif isinstance(member, Branch):
            _check(present[name], member.members, path, arguments or present)
            if not present[name]:
                raise InvalidField(path, "empty")
        elif problem := member.kind.problem(present[name], arguments or present):
            raise InvalidField(path, problem)


def _rows(
    value: Arguments,
    members: Mapping[str, Leaf | Branch],
    texts: Texts,
    arguments: Arguments,
) -> Iterator[Pair]:
    for name, member in members.items():
        if name not in value:
            continue
        if isinstance(member, Branch):
            yield from _rows(value[name], member.members, texts, arguments)
        elif member.label is not None:
            text = member.kind.display(value[name], arguments, texts)
            yield Pair(key=texts[member.label], value=text)


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
