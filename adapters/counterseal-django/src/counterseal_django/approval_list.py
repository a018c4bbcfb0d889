"""
Approval list: what users were asked, as an admin site shows it, and changes nothing.

Who may see it has the permission `counterseal_django.view_approval`. What a user was asked exactly
is shown only where the policy's `support_reads_content` allows it in the App Space.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

import counterseal as cs
from counterseal.approvals.documents import progress_of
from counterseal.models import Account, Challenge, Guid
from counterseal.narrowing import policy_within
from counterseal_django.admin_operations import EMPTY
from counterseal_django.models import Approval
from counterseal_django.wiring import approvals

LISTED = 2_000
"""How many are listed: to count all would take longer as more are stored."""


class NewestPages(Paginator):  # type: ignore[type-arg] # Django has it in stubs only
    """Pages of the newest approvals."""

    @cached_property
    def count(self) -> int:
        """How many are listed."""
        newest: Any = self.object_list
        return len(newest.values_list("pk")[:LISTED])


def can_read_content() -> bool:
    """Tell whether the policy lets support staff read what users of the App Space were asked."""
    counterseal = approvals()
    policy = policy_within(counterseal.service.policy, counterseal.party.app_space, None)
    return policy.support_reads_content


class ApprovalAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # the same
    """Lists approvals, newest first; search finds those of one account id."""

    list_display = ("guid", "user", "action_type", "state", "issued_at", "answered_at")
    fields = (
        *("guid", "user", "action_type", "content", "state", "used", "issued_at", "deadline"),
        *("answered_at", "device", "digest"),
    )
    search_fields = ("account",)
    search_help_text = _("The account id of a user: the primary key, unless ACCOUNT_ID differs.")
    ordering = ("-number",)
    sortable_by = ()
    paginator = NewestPages
    show_full_result_count = False
    actions = None

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Return that nobody may: devices and origins make approvals."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Return that nobody may: an approval is signed."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Return that nobody may: the worker forgets what is old."""
        return False

    def lookup_allowed(self, _lookup: str, _value: str, request: HttpRequest | None = None) -> bool:  # noqa: ARG002
        """Return that no address filters: the rows would tell what the records contain."""
        return False

    def get_queryset(self, _request: HttpRequest) -> Any:
        """Return the approvals, of the store's own database."""
        return Approval.objects.order_by(*self.ordering)

    def get_search_results(
        self, _request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Return the approvals of the account whose id *search_term* is."""
        account_id = search_term.strip()
        if not account_id:
            return queryset, False
        counterseal = approvals()
        app_space = counterseal.party.app_space.guid
        account = counterseal.service.ports.store.account(app_space, account_id)
        return queryset.filter(account="" if account is None else account.guid), False

    @admin.display(description=_("user"))
    def user(self, approval: Approval) -> str:
        """Return the account id of who was asked."""
        (record,) = approvals().service.ports.store.get(Guid(approval.account))
        return record.account_id if isinstance(record, Account) and record.account_id else EMPTY

    @admin.display(description=_("type"))
    def action_type(self, approval: Approval) -> str:
        """Return the type of the action that was asked about."""
        challenge = approval.challenge
        return EMPTY if challenge is None or challenge.action is None else challenge.action.type

    @admin.display(description=_("state"))
    def state(self, approval: Approval) -> str:
        """Return the state as it is now."""
        challenge = approval.challenge
        if challenge is None:
            return EMPTY
        if challenge.approved:
            return str(_("approved"))
        if challenge.outcome is not None and challenge.outcome.button is not None:
            return str(_("declined"))
        return challenge.state_at(approvals().service.ports.clock.now()).value.lower()

    @admin.display(description=_("used"))
    def used(self, approval: Approval) -> str:
        """Return what is known of the use of the approval."""
        counterseal = approvals()
        try:
            status = counterseal.service.actions.status(counterseal.party, Guid(approval.guid))
        except cs.Refused:
            return EMPTY  # it is another origin's, or asked for no action
        if status.use is None:
            return progress_of(status.challenge, status.action).value.lower()
        return status.use.state.value.lower()

    @admin.display(description=_("asked at"))
    def issued_at(self, approval: Approval) -> Any:
        """Return when the user was asked."""
        return None if approval.challenge is None else approval.challenge.issued_at

    @admin.display(description=_("deadline"))
    def deadline(self, approval: Approval) -> Any:
        """Return until when the user could answer."""
        return None if approval.challenge is None else approval.challenge.deadline

    @admin.display(description=_("ended at"))
    def answered_at(self, approval: Approval) -> Any:
        """Return when it was answered, or ended otherwise."""
        challenge = approval.challenge
        return None if challenge is None or challenge.outcome is None else challenge.outcome.at

    @admin.display(description=_("device"))
    def device(self, approval: Approval) -> str:
        """Return the device that answered."""
        challenge = approval.challenge
        outcome = None if challenge is None else challenge.outcome
        return EMPTY if outcome is None or outcome.device is None else outcome.device

    @admin.display(description=_("digest of what was shown"))
    def digest(self, approval: Approval) -> str:
        """Return the digest of what the device displayed and signed."""
        return EMPTY if approval.challenge is None else approval.challenge.display_hash

    @admin.display(description=_("what was asked"))
    def content(self, approval: Approval) -> str | SafeString:
        """Return what the device displayed, where the policy allows it."""
        challenge = approval.challenge
        if challenge is None:
            return EMPTY
        app_space = approvals().party.app_space.guid
        if challenge.app_space != app_space or not can_read_content():
            return str(_("The policy's setting support_reads_content does not allow it."))
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines_of(challenge)))


def lines_of(challenge: Challenge) -> list[str]:
    """Return the texts that the device displayed, one for each line."""
    content = json.loads(challenge.display)["content"]
    rows = [f"{row['key']}: {row['value']}" for row in content.pop("keys", ())]
    return [*map(str, content.values()), *rows]
