"""
Runs: how far Django's view of a model admin may go for one request.

A run describes what the view is about to do, or does what was approved.
"""

from __future__ import annotations

from typing import Any

import attrs
from django.http import HttpRequest

import counterseal as cs
from counterseal_django.pending_posts import PostChanged, Proposal

RUN = "counterseal_run"
"""The attribute of a request with how far it is."""


class ApprovalMissing(cs.Misuse, code="approval_missing"):
    """A model admin that needs an approval was made to act without one."""


class Proposed(Exception):
    """What a view is about to do; it ends a run that only describes."""

    def __init__(self, proposal: Proposal) -> None:
        super().__init__(proposal.title)
        self.proposal = proposal


@attrs.define
class Run:
    """
    One run of Django's view.

    Attributes:
        approved: What the user has approved, and what may run now; None to describe it only.
        has_passed: Whether the view has described that, and may go on.
        has_returned: Whether the view has done it, but for the commit.
        formsets: Of the form, once Django has made them.
    """

    approved: Proposal | None = None
    has_passed: bool = False
    has_returned: bool = False
    formsets: list[Any] | None = None

    def require(self, proposal: Proposal) -> None:
        """
        Go on if *proposal* is what the user has approved.

        Raises:
            Proposed: This run describes only.
            PostChanged: It is something else by now.
        """
        if self.approved is None:
            raise Proposed(proposal)
        if not self.approved.is_same(proposal):
            raise PostChanged
        self.has_passed = True


def run_of(request: HttpRequest) -> Run | None:
    """Return the run that *request* is in, or None."""
    run: Run | None = getattr(request, RUN, None)
    return run


def require_run(request: HttpRequest) -> Run:
    """
    Return the run that *request* is in.

    Raises:
        ApprovalMissing: It is in none, so that nobody was asked.
    """
    run = run_of(request)
    if run is None:
        raise ApprovalMissing
    return run


def require_passed(request: HttpRequest) -> None:
    """
    Require that the run has described what was approved.

    Raises:
        ApprovalMissing: It has not, or there is none.
    """
    if not require_run(request).has_passed:
        raise ApprovalMissing
