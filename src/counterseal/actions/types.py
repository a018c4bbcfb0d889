"""
Types of actions: data, two pure functions each, and a registry that renders actions by type.

A service that asks about no actions loads this module and none of the types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeAlias

import attrs

from counterseal import actions
from counterseal.actions.languages import english, french, german, italian, spanish
from counterseal.errors import ActionTypeUnknown, InvalidField
from counterseal.models import (
    DEFAULT_LANGUAGE,
    Action,
    Attachment,
    Button,
    Pair,
    PairsContent,
    replace,
)

Texts: TypeAlias = Mapping[str, str]
"""Texts by name, in one language."""

_LANGUAGES: Mapping[str, Mapping[str, Texts]] = MappingProxyType(
    {
        "en": english.TEXTS,
        "de": german.TEXTS,
        "fr": french.TEXTS,
        "es": spanish.TEXTS,
        "it": italian.TEXTS,
    }
)


def texts_of(name: str) -> Mapping[str, Texts]:
    """Return the texts of the standard type *name*, or those of all actions, by language."""
    return MappingProxyType({language: texts[name] for language, texts in _LANGUAGES.items()})


COMMON_TEXTS = texts_of("common")
"""The labels of the rows that every action has, and of its buttons, by language."""

COMMON_ROWS = ("agent", "run", "purpose", "validUntil")
"""Which of these texts are labels of rows."""


@attrs.frozen(kw_only=True)
class Rendering:
    """
    What a person is shown of an action.

    Attributes:
        content: A title, and rows of label and value.
        attachments: Files that the device fetches and compares with their hashes.
        attachment_field: The member with the address of an attachment, as an error names it;
            `{index}` in it is replaced by the index of the attachment.
    """

    content: PairsContent
    attachments: tuple[Attachment, ...] = ()
    attachment_field: str = "action.arguments"


@attrs.frozen(kw_only=True)
class ActionType:
    """
    A type of actions.

    Attributes:
        name: What `Action.type` is.
        check: Refuses an action whose members do not fit, by InvalidField which names the member,
            such as `action.arguments.amount`. Its arguments are copied I-JSON already.
        render: Returns the rendering, from an action that `check` accepted and the texts of its
            language. Pure, and injective: two different actions have different renderings. Texts
            of the action pass `visible_text` or `argument_rows`.
        texts: Labels and other texts for `render`, by language; `approve` and `decline` are the
            titles of the buttons, if they are there.
    """

    name: str
    check: Callable[[Action], None]
    render: Callable[[Action, Texts], Rendering]
    texts: Mapping[str, Texts]


class ActionTypes:
    """The types that a service renders."""

    def __init__(self, *types: ActionType, common: Mapping[str, Texts] = COMMON_TEXTS) -> None:
        """
        Register *types*.

        Args:
            types: No two of one name.
            common: The labels of the rows that every action has, by language; a language that is
                missing here cannot be rendered. The browser device knows the standard ones only:
                by others it shows what the agent says as ordinary rows.

        Raises:
            ValueError: Two types have one name.
        """
        self._registered = {each.name: each for each in types}
        self._common = common
        if len(self._registered) < len(types):
            raise ValueError("two types of actions have one name")

    def __iter__(self) -> Iterator[ActionType]:
        return iter(self._types().values())

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the common labels: every rendering is in one of them."""
        return tuple(self._common)

    def find_language(self, name: str, tag: str) -> str:
        """
        Return the language in which somebody who reads *tag* is shown actions of the type *name*.

        It is the first that has texts: the tag, the tag without its last subtags, such as `de` of
        `de-AT` (lookup, RFC 4647, 3.4), or English.
        """
        kind = self._types().get(name)
        while kind is not None and tag:
            if tag in kind.texts and tag in self._common:
                return tag
            tag = tag.rpartition("-")[0]
        return DEFAULT_LANGUAGE

    def render(self, action: Action) -> Rendering:
        """
        Return what a person is shown of *action*, whose `valid_until` is set.

        It is in English where *action* names no language.

        Raises:
            ActionTypeUnknown: No such type is registered.
            InvalidField: A member does not fit; or no texts are there in the action's language;
                or `valid_until` is missing; or a row of the type has a label of the rows that
                every action has, so that a person could not tell them apart.
        """
        kind, texts, common = self._find(action)
        if action.valid_until is None:
            raise InvalidField("action.validUntil", "missing")
        kind.check(action)
        rendering = kind.render(action, texts)
        _demand_own_labels(action, rendering, common)
        rows = rendering.content.pairs + _common_rows(action, common)
        return replace(rendering, content=replace(rendering.content, pairs=rows))

    def buttons(self, action: Action) -> tuple[Button, Button]:
        """
        Return the standard buttons of *action* in the language of `render`; the first approves.

        Raises:
            ActionTypeUnknown: No such type is registered.
            InvalidField: No texts are there in the action's language.
        """
        _, texts, common = self._find(action)
        titles = {**common, **texts}
        return (
            Button(title=titles["approve"], strong=True, approving=True),
            Button(title=titles["decline"], strong=False),
        )

    def _types(self) -> Mapping[str, ActionType]:
        return self._registered

    def _find(self, action: Action) -> tuple[ActionType, Texts, Texts]:
        """Return the type of *action*, its texts in the action's language, and the common ones."""
        kind = self._types().get(action.type)
        if kind is None:
            raise ActionTypeUnknown
        language = action.language or DEFAULT_LANGUAGE
        if language not in kind.texts or language not in self._common:
            raise InvalidField("action.language", "no texts in this language")
        return kind, kind.texts[language], self._common[language]


def _demand_own_labels(action: Action, rendering: Rendering, common: Texts) -> None:
    """Refuse a row that a device could take for what the agent says about itself."""
    # Devices know the standard labels, also where a service has others.
    texts = (common, COMMON_TEXTS.get(action.language or DEFAULT_LANGUAGE, common))
    labels = {each[name] for each in texts for name in COMMON_ROWS if name in each}
    for row in rendering.content.pairs:
        if row.key in labels:
            raise InvalidField("action.type", f"a row of its own is called {row.key}")


def _common_rows(action: Action, texts: Texts) -> tuple[Pair, ...]:
    rows = [
        Pair(key=texts[name], value=actions.visible_text(text))
        for name, text in (
            ("agent", action.agent),
            ("run", action.run),
            ("purpose", action.purpose),
        )
        if text is not None
    ]
    if action.valid_until is not None:
        moment = action.valid_until.strftime("%Y-%m-%d %H:%M:%S UTC")
        rows.append(Pair(key=texts["validUntil"], value=moment))
    return tuple(rows)


class _StandardTypes(ActionTypes):
    """The standard types, which load with the first action."""

    def _types(self) -> Mapping[str, ActionType]:
        return _standard_types()


@cache
def _standard_types() -> Mapping[str, ActionType]:
    kinds = (actions.PAYMENT, actions.TOOL_CALL, actions.LOGIN, actions.DOCUMENT)
    return MappingProxyType({kind.name: kind for kind in kinds})


STANDARD_ACTIONS: ActionTypes = _StandardTypes()
"""The types that every service has; register others beside them."""
