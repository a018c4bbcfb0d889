"""
Members: of the claims of a token, and of other JSON objects.

A token has exactly its members, of their types; else it is a MalformedToken. In any other document,
InvalidField names the member.

A document that a client sends may have the known members only; another one is refused by name.
`Members` reads what a service replies, where a client ignores the members that it does not know.
A record whose fields have a `member` each is a document: `write_record` and `read_record` follow
these fields.

A *near miss* differs from a known name by at most one character that is missing, added, replaced
or swapped with its neighbour, or is its plural or singular. Case, `-`, `_`, `.` and spaces are
ignored.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

import attrs

from counterseal import ijson
from counterseal.errors import InvalidField, MalformedToken
from counterseal.models import Guid
from counterseal.models.guid import SHAPE, parse

VERSION = 1
"""The version of every signed format; a reader refuses others."""

ID_LIMIT = 64
"""Characters of a `jti`; 22 hold 128 bits."""

GUID_LENGTH = 36
_GUIDS = re.compile(rf"{SHAPE}(?: {SHAPE})*")


def demand(
    claimed: Mapping[str, Any],
    required: Mapping[str, type],
    optional: Mapping[str, type] = {},
) -> None:
    """Require the members of a payload; refuse one that is missing, unknown or of another type."""
    # `type` and not `isinstance`, so that True is not a number.
    kinds = {name: type(value) for name, value in claimed.items()}
    if kinds == required:
        return
    for name, kind in optional.items():
        if kinds.get(name) is kind:
            del kinds[name]
    if kinds != required:
        raise MalformedToken


def demand_id(value: str) -> None:
    """Require a `jti` of 1 to 64 characters."""
    if not 1 <= len(value) <= ID_LIMIT:
        raise MalformedToken


def demand_guids(*values: str) -> None:
    """Require that each of *values* is the text of a GUID of this service."""
    # One search for all of them; the length shows that no value holds two.
    listed = " ".join(values)
    if len(listed) != (GUID_LENGTH + 1) * len(values) - 1 or not _GUIDS.fullmatch(listed):
        raise MalformedToken


MILLISECOND = timedelta(milliseconds=1)


def truncate(moment: datetime) -> datetime:
    """Truncate *moment* to milliseconds, which is what the wire can carry."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_time(moment: datetime) -> str:
    """Format *moment*, which is in UTC (RFC 3339, milliseconds)."""
    return f"{moment.isoformat('T', 'milliseconds')[:-6]}Z"


def parse_time(text: str) -> datetime:
    """Parse the output of `format_time`; refuse another spelling."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedToken from None
    if format_time(moment) != text:
        raise MalformedToken
    return moment


E = TypeVar("E", bound=enum.Enum)
R = TypeVar("R", bound=attrs.AttrsInstance)


class _Everything(Container[str]):
    def __contains__(self, name: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "EVERYTHING"


EVERYTHING: Container[str] = _Everything()
"""For *ignored* of `require_known`: every unknown name, including near misses."""

_SEPARATORS = re.compile(r"[-_. ]")


def require_known(
    names: Iterable[str],
    members: Collection[str],
    *,
    prefix: str = "",
    ignored: Container[str] = (),
) -> None:
    """
    Refuse names that are not known, of the members of a document or form.

    Args:
        prefix: Precedes the name in the error, such as `content.`.
        ignored: Unknown names that are not refused; a near miss is refused nevertheless, unless
            this is `EVERYTHING`.

    Raises:
        InvalidField: It names the first unknown name, and the member that this nearly is.
    """
    if ignored is EVERYTHING:
        return
    for name in names:
        if name in members:
            continue
        meant = near_miss(str(name), members)
        if meant is None and name in ignored:
            continue
        hint = "" if meant is None else f"; {meant} is"
        raise InvalidField(f"{prefix}{ijson.printable(str(name))}", f"not a known member{hint}")


def read_object(
    value: object, members: Collection[str], field: str, *, prefix: str | None = None
) -> Mapping[str, Any]:
    """Return *value*, a JSON object of known members only; their errors begin with *prefix*."""
    # `dict` first, since that check is faster and nearly always true.
    if not isinstance(value, (dict, Mapping)):
        raise InvalidField(field, "not a JSON object")
    require_known(value, members, prefix=f"{field}." if prefix is None else prefix)
    return value


def read_text(body: Mapping[str, Any], name: str, prefix: str = "", *, empty: bool = False) -> str:
    """Return the text of a member, which may be an empty one only where *empty* says so."""
    value = body.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise InvalidField(prefix + name, "missing, empty or not a text")
    return value


def read_optional_text(body: Mapping[str, Any], name: str, prefix: str = "") -> str | None:
    """Return the text of a member; None if it is absent or null."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(prefix + name, "not a text")


@attrs.frozen
class Members:
    """
    The members of a JSON object that a service sent; unknown ones are ignored.

    A reader refuses a member that is missing or of another type by InvalidField, which names it
    and has no value. One that ends in `_or_none` returns None for a member that is missing or
    null.
    """

    document: Mapping[str, Any] = attrs.field(repr=False)

    @classmethod
    def of(cls, value: object, field: str = "body") -> Members:
        """Return the members of *value*, a JSON object, which an error calls *field*."""
        if not isinstance(value, Mapping):
            raise InvalidField(field, "not a JSON object")
        return cls(value)

    def has(self, name: str) -> bool:
        """Tell whether the member is there and not null."""
        return self.document.get(name) is not None

    def text(self, name: str, *, empty: bool = False) -> str:
        """Return a text, which may be an empty one only where *empty* says so."""
        return read_text(self.document, name, empty=empty)

    def text_or_none(self, name: str) -> str | None:
        """Return a text."""
        return read_optional_text(self.document, name)

    def texts_or_none(self, name: str) -> tuple[str, ...] | None:
        """Return the texts of a list."""
        value = self.document.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise InvalidField(name, "not a list of texts")
        return tuple(value)

    def named_texts(self, name: str) -> Mapping[str, str]:
        """Return the texts of an object, by their names."""
        value = self.document.get(name)
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise InvalidField(name, "missing, or not an object of texts")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self.document.get(name)
        if not isinstance(value, bool):
            raise InvalidField(name, "missing or not a boolean")
        return value

    def count(self, name: str) -> int:
        """Return an integer of at least 0."""
        value = self.document.get(name)
        # `type` and not `isinstance`, so that True is not a number.
        if type(value) is not int or value < 0:
            raise InvalidField(name, "missing or not a number of at least 0")
        return value

    def count_or_none(self, name: str) -> int | None:
        """Return an integer of at least 0."""
        return self.count(name) if self.has(name) else None

    def guid(self, name: str) -> Guid:
        """Return a GUID."""
        return parse(self.document.get(name), field=name)

    def guid_or_none(self, name: str) -> Guid | None:
        """Return a GUID."""
        return self.guid(name) if self.has(name) else None

    def time(self, name: str) -> datetime:
        """Return a time."""
        try:
            return parse_time(self.text(name))
        except MalformedToken:
            raise InvalidField(name, "not a time") from None

    def time_or_none(self, name: str) -> datetime | None:
        """Return a time."""
        return self.time(name) if self.has(name) else None

    def choice(self, name: str, kind: type[E]) -> E:
        """Return a value of an enumeration."""
        try:
            return kind(self.text(name))
        except ValueError:
            raise InvalidField(name, "not a known value") from None

    def objects(self, name: str) -> tuple[Members, ...]:
        """Return the members of each object of a list."""
        value = self.document.get(name)
        if not isinstance(value, list):
            raise InvalidField(name, "missing or not a list")
        return tuple(Members.of(each, name) for each in value)


@attrs.frozen
class MemberType:
    """How the values of a member are read and written."""

    reader: Callable[[Members, str], Any]
    writer: Callable[[Any], Any] = lambda value: value


TEXT = MemberType(Members.text)
EMPTY_TEXT = MemberType(lambda members, name: members.text(name, empty=True))
ABSENT_TEXT = MemberType(lambda members, name: members.text_or_none(name) or "")
"""Empty where the member is missing, as an older release leaves it out."""
OPTIONAL_TEXT = MemberType(Members.text_or_none)
OPTIONAL_TEXTS = MemberType(
    Members.texts_or_none, lambda texts: None if texts is None else list(texts)
)
NAMED_TEXTS = MemberType(Members.named_texts)
FLAG = MemberType(Members.flag)
COUNT = MemberType(Members.count)
OPTIONAL_COUNT = MemberType(Members.count_or_none)
GUID = MemberType(Members.guid)
OPTIONAL_GUID = MemberType(
    lambda members, name: None if members.document.get(name) is None else members.guid(name)
)
TIME = MemberType(Members.time, format_time)
OPTIONAL_TIME = MemberType(
    Members.time_or_none, lambda moment: None if moment is None else format_time(moment)
)


def choice(kind: type[enum.Enum]) -> MemberType:
    """Return the kind of the values of an enumeration."""
    return MemberType(lambda members, name: members.choice(name, kind), attrgetter("value"))


def records(kind: type[attrs.AttrsInstance]) -> MemberType:
    """Return the kind of a list of documents."""
    return MemberType(
        lambda members, name: tuple(_read_members(kind, each) for each in members.objects(name)),
        lambda values: [write_record(value) for value in values],
    )


def member(name: str, kind: MemberType, *, omitted: bool = False) -> dict[str, Any]:
    """Return the metadata of a field; where *omitted* says so, None is left out."""
    return {"member": (name, kind, omitted)}


def write_record(record: attrs.AttrsInstance) -> dict[str, Any]:
    """Return the document that *record* is."""
    document: dict[str, Any] = {}
    for attribute, name, kind, omitted in _table(type(record)):
        value = getattr(record, attribute)
        if not (omitted and value is None):
            document[name] = kind.writer(value)
    return document


def read_record(kind: type[R], document: object) -> R:
    """Read a record of *kind*; see `Members` for refusals."""
    return _read_members(kind, Members.of(document))


def _read_members(record: type[R], members: Members) -> R:
    return record(**{row[0]: row[2].reader(members, row[1]) for row in _table(record)})


@cache
def _table(record: type[attrs.AttrsInstance]) -> tuple[tuple[str, str, MemberType, bool], ...]:
    fields = [field for field in attrs.fields(record) if "member" in field.metadata]
    return tuple((field.name, *field.metadata["member"]) for field in fields)


def near_miss(name: str, members: Iterable[str]) -> str | None:
    """Return the member that *name* is a near miss of; None if there is none."""
    plain = _plain(name)
    for member_name in sorted(members):
        shorter, longer = sorted((plain, _plain(member_name)), key=len)
        if _one_edit(shorter, longer) or _plural(shorter, longer):
            return member_name
    return None


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.casefold())


def _one_edit(shorter: str, longer: str) -> bool:
    """Tell whether at most one edit turns one into the other."""
    start = 0
    while start < len(shorter) and shorter[start] == longer[start]:
        start += 1
    short_rest, long_rest = shorter[start:], longer[start:]
    if len(short_rest) < len(long_rest):
        return short_rest == long_rest[1:]
    return short_rest[1:] == long_rest[1:] or short_rest == long_rest[1::-1] + long_rest[2:]


def _plural(singular: str, plural: str) -> bool:
    """Tell whether *plural* is *singular* in number; an `s` alone is one edit."""
    y = singular.endswith("y")
    return plural == f"{singular}es" or (y and plural == f"{singular[:-1]}ies")
