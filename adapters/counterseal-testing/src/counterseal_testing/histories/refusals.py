"""Refusals: reasons, what follows from them, who narrows the policy, and who hears of events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import attrs

from counterseal.models import AppSpace, Guid, Reaction, RelyingParty, Scheme
from counterseal_testing.histories import actors
from counterseal_testing.histories.challenges import QuestionDraft
from counterseal_testing.histories.ledger import Operation, Plain
from counterseal_testing.histories.model import with_domain
from counterseal_testing.histories.narrowing_oracle import is_looser
from counterseal_testing.histories.planned_faults import PlannedFault
from counterseal_testing.histories.publishing_oracle import require_all_published
from counterseal_testing.histories.rules import Beginning

TIMES = ("challenge_life_limit", "codes_demanded")
"""The settings whose values are seconds."""


class RefusalCalls(Beginning):
    """The calls about reasons, policies and events, and what the rules let happen in one go."""

    def build_service(self, *, seed: int, supersede: bool) -> None:
        """Build the service, whose origins get the events of their App Space's accounts."""
        super().build_service(seed=seed, supersede=supersede)
        for name, party in self.origins.items():
            subscriber = (party.app_space.guid, actors.events_url(name))
            self.ledger.subscribers[party.origin.guid] = subscriber
            self.ledger.versions[party.origin.guid] = party.origin.version
            self.ledger.versions[party.app_space.guid] = party.app_space.version

    def concurrent_call(self, name: str, operation: Operation) -> None:
        """Make the call *name* while *operation* runs; another worker may publish."""
        if name == "publish":
            self.publish()
        else:
            super().concurrent_call(name, operation)

    def lock_by_device(self, name: str, fault: PlannedFault | None = None) -> None:
        """Let the phone *name* lock its account."""
        device = self.device(name)
        if not device:
            return
        able, call = self._able(device), self.phones[name].call("/device/lock")
        binding_entry = self.ledger.bindings[device]
        person = self.ledger.accounts[binding_entry.account]
        # Nobody has asked the provider yet whether it still knows this user.
        unasked = binding_entry.state == "ACTIVE" and not person.locked and not able
        locked = self.run_operation(
            "lock_by_device",
            lambda: self.service.devices.lock(call),
            fault=fault,
            device=device,
            account=binding_entry.account,
        )
        self._capture(locked, call)
        if locked.quiet:
            assert locked.done == able or unasked, f"a device locks: {locked.code}"
            assert not locked.done or person.locked, "a device locked its account, which is open"

    def publish(self, fault: PlannedFault | None = None) -> None:
        """Be the worker that publishes events."""
        published = self.run_operation(
            "publish", self.service.account_events.publish_due, fault=fault
        )
        if published.quiet:
            for entry in self.ledger.events.values():
                assert entry.number or self.at() < entry.at, "a worker left an event out"

    def publish_all(self) -> None:
        """Publish what is still to be published."""
        self.publish()

    def teardown(self) -> None:
        """Let everything that is due happen, and demand that no event was lost."""
        super().teardown()
        if self.is_built() and self.is_intact:
            require_all_published(self.ledger)

    def narrow(self, level: str, settings: Plain, fault: PlannedFault | None = None) -> None:
        """Let an App Space or an origin narrow the policy; None takes a setting back."""
        origin = self.origins.get(level)
        guid = self.spaces[level] if origin is None else origin.origin.guid
        above = "" if origin is None else origin.app_space.guid
        limits = self.ledger.limits_in(above)
        looser = any(
            value is not None and is_looser(limits, name, value) for name, value in settings.items()
        )
        administration = self.service.administration
        edit = administration.edit_app_space if origin is None else administration.edit_origin
        values = {name: _setting(name, value) for name, value in settings.items()}
        edited = self.run_operation(
            "narrow",
            lambda: edit(Guid(guid), policy=values),
            fault=fault,
            level=guid,
            above=above,
            settings=settings,
        )
        if edited.quiet:
            assert edited.done != looser, f"narrowing {settings}: {edited.code}"
        self.origins = {
            name: with_domain(self.service.renewed(party)) for name, party in self.origins.items()
        }

    def refuse_for_reason(
        self,
        pair: tuple[str, str],
        draft: QuestionDraft,
        reason: str,
        *,
        added: Iterable[str] | None,
        others: Iterable[str],
        fault: PlannedFault | None,
        disowns: bool,
    ) -> list[str]:
        """
        Refuse a question for a *reason* while *others* ask, too; then ask again.

        Args:
            added: What the App Space lets follow from the reason beside what the service does; None
                if it says nothing of it.
            others: The names of origins; one of another App Space does not know the person.
        """
        origin, person = pair
        first = self.ask_anew(pair, draft)
        account_id = actors.PEOPLE[person].account_id
        beside = [self.issue(other, account_id, draft.question(account_id)) for other in others]
        challenges = [challenge for challenge in (first, *beside) if challenge is not None]
        if first is None:
            return challenges
        if added is not None:
            reactions = self.ledger.limits.reactions[reason] | set(added)
            self.narrow(actors.ORIGINS[origin], {f"on_{reason}": reactions})
        name = self.own_phone(first, 0)
        buttons = self.ledger.challenges[first].buttons
        refusing = next(number for number, one in enumerate(buttons) if not one["approving"])
        if name and disowns:
            self.disown(name, first, fault, reason=reason)
        elif name:
            self.answer(name, first, refusing, "right", fault, reason=reason)
        for coded in (False, True):
            question = attrs.evolve(draft, code=coded, life=5).question(account_id)
            challenges += filter(None, [self.issue(origin, account_id, question)])
        return challenges

    def ask_under_narrowing(
        self, pair: tuple[str, str], draft: QuestionDraft, level: str, settings: Plain
    ) -> list[str]:
        """Put two questions, both before and after an App Space or origin narrows its policy."""
        origin, person = pair
        account_id = actors.PEOPLE[person].account_id
        question = draft.question(account_id)
        challenges = [self.ask_anew(pair, draft)]
        self.narrow(level, settings)
        challenges += [self.issue(origin, account_id, question) for _ in range(2)]
        return [challenge for challenge in challenges if challenge is not None]

    def answer_under_narrowing(
        self, pair: tuple[str, str], draft: QuestionDraft, settings: Plain, ways: Iterable[str]
    ) -> str | None:
        """Narrow the policy of an App Space while a question is open, and answer it."""
        challenge = self.ask_anew(pair, draft)
        self.narrow(actors.ORIGINS[pair[0]], settings)
        if challenge is None:
            return None
        buttons = self.ledger.challenges[challenge].buttons
        approving = next(number for number, one in enumerate(buttons) if one["approving"])
        for way in (*ways, "right"):
            if name := self.own_phone(challenge, 0):
                self.answer(name, challenge, approving, way)
        return challenge

    def press_for_wrong_reasons(
        self, pair: tuple[str, str], draft: QuestionDraft, ways: Iterable[str]
    ) -> str | None:
        """Sign reasons that there are not, or that do not belong to an approval."""
        challenge = self.ask_anew(pair, draft)
        if challenge is None:
            return None
        buttons = self.ledger.challenges[challenge].buttons
        for way in ways:
            for number in range(len(buttons)):
                if name := self.own_phone(challenge, number):
                    self.answer(name, challenge, number, way)
        return challenge

    def deliver_events(self, statuses: Iterable[int], fault: PlannedFault | None) -> None:
        """Publish events, and attempt their callbacks."""
        self.publish(fault)
        for status in statuses:
            for callback in self.service.callbacks.due():
                self.attempt(callback, status, fault)
                fault = None
            self.service.clock.advance(timedelta(seconds=31))

    def _origin(self, space: AppSpace, name: str) -> RelyingParty:
        party = super()._origin(space, name)
        guid, url = party.origin.guid, actors.events_url(name)
        self.service.credentials.issue(guid, Scheme.BASIC)
        self.service.administration.allow_callback(guid, url)
        self.service.administration.edit_origin(guid, events_url=url)
        return party


def _setting(name: str, value: Any) -> Any:
    """Return a value of the oracle's as the policy has it."""
    if value is None:
        return None
    if name in TIMES:
        return timedelta(seconds=value)
    return value if isinstance(value, int) else frozenset(map(Reaction, value))
