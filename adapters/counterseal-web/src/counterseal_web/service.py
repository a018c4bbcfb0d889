"""Service: the use cases behind the HTTP API, put together once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import counterseal as cs
from counterseal.models import Administrator, Challenge, DeviceCall, Guid, RelyingParty
from counterseal_web.cors import Cors
from counterseal_web.settings import Settings
from counterseal_web.slots import WaitSlots
from counterseal_web.waiters import Waiters
from counterseal_web.watched import WatchedList, WatchedRequest


class Service:
    """
    What all faces of one application share.

    Args:
        ports: The adapters.
        policy: What the service allows.
        settings: How it is reached.
        call: What each call is made within; its reply goes out after the end of that. The
            database of counterseal-sql has one.
        monotonic: Seconds that only grow; what waits measures its time by them.
    """

    def __init__(
        self,
        ports: cs.Ports,
        policy: cs.Policy,
        settings: Settings,
        *,
        call: Callable[[], AbstractContextManager[None]] = nullcontext,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ports = ports
        self.call = call
        self.policy = policy
        self.settings = settings
        self.cors = Cors(settings.cors)
        self.authentication = cs.Authentication(ports, policy)
        self.invitations = cs.Invitations(ports, policy)
        self.logins = cs.Logins(ports, policy)
        self.login_tests = cs.LoginTests(ports, policy)
        self.logos = cs.Logos(ports, policy)
        self.enrolments = cs.Enrolments(ports, policy)
        self.accounts = cs.Accounts(ports, policy)
        self.devices = cs.Devices(ports, policy)
        self.confirmations = cs.Confirmations(ports, policy)
        self.callbacks = cs.Callbacks(ports, policy)
        self.events = cs.Events(ports, policy)
        self.challenges = cs.Challenges(ports, policy)
        self.backchannel = cs.Backchannel(ports, policy)
        self.channel = cs.AuthenticationChannel(ports, policy)
        self.ceremonies = cs.Ceremonies(ports, policy)
        self.answers = cs.Answers(ports, policy)
        self.actions = cs.Actions(ports, policy)
        self.keysets = cs.KeySets(ports, policy)
        self.telemetry = cs.Telemetry(ports, policy)
        self.sessions = cs.Sessions(ports, policy)
        self.audit_log = cs.AuditLog(ports, policy)
        self.audit_verifications = cs.AuditVerifications(ports, policy)
        self.gauges = cs.Gauges(ports, policy)
        self.monotonic = monotonic
        self.slots = WaitSlots(settings.waiters)
        self.waiters = Waiters(ports.wake, settings, self.slots, monotonic)
        self._closers = [self.waiters.close]
        self._closed = False

    def at_close(self, closer: Callable[[], None]) -> None:
        """Have `close` call *closer* too, and at once if it has run, for a driver of one's own."""
        self._closers.append(closer)
        if self._closed:
            closer()

    def load(self, party: RelyingParty, guid: Guid) -> Challenge:
        """
        Return a request of *party* as it stands, for those who wait for it.

        Raises:
            NotFound: There is no such request.
            Foreign: Another origin issued it.
            Unavailable: A port failed.
        """
        with self.call():
            return self.challenges.status(party, guid)

    def watch_request(self, party: RelyingParty, guid: Guid) -> WatchedRequest:
        """
        Return a request of *party* as it stands, to be watched.

        Raises:
            NotFound: There is no such request.
            Foreign: Another origin issued it.
            Unavailable: A port failed.
        """
        return WatchedRequest(
            challenge=self.challenges.status(party, guid),
            clock=self.ports.clock,
            load_challenge=partial(self.load, party, guid),
        )

    def watch_list(
        self, call: DeviceCall, known_guids: frozenset[Guid] = frozenset()
    ) -> WatchedList:
        """
        Return the open requests of a device's account as they stand, to be watched.

        Args:
            call: The device's.
            known_guids: The requests that the device knows of.

        Raises:
            Refused: The call is not proven, or the device may not act.
            Unavailable: A port failed.
        """
        device = self.devices.authenticate(call, event="challenge.pending")

        def load() -> tuple[Challenge, ...]:
            with self.call():
                return self.answers.pending_again(device)

        return WatchedList(
            challenges=self.answers.pending_again(device),
            device=device.binding.guid,
            topic=device.account.guid,
            owner=device.app_space.guid,
            load_challenges=load,
            known_guids=known_guids,
        )

    def bind_link(
        self,
        invitation: cs.Invitation,
        *,
        app_url: str | None = None,
        display_name: str | None = None,
    ) -> str:
        """
        Return the bind link of *invitation*. Anybody who has the link can complete the bind.

        Args:
            invitation: The invitation.
            app_url: The address of the app in the browser that the link opens; by default that of
                the settings, and if they have none, the link is for an app that handles
                `counterseal:` links.
            display_name: What the device is to call the account.

        Raises:
            InvalidField: *app_url* is not a base address.
        """
        settings = self.settings
        return invitation.link(
            public_url=settings.public_url,
            app_url=settings.app_url if app_url is None else app_url,
            display_name=display_name,
        )

    def administration(self, *, by: Administrator) -> cs.Administration:
        """Return the use cases of tenancy, for an administrator."""
        return cs.Administration(self.ports, self.policy, by=by)

    def credentials(self, *, by: Administrator) -> cs.Credentials:
        """Return the use cases of secrets, for an administrator."""
        return cs.Credentials(self.ports, self.policy, by=by)

    def backchannel_clients(self, *, by: Administrator) -> cs.BackchannelClients:
        """Return the use cases of CIBA clients, for an administrator."""
        return cs.BackchannelClients(self.ports, self.policy, by=by)

    def close(self) -> None:
        """End all waits, each after one more load; for a process that is about to stop."""
        self._closed = True
        for closer in self._closers:
            closer()
