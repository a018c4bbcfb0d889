"""Editable members: what administrators edit of an App Space or an origin, one entry for each."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType, NoneType
from typing import (
    Annotated,
    Any,
    Literal,
    TypedDict,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import attrs

from counterseal.challenges.records import FINISHED, ChallengeState
from counterseal.models.clients import (
    MOST_PENDING,
    MOST_QUESTIONS,
    Clients,
    Codes,
    OriginRole,
    TokenForm,
)
from counterseal.models.document_hosts import DOCUMENT_ORIGIN, EXAMPLE, HOSTS_LIMIT
from counterseal.models.events import AccountEventKind
from counterseal.tenancy.records import HtmlUse, NewDeviceRule


class MemberKind(enum.Enum):
    """What kind of value an editable member has; it follows from the type of the argument."""

    TEXT = "text"
    FLAG = "flag"
    NUMBER = "number"
    CHOICE = "choice"
    """One of the members of an enumeration."""
    CHOICES = "choices"
    """Any number of them."""
    TEXTS = "texts"
    PICTURE = "picture"


@attrs.frozen
class EditableMember:
    """
    One member of a record that administrators edit.

    The use case, the HTTP API and its schemas, the options of the command line, the forms of the
    portal and the reference are made of it.

    Attributes:
        help: What it means, for everybody who is asked for a value.
        wire: Its name in JSON, after the object around it and a dot, if there is one. By default
            the name in camel case.
        path: Where the record has it, if not by its name.
        display: Where the record has what is shown of it, if that is another value.
        size: The setting of the policy that limits the bytes of a text.
        pattern: What a text matches, unless it is empty, or each of several texts; None matches
            every text.
        example: What a text that matches is, in words.
        most: The largest number; the smallest is 1. Of texts with a *pattern*, how many there are
            at most.
        choices: Those that it may have; by default all of the enumeration.
        cleared: What applies once it is cleared: by an empty text or picture, or by no texts. Empty
            if nothing clears it.
        word: What clears it on the command line in place of an empty text: a value of the option,
            or an option of its own.
        option: The option of the command line, if it does not follow from the name.
        name: Of the argument, after the argument around it and a dot, if there is one.
        kind: Of its values.
    """

    help: str
    wire: str = attrs.field(default="", kw_only=True)
    path: str = attrs.field(default="", kw_only=True)
    display: str = attrs.field(default="", kw_only=True)
    size: str = attrs.field(default="", kw_only=True)
    pattern: str | None = attrs.field(default=None, kw_only=True)
    example: str = attrs.field(default="", kw_only=True)
    most: int = attrs.field(default=0, kw_only=True)
    choices: tuple[enum.Enum, ...] = attrs.field(default=(), kw_only=True)
    cleared: str = attrs.field(default="", kw_only=True)
    word: str = attrs.field(default="", kw_only=True)
    option: str = attrs.field(default="", kw_only=True)
    name: str = attrs.field(default="", kw_only=True)
    kind: MemberKind = attrs.field(default=MemberKind.TEXT, kw_only=True)

    @property
    def empty(self) -> Any:
        """The value that clears it; None if nothing does."""
        if not self.cleared:
            return None
        return {MemberKind.TEXTS: (), MemberKind.PICTURE: b""}.get(self.kind, "")

    def shown_value(self, record: Any) -> Any:
        """Return what is shown of it; None if there is nothing."""
        value = record
        for name in (self.display or self.path).split("."):
            value = None if value is None else getattr(value, name)
        return None if self.cleared and value == "" else value


class NamedChanges(TypedDict, total=False):
    """What is edited of every record with a name."""

    name: Annotated[
        str | None, EditableMember("What it is called; people read it.", size="name_bytes")
    ]


class NewOrigin(TypedDict, total=False):
    """What an origin is created with; what is None follows the profile of its clients."""

    role: Annotated[
        OriginRole | None,
        EditableMember(
            "What it may do: `asking` is only to ask people whose devices others bind, as an agent."
        ),
    ]
    clients: Annotated[
        Clients | None,
        EditableMember(
            "For which programs it is set up: `cx` if they are written for a Privakey CX service."
            " A change resets codes, wildcards and callback states, unless they are given."
        ),
    ]
    codes: Annotated[
        Codes | None,
        EditableMember("Whether `showCode` makes the person type a code, or is only returned."),
    ]
    wildcards: Annotated[
        bool | None,
        EditableMember(
            "Whether `{*}` in an entry of its allow-list stands for anything. It counts also for"
            " callbacks that are queued.",
            option="--wildcards/--exact",
        ),
    ]
    token_form: Annotated[
        TokenForm | None,
        EditableMember(
            "How an invitation returns its session token; only programs of 2019 need an object.",
            wire="sessionTokenForm",
            option="--session-token-form",
        ),
    ]


class OriginChanges(NamedChanges, NewOrigin, total=False):
    """What is edited of an origin; what is None stays."""

    callback_states: Annotated[
        Iterable[ChallengeState] | None,
        EditableMember(
            "The endings that send a callback, of questions that are asked from now on.",
            choices=FINISHED,
        ),
    ]
    pending_limit: Annotated[
        int | Literal[""] | None,
        EditableMember(
            "Open questions that one person may have when it asks. It never loosens the policy.",
            path="limits.pending",
            most=MOST_PENDING,
            cleared="as the policy says",
            word="policy",
        ),
    ]
    ask_limit: Annotated[
        int | Literal[""] | None,
        EditableMember(
            "Questions to one person in the policy's window. It never loosens the policy.",
            path="limits.questions",
            most=MOST_QUESTIONS,
            cleared="as the policy says",
            word="policy",
        ),
    ]
    cooldown: Annotated[
        bool | None,
        EditableMember(
            "Whether refusals begin a cool-down for it, whatever the policy says.",
            path="limits.cooldown",
        ),
    ]
    events: Annotated[
        Iterable[AccountEventKind] | Literal[""] | None,
        EditableMember(
            "What it hears of accounts, from the next event on; nothing if there is none.",
            display="event_kinds",
            cleared="as the profile of its clients says",
            word="profile",
        ),
    ]
    events_url: Annotated[
        str | None,
        EditableMember(
            "Where events are sent, by an address of its allow-list.",
            size="callback_bytes",
            cleared="nowhere, and it can still read them",
        ),
    ]


class NewAppSpace(TypedDict, total=False):
    """What an App Space is created with."""

    brand_url: Annotated[
        str | None,
        EditableMember(
            "Where clients of the Privakey CX service say that the logo is; no device gets it.",
            wire="brandInfo.url",
            size="callback_bytes",
            cleared="no address",
        ),
    ]
    brand_color: Annotated[
        str | None,
        EditableMember(
            "The colour that devices show, like #0B5F66; the name stands on it in black or white,"
            " whichever can be read.",
            wire="brandInfo.color",
            pattern="#[0-9A-Fa-f]{6}",
            example="a colour like #1A2B3C",
            cleared="no colour",
        ),
    ]
    logo: Annotated[
        bytes | None,
        EditableMember(
            "A PNG of 32 KB and 512 x 512 pixels at most, which devices show. Anybody who knows the"
            " App Space can read it.",
            wire="brandInfo.logo",
            path="logo_digest",
            cleared="no logo",
            word="--no-logo",
        ),
    ]
    html: Annotated[
        HtmlUse | None,
        EditableMember("Whether its origins may ask in HTML, from the next question on."),
    ]
    universal_app: Annotated[
        bool | None,
        EditableMember(
            "As clients of the Privakey CX service write it; it is only stored and returned, and"
            " changes nothing.",
            wire="useUniversalApp",
            option="--universal-app/--own-app",
        ),
    ]


def _text(meaning: str, member: str, option: str = "") -> EditableMember:
    return EditableMember(
        f"What its push messages say {meaning}.",
        wire=f"notification.{member}",
        size="title_bytes",
        cleared="the text of the policy",
        option=option,
    )


class TextChanges(TypedDict, total=False):
    """What an App Space's push messages say."""

    title: Annotated[str, _text("above each of the others", "title")]
    challenge: Annotated[str, _text("of a question that waits", "body", "--body")]
    challenge_ended: Annotated[
        str, _text("of a question that needs no answer any more", "requestEnded")
    ]
    device_bound: Annotated[str, _text("when another device was bound", "deviceBound")]
    device_revoked: Annotated[str, _text("when another device was revoked", "deviceRevoked")]
    device_unconfirmed: Annotated[
        str, _text("when a new device waits to be confirmed", "deviceUnconfirmed")
    ]


class AppSpaceChanges(NamedChanges, NewAppSpace, total=False):
    """What is edited of an App Space; what is None stays."""

    texts: TextChanges | None
    passkey_origins: Annotated[
        Iterable[str] | None,
        EditableMember(
            "The web origins where passkeys are used that are bound from now on, such as"
            " https://app.example.com. A passkey stays with the origins where it was bound.",
            wire="passkeys.origins",
            path="passkeys.origins",
            cleared="at the service's own address",
            word="--default-passkeys",
        ),
    ]
    rp_id: Annotated[
        str | None,
        EditableMember(
            "The relying party id of its passkeys, such as example.com; without it, the host of the"
            " first origin.",
            wire="passkeys.rpId",
            path="passkeys.rp_id",
        ),
    ]
    new_devices: Annotated[
        NewDeviceRule | Literal[""] | None,
        EditableMember(
            "When a new device counts, no earlier than the policy says: one that has to be"
            " confirmed cannot answer until its origin, or another device of the person, has"
            " confirmed it.",
            cleared="as the policy says",
            word="policy",
        ),
    ]
    device_invitations: Annotated[
        bool | None,
        EditableMember("Whether its users' devices may invite others, where the policy lets them."),
    ]
    document_hosts: Annotated[
        Iterable[str] | None,
        EditableMember(
            "The web origins from which documents of actions may come, such as"
            " https://files.example.com, from the next question on; a question with a document of"
            " another one is refused.",
            pattern=DOCUMENT_ORIGIN,
            example=EXAMPLE,
            most=HOSTS_LIMIT,
            cleared="any",
            word="--any-document-host",
        ),
    ]


def editable_members(changes: type[Any]) -> Mapping[str, EditableMember]:
    """Return what *changes* edits, `OriginChanges` or the like, by name and in its order."""
    return _MEMBERS[changes]


def flat_changes(changes: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """
    Return the new values by the names of the editable members of *kind*, without those of None.

    An iterable of several values is a tuple, which can be read again after a conflict.

    Raises:
        TypeError: One of *changes* is no argument of *kind*.
    """
    members = editable_members(kind)
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if isinstance(value, Mapping):
            values |= {f"{name}.{key}": new for key, new in value.items()}
        elif value is not None:
            values[name] = value
    if not values.keys() <= members.keys():
        raise TypeError(f"not to be edited: {', '.join(sorted(values.keys() - members.keys()))}")
    return {
        name: tuple(value)
        if members[name].kind in _SEVERAL and not isinstance(value, str)
        else value
        for name, value in values.items()
        if value is not None
    }


_SEVERAL = (MemberKind.CHOICES, MemberKind.TEXTS)


def _members(changes: type[Any], prefix: str) -> Iterator[EditableMember]:
    for name, hint in get_type_hints(changes, include_extras=True).items():
        types = [argument for argument in get_args(hint) if is_typeddict(argument)]
        if types:
            yield from _members(types[0], f"{name}.")
            continue
        value_type, member = get_args(hint)
        kind, choices = _kind_of(value_type)
        head, *words = name.split("_")
        yield attrs.evolve(
            member,
            name=f"{prefix}{name}",
            wire=member.wire or head + "".join(word.title() for word in words),
            path=member.path or f"{prefix}{name}",
            kind=kind,
            choices=member.choices or choices,
        )


def _kind_of(hint: Any) -> tuple[MemberKind, tuple[enum.Enum, ...]]:
    types = [each for each in get_args(hint) or (hint,) if each is not NoneType]
    value_type = next(each for each in types if get_origin(each) is not Literal)
    if get_origin(value_type) is not None:
        (value_type,) = get_args(value_type)
        if value_type is str:
            return MemberKind.TEXTS, ()
        return MemberKind.CHOICES, tuple(value_type)
    if issubclass(value_type, enum.Enum):
        return MemberKind.CHOICE, tuple(value_type)
    return _KINDS[value_type], ()


_KINDS: Mapping[type[Any], MemberKind] = {
    str: MemberKind.TEXT,
    bool: MemberKind.FLAG,
    int: MemberKind.NUMBER,
    bytes: MemberKind.PICTURE,
}

_MEMBERS: Mapping[type[Any], Mapping[str, EditableMember]] = MappingProxyType(
    {
        changes: MappingProxyType({member.name: member for member in _members(changes, "")})
        for changes in (NewOrigin, OriginChanges, NewAppSpace, AppSpaceChanges)
    }
)
