"""What phones do with challenges: look, read, answer in every right and wrong way, disown."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

from counterseal import ijson, keys
from counterseal.challenges.documents.answer import ANSWER_TYP
from counterseal.errors import WrongCode, WrongPin
from counterseal.models import Challenge, DeviceCall, Guid, RefusalReason
from counterseal_testing.authenticator import FakePasskey
from counterseal_testing.histories import actors
from counterseal_testing.histories.challenges import ChallengeCalls
from counterseal_testing.histories.model import Captured, Result
from counterseal_testing.histories.planned_faults import PlannedFault

WAYS = (
    *("right", "right", "right", "right"),
    *("wrong pin", "wrong code", "no code"),
    *("weak key", "changed display", "changed button", "other challenge"),
)
"""How a button may be pressed; the right way is the likeliest."""

PASSKEY_WAYS = (
    *("wrong pin", "without device key"),
    *("replayed", "stale", "another origin", "unverified"),
)
"""How a passkey may answer wrongly; with a wrong PIN it is another account's."""

ASSERTED_WRONG = {
    "replayed": "assertion_elsewhere",
    "stale": "assertion_elsewhere",
    "another origin": "wrong_origin",
    "unverified": "user_unverified",
}
"""The code of the refusal of each assertion that is not this token's."""

REASON_WAYS = ("approved for a reason", "unknown reason")
"""How a button may be pressed with a reason that it must not have."""

SIGNED_WRONG = {"changed display", "changed button", "other challenge", *REASON_WAYS}


class AnswerCalls(ChallengeCalls):
    """What phones do with challenges."""

    def pending(self, name: str) -> None:
        """Let a phone list its challenges: all that are pending, and no other."""
        if not self.device(name):
            return
        call = self.phones[name].call("/challenges", method="GET")
        device = self.device(name)
        entry = self.run_operation(
            "pending", lambda: self.service.answers.pending(call), device=device
        )
        self._capture(entry, call)
        self.require_confirmed(entry, device)
        if entry.value is not None:
            account = self.ledger.bindings[device].account
            listed: list[str] = [challenge.guid for challenge in entry.value]
            expected = [
                challenge
                for challenge in self.ledger.unfinished(account, self.at())
                if self.ledger.challenges[challenge].device in {None, device}
            ]
            assert sorted(listed) == sorted(expected), "another list"
            issued_at = {guid: self.ledger.challenges[guid].issued_at for guid in expected}
            for earlier, later in combinations(expected, 2):
                if issued_at[earlier] < issued_at[later]:
                    assert listed.index(earlier) < listed.index(later), "newest first"

    def fetch(self, name: str, challenge: str, fault: PlannedFault | None = None) -> None:
        """Let a phone read a challenge."""
        if not self.device(name):
            return
        device, entry = self.device(name), self.ledger.challenges[challenge]
        call = self.phones[name].call(f"/challenges/{challenge}", method="GET")
        own = self.ledger.bindings[device].account == entry.account
        own = own and entry.device in {None, device}
        may_answer = self._able(device)
        readable = entry.ending is not None or self.at() < entry.deadline
        fetched = self.run_operation(
            "fetch",
            lambda: self.service.answers.fetch(call, Guid(challenge)),
            fault=fault,
            device=device,
            challenge=challenge,
            account=entry.account,
            origin=entry.origin,
        )
        self._capture(fetched, call)
        self.require_confirmed(fetched, device)
        assert own or not fetched.done, "a challenge was shown to a stranger's device"
        if fetched.quiet and own and may_answer:
            assert fetched.done == readable, f"fetch: {fetched.code}"
        if fetched.value is not None:
            assert fetched.value.display == entry.display, "another document was shown"

    def answer(
        self,
        name: str,
        challenge: str,
        button: int,
        way: str,
        fault: PlannedFault | None = None,
        *,
        reason: str | None = None,
    ) -> Result[Challenge] | None:
        """Let a phone press a button, for a *reason* if it is given and the button refuses."""
        phone, entry = self.phones[name], self.ledger.challenges[challenge]
        if self.ledger.bindings[self.device(name)].account != entry.account:
            # Bound to an account that was erased: its display says that it is another's.
            return None
        button %= len(entry.buttons)
        pressed = entry.buttons[button]
        coded = entry.code_asked and pressed["approving"]
        if way == "approved for a reason" and not pressed["approving"]:
            return None
        word = None if reason is None or pressed["approving"] else RefusalReason(reason)
        code = entry.code if way not in {"wrong code", "no code"} else None
        if way == "wrong code":
            code = "000000" if entry.code != "000000" else "111111"
        try:
            code = code if entry.code_asked else None
            token = self._token(name, challenge, button, way, code, reason=word)
        except WrongPin:
            return None
        device = self.device(name)
        call = phone.call("/answers", token.encode())
        strikes, wrong = self.ledger.bindings[device].strikes, entry.wrong_codes
        expected = self._expected_code(device, challenge, way, pressed, coded=coded)
        answered = self.run_operation(
            "answer",
            lambda: self.service.answers.answer(call),
            fault=fault,
            device=device,
            challenge=challenge,
            account=entry.account,
            origin=entry.origin,
            button=button,
            how=way,
        )
        self._capture(answered, call)
        if answered.quiet and expected is not None:
            assert expected(answered.code), f"{way}: {answered.code}"
        self._require_counted(answered, device, challenge, strikes, wrong)
        return answered

    def disown(
        self,
        name: str,
        challenge: str,
        fault: PlannedFault | None = None,
        *,
        pin: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Let a phone say that nobody asked for this."""
        if not self.device(name):
            return
        phone, entry, device = (
            self.phones[name],
            self.ledger.challenges[challenge],
            self.device(name),
        )
        if self.ledger.bindings[device].account != entry.account:
            return
        try:
            word = None if reason is None else RefusalReason(reason)
            token = phone.device.disown(entry.display, pin=pin, reason=word)
        except WrongPin:
            return
        call = phone.call("/disowns", token.encode())
        way = "wrong pin" if pin == actors.WRONG_PIN else "right"
        strikes = self.ledger.bindings[device].strikes
        expected = self._expected_code(
            device, challenge, way, {"strong": False}, coded=False, disowns=True
        )
        disowned = self.run_operation(
            "disown",
            lambda: self.service.answers.disown(call),
            fault=fault,
            device=device,
            challenge=challenge,
            account=entry.account,
            origin=entry.origin,
            how=way,
        )
        self._capture(disowned, call)
        if disowned.quiet and expected is not None:
            assert expected(disowned.code), f"disown: {disowned.code}"
        self._require_counted(disowned, device, challenge, strikes, entry.wrong_codes)

    def repeat(self, name: str, challenge: str) -> None:
        """Let a phone send once more what ended the challenge: it gets the recorded result."""
        ending, device = self.ledger.challenges[challenge].ending, self.device(name)
        if ending is None or ending["outcome"]["token"] is None:
            return
        outcome = ending["outcome"]
        if outcome["device"] != device or outcome["kid"] not in self.ledger.bindings[device].keys:
            return
        call = self.phones[name].call("/again", outcome["token"].encode())
        disowned = ending["state"] == "DISOWNED"
        use = self.service.answers.disown if disowned else self.service.answers.answer
        again: Result[Challenge] = self.run_operation("repeat", lambda: use(call), device=device)
        if self._able(device):
            assert again.done, f"the identical answer again: {again.code}"
        if again.value is not None:
            assert again.value.outcome is not None
            assert again.value.outcome.token == outcome["token"], "another result"

    def _token(
        self,
        name: str,
        challenge: str,
        button: int,
        way: str,
        code: str | None,
        *,
        reason: RefusalReason | None = None,
    ) -> str:
        phone, entry = self.phones[name], self.ledger.challenges[challenge]
        strong = entry.buttons[button]["strong"] and way != "weak key"
        strong = strong or way in ASSERTED_WRONG or way == "without device key"
        pin = actors.PIN if strong else None
        if way == "wrong pin":
            pin = actors.WRONG_PIN
        display = entry.display
        if way == "changed display":
            document = ijson.parse(display)
            if "action" in document:
                document["content"]["title"] += "!"
            else:
                document["content"] = {"text": "pay 1 EUR to Zoë?"}
            display = ijson.canonical(document).decode()
        token = phone.device.answer(display, button, pin=pin, code=code, reason=reason)
        if way in ASSERTED_WRONG:
            earlier = phone.device.answer(display, button, pin=pin, code=code)
            return self._asserted(name, token, way, earlier)
        if way not in {*SIGNED_WRONG, "without device key"} - {"changed display"}:
            return token
        claims = keys.read(token, limit=1_000_000).claimed
        if way == "changed button":
            claims["title"] = entry.buttons[button - 1]["title"]
        elif way in REASON_WAYS:
            claims["reason"] = "bored" if way == "unknown reason" else "declined"
        elif way == "without device key":
            claims.pop("deviceKey", None)
        else:
            others = [guid for guid in self.ledger.challenges if guid != challenge]
            claims["challenge"] = others[-1] if others else challenge
            claims["title"] = f"{claims['title']}!"
        device = phone.device
        key = device.device_key if pin is None else device.unlock(pin)
        return keys.sign(key, typ=ANSWER_TYP, claims=claims)

    def _asserted(self, name: str, token: str, way: str, earlier: str) -> str:
        """Return *token* with another assertion by the passkey of the phone *name*."""
        device, signed = self.device(name), token.rpartition(".")[0]
        passkey = self.phones[name].device.strong_key
        assert isinstance(passkey, FakePasskey)
        if way == "replayed":
            endings = [entry.ending for entry in self.ledger.challenges.values() if entry.ending]
            tokens = [
                ending["outcome"]["token"]
                for ending in endings
                if (ending["outcome"]["device"], ending["outcome"]["kid"])
                == (device, passkey.public.kid)
            ]
            earlier = tokens[-1] if tokens else earlier
        if way in {"replayed", "stale"}:
            return f"{signed}.{earlier.rpartition('.')[2]}"
        browser = actors.browser(passkey, way)
        return f"{signed}.{keys.b64url(browser.sign(signed.encode()))}"

    def _expected_code(
        self,
        device: str,
        challenge: str,
        way: str,
        pressed: dict[str, Any],
        *,
        coded: bool,
        disowns: bool = False,
    ) -> Callable[[str], bool] | None:
        """Foretell what the outcome's code has to be; None where that is not known."""
        ledger = self.ledger
        may = ledger.may_disown if disowns else ledger.may_answer
        if not may(device, challenge, self.at()) or way in SIGNED_WRONG:
            return bool
        if not self._able(device):
            return None
        code = ""
        if way == "wrong pin":
            code = "strong_key_missed"
        elif way in ASSERTED_WRONG:
            code = ASSERTED_WRONG[way]
        elif way in {"weak key", "without device key"} and pressed["strong"]:
            code = "weak_key"
        elif coded and way == "wrong code":
            code = "wrong_code"
        elif coded and (way == "no code" or self.ledger.challenges[challenge].code is None):
            code = "code_missing"
        return code.__eq__

    def _require_counted(
        self, done: Result[Challenge], device: str, challenge: str, strikes: int, wrong: int
    ) -> None:
        self.require_strike_counted(done, device, strikes)
        if isinstance(done.error, WrongCode):
            assert done.operation.commits, "a wrong code was reported and not counted"
            now = self.ledger.challenges[challenge].wrong_codes
            if done.quiet:
                assert now == wrong + 1, "a wrong code was not counted"
                space = self.ledger.challenges[challenge].space
                attempts_left = max(0, self.ledger.limits_in(space).codes - now)
                assert done.error.attempts_left == attempts_left, "a false count was reported"

    def _capture(self, done: Result[Any], call: DeviceCall) -> None:
        if done.quiet:
            self.captured.append(
                Captured(done.operation.verb, call, self.at(), done.operation.facts)
            )
