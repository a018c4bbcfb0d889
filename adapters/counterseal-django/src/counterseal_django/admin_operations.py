"""
Admin operations: what an admin is about to do, as the person is shown it and signs it.

Each is described by names and primary keys, for a change by the values of the changed fields before
and after. The state of what it acts on, which nobody is shown, is a digest of all fields.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib.admin.utils import model_format_dict
from django.core.exceptions import ValidationError
from django.db import connections, models
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import InlineForeignKeyField
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from counterseal.errors import InvalidField
from counterseal.models import Action
from counterseal_django.pending_posts import CSRF_FIELD, Proposal, choose_language
from counterseal_django.site_actions import NAME, ROWS

Row = list[str]
EMPTY = "\N{EN DASH}"

DJANGO_BUTTONS = frozenset(
    {"_save", "_continue", "_addanother", "_saveasnew", "_popup", "_to_field", "_selected_action"}
)
"""What Django's own forms send besides fields; a name that begins in this way is of no field."""

ACTION_FIELDS = frozenset({CSRF_FIELD, "action", "index", "select_across", "_selected_action"})
"""What Django sends with every action; other fields are the action's own."""


def describe_deletion(model_admin: Any, request: HttpRequest, objects: list[Any]) -> Proposal:
    """
    Describe the deletion of *objects*, with what is deleted because of them.

    Raises:
        InvalidField: There are more than a person can check.
    """
    _demand_few(objects)
    tree, counts, _permissions, _protected = model_admin.get_deleted_objects(objects, request)
    own_name = model_admin.opts.verbose_name_plural
    rows = _object_rows(objects)
    for name, count in sorted((str(name), count) for name, count in dict(counts).items()):
        more = count - len(objects) if name == str(own_name) else count
        if more > 0:
            rows.append([_("Also deleted"), f"{more} {name}"])
    title = ngettext("Delete %(name)s", "Delete %(count)d %(names)s", len(objects)) % {
        "name": model_admin.opts.verbose_name,
        "names": own_name,
        "count": len(objects),
    }
    state = [*map(_state_of, _load(objects)), _texts(tree)]
    return _propose(model_admin, title, rows, state, objects)


def describe_change(
    model_admin: Any,
    request: HttpRequest,
    form: forms.ModelForm[Any],
    formsets: Iterable[Any],
    *,
    change: bool,
) -> Proposal:
    """
    Describe what a form of a change, or of an addition, saves.

    Args:
        model_admin: Whose form it is.
        request: It has sent the form, and may name a button of the project's own.
        form: It is valid, and its instance is changed but not saved.
        formsets: Of the inlines, valid too.
        change: Whether the object exists.
    """
    opts, hidden = model_admin.opts, model_admin.approval_hidden_fields
    objects = _load([form.instance]) if change else []
    rows = [*_object_rows(objects), *_field_rows(form, hidden, with_old=change)]
    related = []
    for formset in formsets:
        formset_rows, instances = _formset_rows(formset, hidden)
        rows += formset_rows
        related += instances
    rows += _button_rows(request)
    title = (_("Change %(name)s") if change else _("Add %(name)s")) % {"name": opts.verbose_name}
    state = [_state_of(each) for each in (*objects, *related)]
    return _propose(model_admin, title, rows, state, objects)


def describe_action(
    model_admin: Any, request: HttpRequest, description: str, objects: list[Any]
) -> Proposal:
    """
    Describe an admin action on *objects*, with the fields that the action's own form has sent.

    Raises:
        InvalidField: There are more than a person can check.
    """
    _demand_few(objects)
    names = {*request.POST} - ACTION_FIELDS
    rows = [*_object_rows(objects), *_sent_rows(request, names)]
    title = description % model_format_dict(model_admin.opts)
    return _propose(model_admin, title, rows, [*map(_state_of, _load(objects))], objects)


def describe_password(model_admin: Any, user: Any) -> Proposal:
    """Describe that *user* gets another password, or none."""
    state = [*map(_state_of, _load([user]))]
    return _propose(model_admin, _("Change a password"), _object_rows([user]), state, [user])


def _propose(
    model_admin: Any, title: str, rows: list[Row], state: list[Any], objects: list[Any]
) -> Proposal:
    opts = model_admin.opts
    where = f"{opts.app_config.verbose_name} \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
    text = json.dumps(state, sort_keys=True, default=str)
    return Proposal(
        title=capfirst(title),
        action=Action(
            type=NAME,
            resource=where + capfirst(opts.verbose_name_plural),
            arguments={"action": capfirst(title), "details": rows},
            language=choose_language(NAME),
        ),
        state=hashlib.sha256(text.encode()).hexdigest(),
        objects=tuple(sorted(str(each.pk) for each in objects)),
    )


def _demand_few(objects: list[Any]) -> None:
    if len(objects) > ROWS:
        raise InvalidField("action.arguments.details", f"{len(objects)} objects to check")


def _object_rows(objects: Iterable[Any]) -> list[Row]:
    return sorted([f"{_name_of(each)} {each.pk}", str(each) or EMPTY] for each in objects)


def _sent_rows(request: HttpRequest, names: Iterable[str]) -> Iterator[Row]:
    for name in sorted(names):
        label = _("Field %(name)s") % {"name": name}
        yield from ([label, text or EMPTY] for text in request.POST.getlist(name))


def _button_rows(request: HttpRequest) -> Iterator[Row]:
    """Yield a row for each button of the project's own, such as `_publish` in `response_change`."""
    names = {name for name in request.POST if name.startswith("_")}
    yield from _sent_rows(request, names - DJANGO_BUTTONS)


def _name_of(instance: Any) -> str:
    return str(capfirst(instance._meta.verbose_name))  # noqa: SLF001 (Django's public name for it)


def _field_rows(
    form: forms.BaseForm, hidden: Collection[str], prefix: str = "", *, with_old: bool
) -> Iterator[Row]:
    """Yield two rows for each field that changes, or is new: the value now, and the new one."""
    for name, field in form.fields.items():
        old, new = form.get_initial_for_field(field, name), form.cleaned_data.get(name)
        # Not `changed_data`, for which the browser may send what the value was before.
        is_changed = field.has_changed(old, form[name].data)
        if not is_changed and (with_old or name == DELETION_FIELD_NAME or not _is_set(field, new)):
            continue
        label = f"{prefix}{field.label or name}"
        if name in hidden or isinstance(field.widget, forms.PasswordInput):
            yield [_("%(label)s, new") % {"label": label}, _("not shown")]
            continue
        if with_old:
            yield [_("%(label)s, now") % {"label": label}, _initial_text(field, old)]
        yield [_("%(label)s, new") % {"label": label}, _text_of(field, new)]


def _is_set(field: forms.Field, value: Any) -> bool:
    """Tell whether a field of what is new has a value, other than the object that it is part of."""
    is_link = isinstance(field, InlineForeignKeyField)
    return not is_link and value is not False and _text_of(field, value) != EMPTY


def _formset_rows(formset: Any, hidden: Collection[str]) -> tuple[list[Row], list[Any]]:
    """Return the rows of what an inline changes, and the objects that it changes or deletes."""
    rows: list[Row] = []
    objects: list[Any] = []
    for form in formset.forms:
        is_deleted = form in formset.deleted_forms
        if not is_deleted and not form.has_changed():
            continue
        stored = [] if form.instance.pk is None else _load([form.instance])
        if is_deleted and not stored:
            continue  # a new one, which is not saved
        name = _name_of(form.instance)
        rows += [
            [f"{name} {instance.pk}", _("deleted") if is_deleted else str(instance)]
            for instance in stored
        ]
        if not stored:
            rows.append([name, _("added")])
        if not is_deleted:
            rows += _field_rows(form, hidden, f"{name}: ", with_old=bool(stored))
        objects += stored
    return rows, objects


def _initial_text(field: forms.Field, value: Any) -> str:
    if isinstance(field, forms.ModelChoiceField) and not isinstance(value, list | models.QuerySet):
        with suppress(ValidationError):  # what may not be chosen any more stays a key
            value = field.to_python(value)
    return _text_of(field, value)


def _text_of(field: forms.Field, value: Any) -> str:
    """Return *value* as a person reads it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or value == "":
        return EMPTY
    if isinstance(value, models.Model):
        return f"{value} ({value.pk})"
    if isinstance(value, list | tuple | set | models.QuerySet):
        return ", ".join(sorted(_text_of(field, each) for each in value)) or EMPTY
    for choice, label in _flat_choices(field):
        if str(choice) == str(value):
            return str(label)
    return str(value)


def _flat_choices(field: forms.Field) -> Iterator[tuple[Any, Any]]:
    if isinstance(field, forms.ModelChoiceField):
        return
    for choice, label in getattr(field, "choices", ()):
        if isinstance(label, list | tuple):
            yield from label
        else:
            yield choice, label


def _load(instances: list[Any]) -> list[Any]:
    """Return *instances*, of one model, as they are stored; in a transaction, lock them."""
    if not instances:
        return []
    using = instances[0]._state.db  # noqa: SLF001 (Django's public name for it)
    manager = type(instances[0])._base_manager  # noqa: SLF001 (Django's public name for it)
    stored = manager.using(using).filter(pk__in=[each.pk for each in instances]).order_by("pk")
    if connections[using].in_atomic_block:
        stored = stored.select_for_update()
    return list(stored)


def _state_of(instance: Any) -> dict[str, Any]:
    fields = instance._meta.concrete_fields  # noqa: SLF001 (Django's public name for it)
    return {field.attname: field.value_to_string(instance) for field in fields}


def _texts(tree: Any) -> Any:
    return [_texts(each) for each in tree] if isinstance(tree, list | tuple) else str(tree)
