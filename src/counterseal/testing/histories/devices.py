"""What is done to devices: invited, bound, rotated, suspended, revoked, locked, vouched for."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from counterseal._decisions.invitations import Invitation
from counterseal._decisions.logins import Redirect
from counterseal.errors import IdentityWithdrawn, StrongKeyMissed
from counterseal.models import OPERATOR, Account, Binding, Guid, Role
from counterseal.testing.histories import cast
from counterseal.testing.histories.ledger import Plain
from counterseal.testing.histories.secrecy import CANARY
from counterseal.testing.histories.stage import Result, Stage
from counterseal.testing.histories.troubles import Trouble
from counterseal.testing.identity import APP_RETURN
from counterseal.wire.enrolment import (
    Bound,
    Enrolment,
    OfferedKey,
    Update,
    update_document,
)


class DeviceActs(Stage):
    """The life of the cast's phones."""

    def owner(self, name: str) -> str:
        """Return the account of the phone *name*; empty if there is none yet."""
        return self.person(cast.PHONES[name].owner)

    def person(self, name: str) -> str:
        """Return the account of somebody; empty if there is none yet."""
        role = cast.PEOPLE[name]
        for guid, person in self.ledger.people.items():
            if (person.space, person.account_id) == (self.spaces[role.space], role.account_id):
                return guid
        return ""

    def device(self, name: str) -> str:
        """Return the binding of the phone *name*; empty if it was never bound."""
        bond = self.phones[name].device.bond
        return "" if bond is None else bond.device

    def heal(self, person: str) -> None:
        """Let somebody be able to answer again: unlocked, vouched for, with an active phone."""
        account = self.person(person)
        self.admit(account)
        if account and self.ledger.people[account].locked:
            self.lock(account, locked=False)
        names = [name for name, prop in cast.PHONES.items() if prop.owner == person]
        for name in names:
            holder = self.ledger.holders.get(self.device(name))
            if holder is not None and holder.state == "SUSPENDED":
                if holder.suspended_by == "staff":
                    self.stand("resume", self.device(name))
                else:
                    self.vouch(account)
        if not any(self.is_active(name) for name in names):
            invitation = self.invite(names[0])
            if invitation is not None:
                self.complete(names[0], invitation)

    def is_active(self, name: str) -> bool:
        """Tell whether the phone *name* is bound and active."""
        holder = self.ledger.holders.get(self.device(name))
        return holder is not None and holder.state == "ACTIVE"

    def invite(self, name: str, trouble: Trouble | None = None) -> Invitation | None:
        """Invite the phone *name*, as its App Space does it."""
        role = cast.PEOPLE[cast.PHONES[name].owner]
        if role.space == cast.CLUB:
            return self._log_in(role, trouble)
        invited = self.play(
            "invite",
            lambda: self.world.invitations.invite(
                self.origins["shop"], role.account_id, user_info=f"{CANARY} info"
            ),
            trouble=trouble,
            **self._facts(role),
        )
        self._room_for(name, invited)
        return self._invited(invited)

    def complete(
        self, name: str, invitation: Invitation, trouble: Trouble | None = None
    ) -> Result[Bound]:
        """Let the phone *name* finish a bind."""
        phone, space = self.phones[name], invitation.app_space.guid
        offer = phone.device.enrolment(
            invitation.token, space, pin=cast.PIN, addresses=cast.address(name)
        )
        holder = self.ledger.holders[invitation.binding]
        fresh = holder.state == "INVITED"
        bound = self._completed(invitation.binding, offer, trouble)
        same = holder.state == "ACTIVE" and holder.keys == offered(offer.keys)
        if fresh and same and not bound.done:
            # The phone did not hear of it, and asks again; a rotated one could not.
            if bound.quiet or self.ledger.people[holder.account].locked:
                return bound
            bound = self._completed(invitation.binding, offer, None)
            assert bound.done, f"the same token with the same keys again: {bound.code}"
        if bound.value is not None:
            phone.device.bound(bound.value)
        return bound

    def rotate(
        self, name: str, roles: frozenset[Role], pin: str, trouble: Trouble | None = None
    ) -> None:
        """Let the phone *name* replace keys; with a wrong *pin*, nobody endorses the strong one."""
        phone = self.phones[name]
        if not self.device(name) or name == "laptop":
            # New RSA keys take too long to make.
            return
        rotation = phone.device.rotation(pin=pin, new_pin=cast.PIN, roles=roles)
        offers = offered_in(rotation.body)
        device, call = self.device(name), phone.call("/keys", rotation.body)
        right = pin == cast.PIN or Role.STRONG not in roles
        able, strikes = self._able(device), self.ledger.holders[device].strikes
        rotated = self.play(
            "rotate",
            lambda: self.world.devices.rotate(call),
            trouble=trouble,
            device=device,
            keys=offers,
            how="right" if right else "wrong pin",
        )
        if offers.keys() <= self.ledger.holders[device].keys.keys():
            phone.device.rotated(rotation)
        elif rotated.quiet and able:
            assert rotated.code == "strong_key_missed", f"a rotation: {rotated.code}"
        self.strike_told(rotated, device, strikes)

    def strike_told(self, done: Result[Any], device: str, before: int) -> None:
        """Demand that a strike which the device was told of is counted, and rightly."""
        if isinstance(done.error, StrongKeyMissed):
            assert done.act.commits, "told of a strike that was not committed"
            now = self.ledger.holders[device].strikes
            if done.quiet:
                assert now == before + 1, "a strike was not counted"
                left = self.ledger.limits.strikes - now
                assert done.error.attempts_left == left, "a false count was told"

    def update(self, name: str, trouble: Trouble | None = None) -> None:
        """Let the phone *name* change its name and push addresses."""
        if not self.device(name):
            return
        change = Update(name="renamed", addresses=cast.address(f"new {name}"))
        body = json.dumps(update_document(change)).encode()
        call = self.phones[name].call("/device", body)
        self.play(
            "update",
            lambda: self.world.devices.update(call),
            trouble=trouble,
            device=self.device(name),
        )

    def stand(self, verb: str, device: str, trouble: Trouble | None = None) -> None:
        """Let staff suspend, resume or revoke a device."""
        if device not in self.ledger.holders:
            return
        use, guid = partial(getattr(self.world.devices, verb), by=OPERATOR), Guid(device)
        sources = {"suspend": {"ACTIVE"}, "resume": {"SUSPENDED"}}
        holder = self.ledger.holders[device]
        may = holder.state in sources.get(verb, {"INVITED", "ACTIVE", "SUSPENDED"})
        if verb == "resume":
            may = may and holder.suspended_by == "staff"
        stood: Result[Binding] = self.play(verb, lambda: use(guid), trouble=trouble, device=device)
        assert not stood.quiet or stood.done == may, f"{verb}: {stood.code}"

    def revoke_by(self, origin: str, device: str) -> None:
        """Let an origin revoke a device; one of another App Space must not."""
        if device not in self.ledger.holders:
            return
        party, guid = self.origins[origin], Guid(device)
        space = self.ledger.people[self.ledger.holders[device].account].space
        foreign = space != party.app_space.guid
        revoked = self.play(
            "revoke",
            lambda: self.world.devices.revoke(guid, by=party),
            attacker=foreign,
            device=device,
        )
        assert not (foreign and revoked.done), "a foreign origin revoked a device"

    def lock(self, account: str, *, locked: bool = True, trouble: Trouble | None = None) -> None:
        """Let staff lock or unlock an account."""
        if not account or self.ledger.people[account].erased:
            return
        verb = "lock" if locked else "unlock"
        use = partial(getattr(self.world.accounts, verb), by=OPERATOR)
        done: Result[Account] = self.play(
            verb, lambda: use(Guid(account)), trouble=trouble, account=account
        )
        assert not done.quiet or done.done

    def withdraw(self, account: str) -> None:
        """Let the Identity Provider vouch no longer."""
        subject = self.ledger.people[account].subject if account else ""
        if subject and subject not in self.ledger.withdrawn:
            self.world.idp.withdraw(subject)
            self.ledger.withdrawn[subject] = self.latest()

    def admit(self, account: str) -> None:
        """Let the Identity Provider vouch again."""
        subject = self.ledger.people[account].subject if account else ""
        if subject:
            self.world.idp.admit(subject)
            self.ledger.withdrawn.pop(subject, None)

    def vouch(self, account: str, trouble: Trouble | None = None) -> None:
        """Ask the Identity Provider now."""
        if not account or not self.ledger.people[account].subject:
            return
        gone = self.ledger.people[account].subject in self.ledger.withdrawn
        asked = self.play(
            "vouch",
            lambda: self.world.logins.revalidate(Guid(account)),
            trouble=trouble,
            account=account,
        )
        if asked.quiet:
            assert asked.code == ("identity_withdrawn" if gone else "")
            left = self.ledger.holders_of(account, "ACTIVE")
            assert not (gone and left), "a device of a withdrawn user stays active"

    def _log_in(self, role: cast.Role, trouble: Trouble | None) -> Invitation | None:
        redirected = self.play(
            "redirect", lambda: self.world.logins.redirect(self.spaces[cast.CLUB], APP_RETURN)
        )
        if redirected.value is None:
            return None
        begun: Redirect = redirected.value
        url, login = begun.url, begun.login
        try:
            if role.account_id not in self.ledger.withdrawn:
                self.world.idp.admit(role.account_id)
            back = self.world.idp.log_in(url, role.account_id)
        except IdentityWithdrawn:
            return None
        self.secrecy.keep(back.code, back.state.partition(".")[2], begun.secret)
        self.returns.append((back, begun))
        logged_in = self.play(
            "log_in",
            lambda: self.world.logins.authenticate(
                back.state, back.code, begun.secret, issuer=back.issuer
            ),
            trouble=trouble,
            login=login,
            **self._facts(role),
        )
        return self._invited(logged_in)

    def _facts(self, role: cast.Role) -> Plain:
        return {
            "space": self.spaces[role.space],
            "account_id": role.account_id,
            "owner": "attacker" if role.attacker else "honest",
            "subject": role.account_id if role.space == cast.CLUB else "",
        }

    def _room_for(self, name: str, invited: Result[Invitation]) -> None:
        account = self.owner(name)
        if not invited.quiet or invited.done or not account:
            return
        full = len(self.ledger.living(account, self.at())) >= self.ledger.limits.bindings
        assert full or self.ledger.people[account].locked, f"not invited: {invited.code}"

    def _invited(self, invited: Result[Invitation]) -> Invitation | None:
        if invited.value is not None:
            self.secrecy.keep(invited.value.token.partition(".")[2])
        return invited.value

    def _completed(self, binding: Guid, offer: Enrolment, trouble: Trouble | None) -> Result[Bound]:
        holder = self.ledger.holders[binding]
        fit = (
            holder.state == "INVITED"
            and self.at() < holder.deadline
            and not self.ledger.people[holder.account].locked
        )
        again = holder.state == "ACTIVE" and holder.keys == offered(offer.keys)
        bound = self.play(
            "complete",
            lambda: self.world.enrolments.complete(offer),
            trouble=trouble,
            binding=binding,
            keys=offered(offer.keys),
        )
        if bound.quiet and not again:
            assert bound.done == fit, f"a bind: {bound.code}"
        return bound

    def _able(self, device: str) -> bool:
        holder = self.ledger.holders[device]
        person = self.ledger.people[holder.account]
        trusted = person.subject not in self.ledger.withdrawn
        return holder.state == "ACTIVE" and not person.locked and trusted


def offered(keys: tuple[OfferedKey, ...]) -> dict[str, tuple[str, Plain]]:
    """Return what the judge has to know of offered keys."""
    return {key.jwk["kid"]: (key.role.value, dict(key.jwk)) for key in keys}


def offered_in(body: bytes) -> dict[str, tuple[str, Any]]:
    """Return the same of a rotation's body."""
    return {key["jwk"]["kid"]: (key["role"], key["jwk"]) for key in json.loads(body)["keys"]}
