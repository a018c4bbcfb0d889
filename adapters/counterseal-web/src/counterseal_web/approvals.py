"""
Approvals: one origin of a service that runs in this process, and what a program calls for it.

    approvals = Approvals(
        service,
        "example.com/shop",
        company="Example",
        app_space="Example shop",
        origin="Web shop",
    )
    link = approvals.invite("user-42")
    issued = approvals.ask({"accountId": "user-42", "content": "Pay 10 EUR?"})
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import counterseal as cs
from counterseal.models import ActionUse, Challenge, Guid, Question, RelyingParty, UseState
from counterseal_web.service import Service


class Approvals:
    """
    Invites and asks the users of one origin.

    Each verb blocks while the store works, and may be called by any thread. **The account id must
    come from the user's authenticated session**, and never from a form, an address or a body.

    Args:
        service: The use cases, and the settings.
        key: The program's own name for the origin, which never changes.
        company: The name of the company.
        app_space: The name of the App Space, which users read on their device.
        origin: The name of the origin.
        callbacks: The addresses of its allow-list; None if they are not compared.
    """

    def __init__(
        self,
        service: Service,
        key: str,
        *,
        company: str,
        app_space: str,
        origin: str,
        callbacks: Iterable[str] | None = None,
    ) -> None:
        self.service = service
        self._key = key
        self._company = company
        self._app_space = app_space
        self._origin = origin
        self._callbacks = None if callbacks is None else tuple(callbacks)
        self._party: RelyingParty | None = None
        self._lock = threading.Lock()

    def load_party(self) -> RelyingParty:
        """
        Return the origin as it was stored when this was first called; any other verb needs it.

        The first call creates the origin, its App Space and its company if they are missing, as
        `Administration.ensure_tenancy` does.

        Raises:
            SettingDiffers: A record is stored with another setting; `field` names the argument.
            InvalidField: The key, a name or an address does not fit.
            Unavailable: A port failed.
        """
        with self._lock:
            if self._party is None:
                with self.service.call():
                    administration = self.service.administration(by=cs.OPERATOR)
                    self._party = administration.ensure_tenancy(
                        self._key,
                        company=self._company,
                        app_space=self._app_space,
                        origin=self._origin,
                        callbacks=self._callbacks,
                    )
            return self._party

    def invite(
        self, account_id: str, *, app_url: str | None = None, display_name: str | None = None
    ) -> str:
        """
        Return the link that binds one device of a user. Anybody who has the link can use it.

        Args:
            account_id: The program's own id of the user, who need not be known yet.
            app_url: The address of the app in the browser that the link opens; by default that of
                the settings.
            display_name: What the device is to call the account.

        Raises:
            InvalidField: An argument does not fit.
            Refused: No device of this user can be invited; `Invitations.invite` says why.
            Unavailable: A port failed.
        """
        party = self.load_party()
        with self.service.call():
            invitation = self.service.invitations.invite(party, account_id)
        return self.service.bind_link(invitation, app_url=app_url, display_name=display_name)

    def has_device(self, account_id: str) -> bool:
        """
        Tell whether the user has a device that can be asked.

        Raises:
            InvalidField: *account_id* does not fit.
            Unavailable: A port failed.
        """
        party = self.load_party()
        with self.service.call():
            return self.service.accounts.has_device(party, account_id)

    def ask(
        self, question: Question | Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> cs.Issued:
        """
        Ask a user; the same key with the same question returns the same challenge and code.

        Args:
            question: As a record, or as the members that `request/add` takes.
            idempotency_key: The program's own name for the question, such as an order's id.

        Raises:
            InvalidField: A member is unknown or does not fit; the error names it.
            AccountUnknown, AccountUnbound: The user has no device yet: show the link of `invite`.
            Refused: The user cannot be asked; `Challenges.issue` says why.
            Unavailable: A port failed.
        """
        if not isinstance(question, Question):
            question = cs.read_question(question)
        party = self.load_party()
        with self.service.call():
            return self.service.challenges.issue(
                party,
                question,
                idempotency_key=idempotency_key,
                app_origins=self.service.settings.app_origins,
            )

    def status(self, challenge: Guid) -> Challenge:
        """
        Return a challenge as it stands.

        Raises:
            NotFound: There is no such challenge, or no longer.
            Foreign: Another origin asked.
            Unavailable: A port failed.
        """
        return self.service.load(self.load_party(), challenge)

    def cancel(self, challenge: Guid) -> Challenge:
        """
        Cancel a challenge that is open.

        Raises:
            NotFound: There is no such challenge.
            Foreign: Another origin asked.
            WrongState, DeadlinePassed: It has ended.
            Unavailable: A port failed.
        """
        party = self.load_party()
        with self.service.call():
            return self.service.challenges.cancel(party, challenge)

    def consume(self, challenge: Guid, arguments: Mapping[str, Any]) -> cs.ConsumedAction:
        """
        Use an approved action for the arguments that are about to be executed.

        Execute the action if this returns, and never if it raises.

        Args:
            challenge: The challenge that was approved.
            arguments: The arguments as they are executed, and not as they were asked.

        Raises:
            Refused: There is no approval to use for these arguments; `Actions.consume` says why.
            InvalidField: *arguments* cannot be written as I-JSON, or are no object.
            Unavailable: A port failed; the action may be used already.
        """
        party = self.load_party()
        with self.service.call():
            return self.service.actions.consume(party, challenge, arguments)

    def report(self, challenge: Guid, outcome: UseState, *, detail: str | None = None) -> ActionUse:
        """
        Report the outcome of a use; the same report again changes nothing.

        Args:
            challenge: The challenge that was approved.
            outcome: EXECUTED or FAILED.
            detail: What else there is to say, for the program alone.

        Raises:
            InvalidField: *outcome* or *detail* does not fit.
            WrongState: The action was not used, or another outcome was reported.
            Unavailable: A port failed.
        """
        party = self.load_party()
        with self.service.call():
            return self.service.actions.report(party, challenge, outcome, detail=detail)

    def expire(self) -> None:
        """
        Expire challenges, invitations and approvals whose time is over; for a worker.

        Raises:
            Unavailable: A port failed; call it again.
        """
        service = self.service
        for expire in (
            service.challenges.expire,
            service.invitations.expire,
            service.actions.expire,
        ):
            with service.call():
                expire()
