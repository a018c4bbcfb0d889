"""
Admin: model admins whose changes the logged-in user approves on their device.

    @admin.register(Customer)
    class CustomerAdmin(ApprovalRequiredMixin, admin.ModelAdmin):
        approval_required = {"delete"}

The user presses the same buttons as before. What they sent waits; their device shows what is to be
done, and Django's own view does it, in one transaction with its log entry, after the approval was
used.

Django's view runs up to three times: to describe what is to be done, with nothing saved; the same
again, before the approval is used; and then to do it, if it still describes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.utils import unquote
from django.core import checks
from django.core.exceptions import PermissionDenied
from django.db import connections, router, transaction
from django.forms import all_valid
from django.http import HttpRequest, HttpResponseBase
from django.urls import path, reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

import counterseal as cs
from counterseal.errors import ActionUsed, NotApproved
from counterseal.models import UseState
from counterseal_django import admin_operations
from counterseal_django.admin_runs import (
    RUN,
    ApprovalMissing,
    Proposed,
    Run,
    require_passed,
    require_run,
    run_of,
)
from counterseal_django.approval_list import ApprovalAdmin
from counterseal_django.approval_pages import (
    ApprovalPages,
    page_before,
    show_connect,
    show_waiting,
)
from counterseal_django.models import Approval
from counterseal_django.pending_posts import (
    DURATION,
    TOKEN,
    PendingPost,
    PostChanged,
    Proposal,
    ask,
    load_post,
    outside_transactions,
)
from counterseal_django.site_actions import ROWS
from counterseal_django.transactions import lock_rows
from counterseal_django.wiring import approvals

OPERATIONS = frozenset({"add", "change", "delete", "actions"})
"""What can need an approval; `actions` are all but that which deletes."""

GUARDED = "counterseal_guarded"
"""The attribute of an action that asks before it runs."""


class ApprovalInTransaction(cs.Misuse, code="approval_in_transaction"):
    """What is approved has to commit by itself, and a transaction is open around the view."""


class ApprovalRequiredMixin:
    """
    Lets a `ModelAdmin` act only after the logged-in user has approved it on their device.

    Put it before `ModelAdmin` among the bases. Whoever calls `save_model`, `delete_model` or
    `delete_queryset` in another way is refused with `ApprovalMissing`. A view that the class adds
    by `get_urls` needs `approval_required` of its own, but for the passwords of a `UserAdmin`.

    Attributes:
        approval_required: What needs an approval: of `add`, `change`, `delete` and `actions`, or
            names of actions.
        approval_hidden_fields: Fields whose values no device shows; passwords never are shown.
        approval_duration: How long the user may answer.
    """

    approval_required: Collection[str] = OPERATIONS
    approval_hidden_fields: Collection[str] = ()
    approval_duration: timedelta = DURATION

    # What Django calls

    @outside_transactions
    @method_decorator(csrf_protect)
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the form, or save it after an approval."""
        view = super().changeform_view  # type: ignore[misc]
        return self._respond(request, lambda: view(request, *args, **kwargs))

    @outside_transactions
    @method_decorator(csrf_protect)
    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the form of a new object, or save it after an approval."""
        view = super().add_view  # type: ignore[misc]
        return self._respond(request, lambda: view(request, *args, **kwargs))

    @outside_transactions
    @method_decorator(csrf_protect)
    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the form of an object, or save it after an approval."""
        view = super().change_view  # type: ignore[misc]
        return self._respond(request, lambda: view(request, *args, **kwargs))

    @outside_transactions
    @method_decorator(csrf_protect)
    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show what would be deleted, or delete it after an approval."""
        view = super().delete_view  # type: ignore[misc]
        return self._respond(request, lambda: view(request, *args, **kwargs))

    @outside_transactions
    @method_decorator(csrf_protect)
    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the list, or run an action after an approval."""
        view = super().changelist_view  # type: ignore[misc]
        return self._respond(request, lambda: view(request, *args, **kwargs))

    @outside_transactions
    @method_decorator([csrf_protect, sensitive_post_parameters()])
    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 (Django's name)
        form_url: str = "",
    ) -> HttpResponseBase:
        """Show the form of a password, which a `UserAdmin` has, or save it after an approval."""
        view = super().user_change_password  # type: ignore[misc]

        def change_password() -> HttpResponseBase:
            if request.method == "POST" and self._is_required("change"):
                self._require_password(request, id)
            response: HttpResponseBase = view(request, id, form_url)
            return response

        return self._respond(request, change_password)

    def get_urls(self) -> list[Any]:
        """Return the URLs, with those of the waiting page and of the connecting page."""
        name, view = self._url_name, self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("approval/connect/", view(self.connect_view), name=f"{name}_connect"),
            path("approval/<uuid:challenge>/", view(self.approval_view), name=name),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions; those that need an approval ask for it."""
        actions: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        return {
            name: (self._guard(function, description), name, description)
            if self._is_action_required(name, function)
            else (function, name, description)
            for name, (function, _, description) in actions.items()
        }

    def response_action(self, request: HttpRequest, queryset: Any) -> HttpResponseBase | None:
        """
        Run an action after an approval.

        Raises:
            ApprovalMissing: A subclass has added an action that would not ask.
        """
        chosen = {*request.POST.getlist("action")}
        for name, (function, _, _) in self.get_actions(request).items():
            asks = hasattr(function, GUARDED)
            if name in chosen and self._is_action_required(name, function) and not asks:
                raise ApprovalMissing(f"{name}: declare it in `actions`, not in `get_actions`")
        response: HttpResponseBase | None = super().response_action(request, queryset)  # type: ignore[misc]
        return response

    def _create_formsets(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        formsets, inlines = super()._create_formsets(request, *args, **kwargs)  # type: ignore[misc]
        run = run_of(request)
        if run is not None:
            run.formsets = formsets
        return formsets, inlines

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:  # noqa: FBT001
        """Return the object of a valid form, once the rest of the form is valid and approved."""
        instance = super().save_form(request, form, change)  # type: ignore[misc]
        if self._is_required("change" if change else "add"):
            run = require_run(request)
            if run.formsets is None:
                raise ApprovalMissing("list_editable")
            if all_valid(run.formsets):
                run.require(
                    admin_operations.describe_change(
                        self, request, form, run.formsets, change=change
                    )
                )
        return instance

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        """Save what was approved."""
        if self._is_required("change" if change else "add"):
            require_passed(request)
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Log what is deleted, once it is approved."""
        self._require_deletion(request, queryset)
        return super().log_deletions(request, queryset)  # type: ignore[misc]

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete what was approved."""
        self._require_deletion(request, [obj])
        super().delete_model(request, obj)  # type: ignore[misc]

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Delete what was approved."""
        objects = self._require_deletion(request, queryset)
        if objects is not None:
            # What others add meanwhile is none of these.
            queryset = queryset.filter(pk__in=[each.pk for each in objects])
        super().delete_queryset(request, queryset)  # type: ignore[misc]

    def check(self, **kwargs: Any) -> list[Any]:
        """Return the problems of this class, with those of its approvals."""
        return [*super().check(**kwargs), *self._check_approvals()]  # type: ignore[misc]

    # The pages

    @outside_transactions
    def approval_view(self, request: HttpRequest, challenge: object) -> HttpResponseBase:
        """Show how far the approval is."""
        return show_waiting(request, challenge, self._pages(request))

    @outside_transactions
    @method_decorator(sensitive_post_parameters("password"))
    def connect_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show the link that binds this browser to the user."""
        return show_connect(request, self._pages(request))

    # How it is done

    @property
    def _url_name(self) -> str:
        opts = self.opts  # type: ignore[attr-defined]
        return f"{opts.app_label}_{opts.model_name}_approval"

    def _pages(self, request: HttpRequest) -> ApprovalPages:
        site, opts = self.admin_site, self.opts  # type: ignore[attr-defined]
        request.current_app = site.name
        name = f"{site.name}:{self._url_name}"
        return ApprovalPages(
            folder="counterseal_django/admin",
            context=lambda: {**site.each_context(request), "opts": opts},
            waiting_url=lambda challenge: reverse(name, args=[challenge]),
            connect_url=reverse(f"{name}_connect"),
        )

    def _is_required(self, operation: str) -> bool:
        return operation in self.approval_required

    def _is_action_required(self, name: str, function: Callable[..., Any]) -> bool:
        if name in self.approval_required:
            return True
        if name != delete_selected.__name__:
            return self._is_required("actions")
        # What Django's own action deletes needs `delete`; another one of this name may not call it.
        return function is not delete_selected and self._is_required("delete")

    def _respond(
        self, request: HttpRequest, view: Callable[[], HttpResponseBase]
    ) -> HttpResponseBase:
        """Run *view*; if it is about to do what needs an approval, ask for it or use it."""
        if request.method != "POST" or run_of(request) is not None:
            return view()
        if TOKEN in request.POST:
            return self._go_on(request, view)
        return self._ask(request, view)

    def _ask(self, request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Let *view* describe what it is about to do, and ask the user; or let it do the rest."""
        pages, back = self._pages(request), page_before(request)
        try:
            return self._describe(request, view)
        except Proposed as described:
            proposal = described.proposal
        except (cs.Refused, cs.Unavailable) as error:
            return pages.refuse(request, error, back)
        finally:
            delattr(request, RUN)
        try:
            duration = self.approval_duration
            return pages.wait(ask(request, proposal, back=back, duration=duration))
        except (cs.Refused, cs.Unavailable) as error:
            return pages.refuse(request, error, back)

    def _describe(
        self, request: HttpRequest, view: Callable[[], HttpResponseBase]
    ) -> HttpResponseBase:
        """
        Run *view* until it is about to do what needs an approval; save nothing if it is.

        Raises:
            Proposed: It is.
        """
        setattr(request, RUN, Run())
        approvals()  # its first call writes, which it may not in the transaction
        with transaction.atomic(using=router.db_for_write(self.model)):  # type: ignore[attr-defined]
            return view()

    def _go_on(
        self, request: HttpRequest, view: Callable[[], HttpResponseBase]
    ) -> HttpResponseBase:
        """Do what the user was asked about, if this session has it and it was sent here."""
        pages, path = self._pages(request), request.get_full_path()
        try:
            post = load_post(request, request.POST[TOKEN])
            if post.path != path:
                raise PostChanged
        except cs.Refused as error:
            return pages.refuse(request, error, path)
        with translation.override(post.language):
            return self._use(request, post, view, pages)

    def _use(
        self,
        request: HttpRequest,
        post: PendingPost,
        view: Callable[[], HttpResponseBase],
        pages: ApprovalPages,
    ) -> HttpResponseBase:
        """Use the approval of *post*, and let Django's view do what it allows."""
        if connections[router.db_for_write(self.model)].in_atomic_block:  # type: ignore[attr-defined]
            raise ApprovalInTransaction
        post.restore(request)
        try:
            response = self._describe(request, view)
        except Proposed as described:
            proposal = described.proposal
        except PermissionDenied:
            post.cancel()
            raise
        except (cs.Refused, cs.Unavailable) as error:
            post.cancel()
            return pages.refuse(request, error, post.back)
        else:
            # The object is gone, or the form does not fit any more: Django says so.
            post.cancel()
            return response
        try:
            post.use(proposal)
        except (ActionUsed, NotApproved):
            return pages.wait(post)
        except (cs.Refused, cs.Unavailable) as error:
            return pages.refuse(request, error, post.back)
        try:
            return self._do(request, post, proposal, view)
        except PostChanged as error:
            return pages.refuse(request, error, post.back)

    def _do(
        self,
        request: HttpRequest,
        post: PendingPost,
        proposal: Proposal,
        view: Callable[[], HttpResponseBase],
    ) -> HttpResponseBase:
        """
        Let *view* do what *proposal* describes, in one transaction, and report what came of it.

        Raises:
            PostChanged: It is something else by now.
        """
        using = router.db_for_write(self.model)  # type: ignore[attr-defined]
        run = Run(approved=proposal)
        setattr(request, RUN, run)
        try:
            with transaction.atomic(using=using):
                lock_rows(self.model, proposal.objects, using)  # type: ignore[attr-defined]
                response = view()
                run.has_returned = True
        except Exception:
            # What fails at the commit, or right after it, may be done: nobody knows.
            if not run.has_returned:
                post.report(UseState.FAILED)
            raise
        post.report(UseState.EXECUTED if run.has_passed else UseState.FAILED)
        return response

    def _guard(self, function: Callable[..., Any], description: str) -> Callable[..., Any]:
        """Return an action that runs for what was approved."""

        def approved(model_admin: Any, request: HttpRequest, queryset: Any) -> Any:
            # One more than a person can check is enough to refuse it.
            run, objects = require_run(request), list(queryset[: ROWS + 1])
            run.require(admin_operations.describe_action(self, request, str(description), objects))
            return function(
                model_admin, request, queryset.filter(pk__in=[each.pk for each in objects])
            )

        setattr(approved, GUARDED, True)
        return approved

    def _require_deletion(self, request: HttpRequest, queryset: Any) -> list[Any] | None:
        """Return what may be deleted; None if that needs no approval."""
        if not self._is_required("delete"):
            return None
        run, objects = require_run(request), list(queryset[: ROWS + 1])
        if run.has_passed and run.approved is not None:
            # It was described before its log entries were written.
            if not {str(each.pk) for each in objects} <= {*run.approved.objects}:
                raise ApprovalMissing
            return objects
        run.require(admin_operations.describe_deletion(self, request, objects))
        return objects

    def _require_password(self, request: HttpRequest, user_id: str) -> None:
        """Go on with a new password if the form is valid, and if it is approved."""
        user = self.get_object(request, unquote(user_id))  # type: ignore[attr-defined]
        if user is None or not self.change_password_form(user, request.POST).is_valid():  # type: ignore[attr-defined]
            return  # Django's view says so
        require_run(request).require(admin_operations.describe_password(self, user))

    def _check_approvals(self) -> list[checks.CheckMessage]:
        problems: list[checks.CheckMessage] = []
        names = {name for _, name, _ in self._get_base_actions()}  # type: ignore[attr-defined]
        unknown = sorted({*self.approval_required} - OPERATIONS - names)
        if unknown:
            problems.append(
                checks.Error(
                    f"'approval_required' has {', '.join(unknown)}, which is no operation.",
                    hint="Use 'add', 'change', 'delete', 'actions', or the name of an action.",
                    obj=self.__class__,
                    id="counterseal.E101",
                )
            )
        if "change" in self.approval_required and self.list_editable:  # type: ignore[attr-defined]
            problems.append(
                checks.Error(
                    "'list_editable' saves several objects, and an approval is about one form.",
                    hint="Remove 'list_editable', or 'change' from 'approval_required'.",
                    obj=self.__class__,
                    id="counterseal.E102",
                )
            )
        return problems


admin.site.register(Approval, ApprovalAdmin)
