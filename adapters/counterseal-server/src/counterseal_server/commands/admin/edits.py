"""Editable members on the command line: an option for each, and the values that were given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import click

from counterseal import models
from counterseal.errors import InvalidField

PICTURE_LIMIT = 65_536
"""The bytes of a picture's file that are read: more than fit, so that a longer one is refused."""

NOTHING = "none"
"""In place of any number of choices: none of them."""


class MemberOption(click.Option):
    """An option that gives an editable member a value; errors name it by the member's wire name."""

    def __init__(self, member: models.EditableMember) -> None:
        self.wire = member.wire
        help_text, word = member.help, "" if member.word.startswith("--") else member.word
        settings: dict[str, Any] = {}
        match member.kind:
            case models.MemberKind.FLAG:
                settings = {"default": None}
            case models.MemberKind.NUMBER:
                settings = {"metavar": "N"}
            case models.MemberKind.CHOICE:
                values = [choice.value for choice in member.choices]
                settings = {"type": click.Choice([*values, word] if word else values)}
            case models.MemberKind.CHOICES | models.MemberKind.TEXTS:
                settings = {"multiple": True, "metavar": "TEXT"}
                help_text += " May be repeated."
            case models.MemberKind.PICTURE:
                settings = {"type": click.File("rb"), "metavar": "FILE"}
            case _:
                settings = {"metavar": "TEXT"}
        if member.kind is models.MemberKind.CHOICES:
            values = [choice.value for choice in member.choices]
            help_text += f" One of {', '.join(values)}, or {NOTHING} alone."
        if member.cleared and (word or member.kind is models.MemberKind.TEXT):
            help_text += f" {f'The word {word}' if word else 'An empty text'}: {member.cleared}."
        super().__init__([parameter_name(member), option_of(member)], help=help_text, **settings)


class EditCommand(click.Command):
    """
    A command with an option for each editable member, which loads once the command is used.

    Attributes:
        kind: The name of what it edits, in `counterseal.models`.
        names: Of the members with an option; empty for all.
    """

    def __init__(self, *args: Any, kind: str, names: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.names = names

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the arguments, the options of members, and the other options."""
        others = super().get_params(ctx)
        arguments = [each for each in others if isinstance(each, click.Argument)]
        return [*arguments, *self._options, *(each for each in others if each not in arguments)]

    @cached_property
    def members(self) -> Mapping[str, models.EditableMember]:
        """The members with an option, by the name of its parameter."""
        return {
            parameter_name(member): member
            for member in models.editable_members(getattr(models, self.kind)).values()
            if member.name in self.names or not self.names
        }

    @cached_property
    def _options(self) -> list[click.Option]:
        options: list[click.Option] = []
        for name, member in self.members.items():
            options.append(MemberOption(member))
            if member.word.startswith("--"):
                help_text = f"In place of {option_of(member)}: {member.cleared}."
                names = [f"no_{name}", member.word]
                options.append(click.Option(names, is_flag=True, help=help_text))
        return options


def changes_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return what the options of the running command change, as arguments of the use case.

    Raises:
        InvalidField: A value is none of the choices.
        click.UsageError: A member gets a value, and is cleared.
    """
    command: Any = click.get_current_context().command
    changes: dict[str, Any] = {}
    for name, member in command.members.items():
        value = _read_value(member, values[name], is_cleared=values.get(f"no_{name}", False))
        argument, _, inner = member.name.partition(".")
        if value is not None and inner:
            changes.setdefault(argument, {})[inner] = value
        elif value is not None:
            changes[argument] = value
    return changes


def parameter_name(member: models.EditableMember) -> str:
    """Return the name of the option's parameter."""
    return member.name.replace(".", "_")


def option_of(member: models.EditableMember) -> str:
    """Return the option of the command line, with the one that denies it, if it is a flag."""
    if member.option:
        return member.option
    words = member.name.rpartition(".")[2].replace("_", "-")
    if member.kind in {models.MemberKind.CHOICES, models.MemberKind.TEXTS}:
        words = words.removesuffix("s")
    return f"--{words}/--no-{words}" if member.kind is models.MemberKind.FLAG else f"--{words}"


def _read_value(member: models.EditableMember, value: Any, *, is_cleared: bool) -> Any:
    if value is None or value == ():
        return member.empty if is_cleared else None
    if is_cleared:
        raise click.UsageError(f"{option_of(member)} and {member.word} together")
    match member.kind:
        case models.MemberKind.NUMBER:
            return _read_number(member, value)
        case models.MemberKind.CHOICE:
            return next((each for each in member.choices if each.value == value), member.empty)
        case models.MemberKind.CHOICES:
            return _read_choices(member, value)
        case models.MemberKind.PICTURE:
            return value.read(PICTURE_LIMIT)
    return value


def _read_number(member: models.EditableMember, value: str) -> Any:
    if value in {member.word, member.empty}:
        return member.empty
    try:
        return int(value)
    except ValueError:
        raise InvalidField(member.wire, f"not a whole number, or {member.word}") from None


def _read_choices(member: models.EditableMember, values: tuple[str, ...]) -> Any:
    if member.word and values == (member.word,):
        return member.empty
    if values == (NOTHING,):
        return ()
    choices = {str(choice.value).lower(): choice for choice in member.choices}
    if not {value.lower() for value in values} <= choices.keys():
        listed = ", ".join(str(choice.value) for choice in member.choices)
        words = " or ".join(filter(None, (NOTHING, member.word)))
        raise InvalidField(member.wire, f"not one of {listed}, or {words} alone")
    return tuple(choices[value.lower()] for value in values)
