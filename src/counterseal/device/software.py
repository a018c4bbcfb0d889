"""A device in software: its keys, its binding, and everything that it signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal.bindings.documents.device import Bond
from counterseal.bindings.documents.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    ROTATE_TYP,
    Bound,
    Enrolment,
    OfferedKey,
    bind_claims,
    enrolment_document,
    keyset_time,
    rotation_claims,
    verify_keyset,
)
from counterseal.bindings.documents.proof import PROOF_TYP, Proof, proof_claims
from counterseal.challenges.documents.answer import Answer, answer_claims
from counterseal.challenges.documents.display import demand_display
from counterseal.challenges.documents.receipt import Receipt, verify_receipt
from counterseal.device.pin import SCRYPT_N, Entropy, WrappedKey
from counterseal.device.ports import (
    Clock,
    KeyStore,
    PinVerification,
    Purpose,
    Rotation,
    SoftwareKeys,
    Unlocking,
    UserVerification,
    corrected,
)
from counterseal.errors import DisplayChanged, InvalidField, MalformedToken, NotBound
from counterseal.keys import SigningKey
from counterseal.models import (
    Algorithm,
    DeviceCall,
    DeviceKey,
    Guid,
    PushAddress,
    RefusalReason,
    Role,
)
from counterseal.wire.members import VERSION

ID_BYTES = 16


@attrs.define(kw_only=True)
class SoftwareDevice:
    """
    A device in software.

    A verb raises NotBound where it needs a binding and there is none, and WrongPin where the PIN is
    wrong and the keys are RSA.

    Attributes:
        device_key: Signs proofs and answers with weak buttons; needs no PIN.
        strong_key: Signs every answer. Encrypted under the PIN; or a passkey in its authenticator,
            which verifies the person itself; any PIN then means "use the passkey".
        bond: None until the binding is completed.
        key_store: Where new keys are made and kept.
        verification: How the person is verified before the strong key signs; None for the PIN.
    """

    clock: Clock
    entropy: Entropy
    device_key: SigningKey
    strong_key: WrappedKey | SigningKey
    bond: Bond | None = None
    key_store: KeyStore = attrs.field(factory=SoftwareKeys)
    verification: UserVerification | None = None

    @classmethod
    def make(
        cls,
        *,
        clock: Clock,
        entropy: Entropy,
        pin: str,
        algorithm: Algorithm = Algorithm.ES256,
        cost: int = SCRYPT_N,
        passkey: SigningKey | None = None,
        key_store: KeyStore | None = None,
        verification: UserVerification | None = None,
    ) -> SoftwareDevice:
        """
        Make a device with new keys of *algorithm*; *pin* protects the strong key.

        Args:
            pin: Any text, where *verification* does not use one.
            cost: The N of scrypt (RFC 7914).
            passkey: The strong key, if it is one in an authenticator.
            key_store: Where the keys are; None for this process's memory.
            verification: How the person is verified; None for the PIN.

        Raises:
            InvalidField: The strong key is in *key_store*, where no PIN protects it, and there is
                no *verification*.
            UnfitKey: There are no keys of *algorithm*.
        """
        store = SoftwareKeys() if key_store is None else key_store
        protection = verification or PinVerification(entropy, cost)
        device_key = store.generate(Role.DEVICE, algorithm, kid=_new_id(entropy))
        strong_key: WrappedKey | SigningKey | None = passkey
        if strong_key is None:
            new_key = store.generate(Role.STRONG, algorithm, kid=_new_id(entropy))
            strong_key = protection.protect(new_key, pin)
        return cls(
            clock=clock,
            entropy=entropy,
            device_key=device_key,
            strong_key=strong_key,
            key_store=store,
            verification=verification,
        )

    def enrolment(
        self,
        token: str,
        app_space: Guid,
        *,
        pin: str,
        name: str = "",
        addresses: tuple[PushAddress, ...] = (),
        replaces: Guid | None = None,
        platform: str = "",
        app_version: str = "",
        language: str = "",
    ) -> Enrolment:
        """
        Return what completes a binding: each key proves its possession.

        Args:
            platform, app_version: Of the app, to recognise the device by; visible ASCII, at most
                64 characters.
            language: The person's, a tag such as `de-AT`; only where `Peeked.languages` offers it.
            replaces: The device of the same account that is revoked once this one is active; only
                after a log-in at an Identity Provider, whose reply lists the account's devices.

        Raises:
            WrongPin: The PIN is wrong; RSA only. For other keys a wrong PIN binds another key.
        """
        private_keys = self._keys(pin, Purpose.ENROL)
        claims = bind_claims(token, app_space, _public_keys(private_keys), replaces=replaces)
        return Enrolment(
            token=token,
            keys=_offer(private_keys, BIND_TYP, claims),
            name=name,
            addresses=addresses,
            replaces=replaces,
            platform=platform,
            app_version=app_version,
            language=language,
        )

    def complete_binding(self, result: Bound) -> None:
        """Take note of a completed binding, and pin the service's keys."""
        self.bond = Bond.of(result)

    def signed_call(self, method: str, uri: str, body: bytes = b"") -> DeviceCall:
        """Return a request with the proof that it needs."""
        bond = self._bond()
        proof = Proof(
            device=bond.device,
            account=bond.account,
            app_space=bond.app_space,
            method=method,
            uri=uri,
            body_hash=keys.digest(body),
            issued_at=int(self.clock.now().timestamp()),
            id=_new_id(self.entropy),
        )
        token = keys.sign(self.device_key, typ=PROOF_TYP, claims=proof_claims(proof))
        return DeviceCall(method=method, uri=uri, body=body, proof=token)

    def read_display(self, display: str) -> dict[str, Any]:
        """
        Return the document that the person has to be shown.

        Raises:
            NotBound: The device has not completed a binding.
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
        addressee = (document["appSpace"]["guid"], document["account"]["guid"])
        if document["version"] != VERSION or addressee != (bond.app_space, bond.account):
            raise DisplayChanged
        return document

    def answer(
        self,
        display: str,
        button: int,
        *,
        pin: str | None = None,
        code: str | None = None,
        reason: RefusalReason | None = None,
    ) -> str:
        """
        Sign the chosen button over exactly what is shown.

        Args:
            button: Index of the chosen button.
            pin: Unlocks the strong key; None signs with the device key.
            code: The matching code as the person typed it.
            reason: Why the person refuses, if they say so; for a button that does not approve.

        Raises:
            InvalidField: There is no such button, *reason* is given for one that approves, or the
                document is no I-JSON.
            NotBound: The device has not completed a binding.
            DisplayChanged: As of `read_display`.
        """
        document = self.read_display(display)
        if not 0 <= button < len(document["buttons"]):
            raise InvalidField("button", "not a button of the challenge")
        chosen = document["buttons"][button]
        if reason is not None and chosen["approves"]:
            raise InvalidField("reason", "only with a button that does not approve")
        return self._signed(
            *(document, display, pin),
            button=button,
            title=chosen["title"],
            code=code,
            reason=reason,
        )

    def disown(
        self, display: str, *, pin: str | None = None, reason: RefusalReason | None = None
    ) -> str:
        """
        Sign that the person did not ask for this; *reason* says more, if they say so.

        Raises:
            InvalidField: The document is no I-JSON.
            NotBound: The device has not completed a binding.
            DisplayChanged: As of `read_display`.
        """
        return self._signed(self.read_display(display), display, pin, reason=reason)

    def rotation(
        self,
        *,
        pin: str,
        new_pin: str,
        roles: Iterable[Role] = tuple(Role),
        passkey: SigningKey | None = None,
        algorithm: Algorithm | None = None,
    ) -> Rotation:
        """
        Make new keys of *roles*, endorsed by the old ones; *passkey* is the strong key's successor.

        The device changes nothing until `complete_rotation`: the service may refuse them.

        Args:
            algorithm: Of the new keys; None for that of each old one.
        """
        bond = self._bond()
        old_keys = self._keys(pin, Purpose.ROTATE)
        new_keys: dict[Role, SigningKey] = {
            role: self.key_store.generate(
                role, algorithm or old_keys[role].public.algorithm, kid=_new_id(self.entropy)
            )
            for role in Role
            if role in set(roles) and not (role is Role.STRONG and passkey is not None)
        }
        if passkey is not None:
            new_keys[Role.STRONG] = passkey
        claims = rotation_claims(bond.device, bond.app_space, _public_keys(new_keys))
        offered_keys = tuple(
            attrs.evolve(
                offered,
                endorsement=keys.sign(old_keys[offered.role], typ=ENDORSE_TYP, claims=claims),
            )
            for offered in _offer(new_keys, ROTATE_TYP, claims)
        )
        strong_key: WrappedKey | SigningKey = passkey or self.strong_key
        if passkey is None and Role.STRONG in new_keys:
            strong_key = self._verification().protect(new_keys[Role.STRONG], new_pin)
        return Rotation(
            body=ijson.compact(enrolment_document(Enrolment(keys=offered_keys))),
            device_key=new_keys.get(Role.DEVICE, self.device_key),
            strong_key=strong_key,
        )

    def complete_rotation(self, rotation: Rotation) -> None:
        """Use the new keys from now on, and delete the old ones."""
        old_kids = self._kids()
        self.device_key, self.strong_key = rotation.device_key, rotation.strong_key
        for kid in old_kids - self._kids():
            self.key_store.delete(kid=kid)

    def complete_unbinding(self) -> None:
        """
        Sign nothing from now on: the service has revoked this device.

        The key store deletes its keys. Delete what else is stored, and make a new device for a new
        binding.
        """
        self.bond = None
        for kid in self._kids():
            self.key_store.delete(kid=kid)

    def unlock(
        self,
        pin: str,
        *,
        purpose: Purpose = Purpose.OTHER,
        display: dict[str, Any] | None = None,
        button: int | None = None,
    ) -> SigningKey:
        """Return the strong key; a passkey's authenticator asks the person itself."""
        request = Unlocking(pin=pin, purpose=purpose, display=display, button=button)
        return self._verification().unlock(self.strong_key, request)

    def correct_clock(self, service_time: datetime) -> bool:
        """
        Correct the clock if it is clearly wrong, after a refusal that gave no reason.

        Args:
            service_time: The service's time, aware: the `Date` of its refusal.

        Returns:
            Whether it was wrong, so that a new proof may be accepted.
        """
        before, self.clock = self.clock, corrected(self.clock, service_time)
        return self.clock is not before

    def check(self, receipt: str) -> Receipt:
        """
        Verify a receipt with the pinned service keys.

        Raises:
            IssuerUntrusted: No pinned key signed it.
            ReceiptChanged: It does not hold together.
        """
        return verify_receipt(receipt, trusted=self._bond().service_keys)

    def adopt(self, keyset: str) -> None:
        """
        Take new service keys, which a pinned one has signed.

        Raises:
            IssuerUntrusted: No pinned key signed them.
            StaleProof: They are older than those that the device has.
            Refused: The key set does not hold.
        """
        bond = self._bond()
        service_keys = verify_keyset(keyset, pinned=bond.service_keys, not_before=bond.keys_at)
        self.bond = attrs.evolve(bond, service_keys=service_keys, keys_at=keyset_time(keyset))

    def _signed(
        self,
        document: dict[str, Any],
        display: str,
        pin: str | None,
        *,
        button: int | None = None,
        title: str | None = None,
        code: str | None = None,
        reason: RefusalReason | None = None,
    ) -> str:
        bond = self._bond()
        purpose = Purpose.DISOWN if button is None else Purpose.ANSWER
        key = (
            self.device_key
            if pin is None
            else self.unlock(pin, purpose=purpose, display=document, button=button)
        )
        answer = Answer(
            device=bond.device,
            account=bond.account,
            app_space=bond.app_space,
            challenge=document["challenge"],
            display_hash=keys.digest(display.encode()),
            button=button,
            title=title,
            code=code,
            reason=reason,
            device_key=(None if key.public.passkey is None else self.device_key.public.thumbprint),
            issued_at=int(self.clock.now().timestamp()),
            id=_new_id(self.entropy),
        )
        return keys.sign(key, typ=answer.typ, claims=answer_claims(answer))

    def _keys(self, pin: str, purpose: Purpose) -> dict[Role, SigningKey]:
        return {Role.DEVICE: self.device_key, Role.STRONG: self.unlock(pin, purpose=purpose)}

    def _kids(self) -> set[str]:
        strong = self.strong_key
        strong_kid = strong.kid if isinstance(strong, WrappedKey) else strong.public.kid
        return {self.device_key.public.kid, strong_kid}

    def _verification(self) -> UserVerification:
        if self.verification is not None:
            return self.verification
        cost = self.strong_key.cost if isinstance(self.strong_key, WrappedKey) else SCRYPT_N
        return PinVerification(self.entropy, cost)

    def _bond(self) -> Bond:
        if self.bond is None:
            raise NotBound
        return self.bond


def _new_id(entropy: Entropy) -> str:
    return keys.b64url(entropy.token(ID_BYTES))


def _public_keys(private_keys: Mapping[Role, SigningKey]) -> list[DeviceKey]:
    return [DeviceKey(role=role, key=key.public) for role, key in private_keys.items()]


def _offer(
    private_keys: Mapping[Role, SigningKey], typ: str, claims: dict[str, Any]
) -> tuple[OfferedKey, ...]:
    return tuple(
        OfferedKey(
            role=role,
            jwk={
                **ijson.parse(key.public.jwk),
                "kid": key.public.kid,
                "alg": key.public.alg,
            },
            proof=keys.sign(key, typ=typ, claims=claims),
            credential_id=(
                None if key.public.passkey is None else key.public.passkey.credential_id
            ),
        )
        for role, key in private_keys.items()
    )
