"""A device in software: its keys, its binding, and everything that it signs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal.bindings import Bound
from counterseal.device.offering import Rotation, new_id, offered_anew, offered_first
from counterseal.device.wrapping import SCRYPT_N, WrappedKey, unwrap, wrap
from counterseal.errors import DisplayChanged, InvalidField, MalformedToken, NotBound
from counterseal.keys import PrivateKey
from counterseal.models import (
    Algorithm,
    DeviceCall,
    Guid,
    PublicKey,
    PushAddress,
    Role,
)
from counterseal.ports import Clock, Entropy
from counterseal.wire.answer import Answer, answer_claims
from counterseal.wire.claims import VERSION
from counterseal.wire.display import demand_display
from counterseal.wire.enrolment import (
    Enrolment,
    enrolment_document,
)
from counterseal.wire.keyset import keyset_time, verify_keyset
from counterseal.wire.proof import PROOF_TYP, Proof, proof_claims
from counterseal.wire.receipt import Receipt, verify_receipt


@attrs.frozen(kw_only=True)
class Bond:
    """
    What a device learned when its bind was finished.

    Attributes:
        keys_at: When the service endorsed its keys, seconds since the epoch; 0 at the bind.
    """

    device: Guid
    account: Guid
    app_space: Guid
    service_keys: tuple[PublicKey, ...]
    keys_at: int = 0


@attrs.define(kw_only=True)
class SoftwareDevice:
    """
    A device in software.

    Attributes:
        device_key: Signs proofs and answers with weak buttons; needs no PIN.
        strong_key: Signs every answer; kept under the PIN.
        bond: None until the bind is finished.
    """

    clock: Clock
    entropy: Entropy
    device_key: PrivateKey
    strong_key: WrappedKey
    bond: Bond | None = None

    @classmethod
    def make(
        cls,
        *,
        clock: Clock,
        entropy: Entropy,
        pin: str,
        algorithm: Algorithm = Algorithm.ES256,
        cost: int = SCRYPT_N,
    ) -> SoftwareDevice:
        """
        Make a device with new keys.

        Args:
            pin: Protects the strong key.
            algorithm: Of both keys.
            cost: The N of scrypt (RFC 7914).
        """
        strong = keys.generate(algorithm, kid=new_id(entropy))
        return cls(
            clock=clock,
            entropy=entropy,
            device_key=keys.generate(algorithm, kid=new_id(entropy)),
            strong_key=wrap(strong, pin, entropy, cost=cost),
        )

    def enrolment(
        self,
        token: str,
        app_space: Guid,
        *,
        pin: str,
        name: str = "",
        addresses: tuple[PushAddress, ...] = (),
    ) -> Enrolment:
        """
        Return what finishes a bind.

        Raises:
            WrongPin: The PIN is wrong; RSA only. For other keys a wrong PIN binds another key.
        """
        offered = offered_first(self._keys(pin), token, app_space)
        return Enrolment(token=token, keys=offered, name=name, addresses=addresses)

    def bound(self, result: Bound) -> None:
        """Take note of a finished bind, and pin the service's keys."""
        self.bond = Bond(
            device=result.binding.guid,
            account=result.account.guid,
            app_space=result.app_space.guid,
            service_keys=result.service_keys,
        )

    def call(self, method: str, uri: str, body: bytes = b"") -> DeviceCall:
        """
        Return a request with the proof that it needs.

        Raises:
            NotBound: The device is not bound.
        """
        bond = self._bond()
        proof = Proof(
            device=bond.device,
            account=bond.account,
            app_space=bond.app_space,
            method=method,
            uri=uri,
            body_hash=keys.digest(body),
            issued_at=int(self.clock.now().timestamp()),
            id=new_id(self.entropy),
        )
        token = keys.sign(self.device_key, typ=PROOF_TYP, claims=proof_claims(proof))
        return DeviceCall(method=method, uri=uri, body=body, proof=token)

    def shown(self, display: str) -> dict[str, Any]:
        """
        Return the document that the person has to be shown.

        Raises:
            InvalidField: It is not I-JSON.
            DisplayChanged: It is not in canonical form, of another version, or not for this
                device's account.
        """
        bond = self._bond()
        document: dict[str, Any] = ijson.parse(display, field="display")
        if ijson.canonical(document, field="display").decode() != display:
            raise DisplayChanged
        try:
            demand_display(document)
        except MalformedToken:
            raise DisplayChanged from None
        ours = (document["appSpace"]["guid"], document["account"]["guid"])
        if document["version"] != VERSION or ours != (bond.app_space, bond.account):
            raise DisplayChanged
        return document

    def answer(
        self, display: str, button: int, *, pin: str | None = None, code: str | None = None
    ) -> str:
        """
        Sign the chosen button over exactly what is shown.

        Args:
            display: The display document's text.
            button: Index of the chosen button.
            pin: Unlocks the strong key; None signs with the device key.
            code: The matching code as the person typed it.

        Raises:
            InvalidField: There is no such button, or the document is no I-JSON.
            DisplayChanged: The document is not for this device's account.
            NotBound: The device is not bound.
            WrongPin: The PIN is wrong; RSA only.
        """
        document = self.shown(display)
        if not 0 <= button < len(document["buttons"]):
            raise InvalidField("button", "not a button of the challenge")
        title = document["buttons"][button]["title"]
        return self._signed(document, display, pin, button=button, title=title, code=code)

    def disown(self, display: str, *, pin: str | None = None) -> str:
        """
        Sign that the person did not ask for this.

        Raises:
            InvalidField: The document is no I-JSON.
            DisplayChanged: The document is not for this device's account.
            NotBound: The device is not bound.
            WrongPin: The PIN is wrong; RSA only.
        """
        return self._signed(self.shown(display), display, pin)

    def rotation(self, *, pin: str, new_pin: str, roles: Iterable[Role] = tuple(Role)) -> Rotation:
        """
        Make new keys of *roles*, endorsed by the old ones.

        The device changes nothing until `rotated` says that the service took them.

        Raises:
            NotBound: The device is not bound.
            WrongPin: The PIN is wrong; RSA only.
        """
        bond = self._bond()
        old = self._keys(pin)
        new = {
            role: keys.generate(old[role].public.algorithm, kid=new_id(self.entropy))
            for role in Role
            if role in set(roles)
        }
        offered = offered_anew(new, old, bond.device, bond.app_space)
        strong = new.get(Role.STRONG)
        return Rotation(
            body=ijson.compact(enrolment_document(Enrolment(keys=offered))),
            device_key=new.get(Role.DEVICE, self.device_key),
            strong_key=(
                self.strong_key
                if strong is None
                else wrap(strong, new_pin, self.entropy, cost=self.strong_key.cost)
            ),
        )

    def rotated(self, rotation: Rotation) -> None:
        """Use the new keys from now on."""
        self.device_key, self.strong_key = rotation.device_key, rotation.strong_key

    def check(self, receipt: str) -> Receipt:
        """
        Check a receipt against the pinned service keys.

        Raises:
            NotBound: The device is not bound.
            IssuerUntrusted: No pinned key signed it.
            ReceiptChanged: It does not hold together.
        """
        return verify_receipt(receipt, trusted=self._bond().service_keys)

    def adopt(self, keyset: str) -> None:
        """
        Take new service keys, which a pinned one has signed.

        Raises:
            NotBound: The device is not bound.
            IssuerUntrusted: No pinned key signed them.
            StaleProof: They are older than those that the device has.
            Refused: The key set does not hold.
        """
        bond = self._bond()
        fresh = verify_keyset(keyset, pinned=bond.service_keys, not_before=bond.keys_at)
        self.bond = attrs.evolve(bond, service_keys=fresh, keys_at=keyset_time(keyset))

    def _signed(
        self,
        document: dict[str, Any],
        display: str,
        pin: str | None,
        *,
        button: int | None = None,
        title: str | None = None,
        code: str | None = None,
    ) -> str:
        bond = self._bond()
        answer = Answer(
            device=bond.device,
            account=bond.account,
            app_space=bond.app_space,
            challenge=document["challenge"],
            display_hash=keys.digest(display.encode()),
            button=button,
            title=title,
            code=code,
            issued_at=int(self.clock.now().timestamp()),
            id=new_id(self.entropy),
        )
        key = self.device_key if pin is None else unwrap(self.strong_key, pin, self.entropy)
        return keys.sign(key, typ=answer.typ, claims=answer_claims(answer))

    def _keys(self, pin: str) -> dict[Role, PrivateKey]:
        return {
            Role.DEVICE: self.device_key,
            Role.STRONG: unwrap(self.strong_key, pin, self.entropy),
        }

    def _bond(self) -> Bond:
        if self.bond is None:
            raise NotBound
        return self.bond
