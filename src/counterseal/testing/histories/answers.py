"""What phones do with challenges: look, read, answer in every right and wrong way, disown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from counterseal import ijson, keys
from counterseal.device.pin import unwrap
from counterseal.errors import WrongCode, WrongPin
from counterseal.models import Challenge, DeviceCall, Guid
from counterseal.testing.histories import cast
from counterseal.testing.histories.questions import QuestionActs
from counterseal.testing.histories.stage import Captured, Result
from counterseal.testing.histories.troubles import Trouble
from counterseal.wire.answer import ANSWER_TYP

WAYS = (
    *("right", "right", "right", "right"),
    *("wrong pin", "wrong code", "no code"),
    *("weak key", "changed display", "changed button", "other challenge"),
)
"""How a button may be pressed; the right way is the likeliest."""

SIGNED_WRONG = {"changed display", "changed button", "other challenge"}


class AnswerActs(QuestionActs):
    """What phones do with challenges."""

    def pending(self, name: str) -> None:
        """Let a phone ask what there is; it has to be told all, and no more."""
        if not self.device(name):
            return
        call = self.phones[name].call("/challenges", method="GET")
        device = self.device(name)
        asked = self.play("pending", lambda: self.world.answers.pending(call), device=device)
        self._capture(asked, call)
        if asked.value is not None:
            account = self.ledger.holders[device].account
            listed = [challenge.guid for challenge in asked.value]
            assert listed == self.ledger.unfinished(account, self.at()), "another list"

    def fetch(self, name: str, challenge: str, trouble: Trouble | None = None) -> None:
        """Let a phone read a challenge."""
        if not self.device(name):
            return
        device, asked = self.device(name), self.ledger.asked[challenge]
        call = self.phones[name].call(f"/challenges/{challenge}", method="GET")
        own = self.ledger.holders[device].account == asked.account
        able = self._able(device)
        readable = asked.ending is not None or self.at() < asked.deadline
        fetched = self.play(
            "fetch",
            lambda: self.world.answers.fetch(call, Guid(challenge)),
            trouble=trouble,
            device=device,
            challenge=challenge,
            account=asked.account,
            origin=asked.origin,
        )
        self._capture(fetched, call)
        assert own or not fetched.done, "a challenge was shown to a stranger's device"
        if fetched.quiet and own and able:
            assert fetched.done == readable, f"fetch: {fetched.code}"
        if fetched.value is not None:
            assert fetched.value.display == asked.display, "another document was shown"

    def answer(
        self,
        name: str,
        challenge: str,
        button: int,
        way: str,
        trouble: Trouble | None = None,
    ) -> Result[Challenge] | None:
        """Let a phone press a button."""
        phone, asked = self.phones[name], self.ledger.asked[challenge]
        if self.ledger.holders[self.device(name)].account != asked.account:
            # Bound to an account that was erased: its display says that it is another's.
            return None
        button %= len(asked.buttons)
        pressed = asked.buttons[button]
        coded = asked.code_asked and pressed["approving"]
        code = asked.code if way not in {"wrong code", "no code"} else None
        if way == "wrong code":
            code = "000000" if asked.code != "000000" else "111111"
        try:
            token = self._token(name, challenge, button, way, code if asked.code_asked else None)
        except WrongPin:
            return None
        device = self.device(name)
        call = phone.call("/answers", token.encode())
        strikes, wrong = self.ledger.holders[device].strikes, asked.wrong_codes
        expected = self._foretold(device, challenge, way, pressed, coded=coded)
        answered = self.play(
            "answer",
            lambda: self.world.answers.answer(call),
            trouble=trouble,
            device=device,
            challenge=challenge,
            account=asked.account,
            origin=asked.origin,
            button=button,
            how=way,
        )
        self._capture(answered, call)
        if answered.quiet and expected is not None:
            assert expected(answered.code), f"{way}: {answered.code}"
        self._counted(answered, device, challenge, strikes, wrong)
        return answered

    def disown(
        self, name: str, challenge: str, trouble: Trouble | None = None, *, pin: str | None = None
    ) -> None:
        """Let a phone say that nobody asked for this."""
        if not self.device(name):
            return
        phone, asked, device = self.phones[name], self.ledger.asked[challenge], self.device(name)
        if self.ledger.holders[device].account != asked.account:
            return
        try:
            token = phone.device.disown(asked.display, pin=pin)
        except WrongPin:
            return
        call = phone.call("/disowns", token.encode())
        way = "wrong pin" if pin == cast.WRONG_PIN else "right"
        strikes = self.ledger.holders[device].strikes
        expected = self._foretold(device, challenge, way, {"strong": False}, coded=False)
        disowned = self.play(
            "disown",
            lambda: self.world.answers.disown(call),
            trouble=trouble,
            device=device,
            challenge=challenge,
            account=asked.account,
            origin=asked.origin,
            how=way,
        )
        self._capture(disowned, call)
        if disowned.quiet and expected is not None:
            assert expected(disowned.code), f"disown: {disowned.code}"
        self._counted(disowned, device, challenge, strikes, asked.wrong_codes)

    def repeat(self, name: str, challenge: str) -> None:
        """Let a phone send once more what ended the challenge: it gets the recorded result."""
        ending, device = self.ledger.asked[challenge].ending, self.device(name)
        if ending is None or ending["outcome"]["token"] is None:
            return
        outcome = ending["outcome"]
        if outcome["device"] != device or outcome["kid"] not in self.ledger.holders[device].keys:
            return
        call = self.phones[name].call("/again", outcome["token"].encode())
        disowned = ending["state"] == "DISOWNED"
        use = self.world.answers.disown if disowned else self.world.answers.answer
        again: Result[Challenge] = self.play("repeat", lambda: use(call), device=device)
        if self._able(device):
            assert again.done, f"the identical answer again: {again.code}"
        if again.value is not None:
            assert again.value.outcome is not None
            assert again.value.outcome.token == outcome["token"], "another result"

    def _token(self, name: str, challenge: str, button: int, way: str, code: str | None) -> str:
        phone, asked = self.phones[name], self.ledger.asked[challenge]
        strong = asked.buttons[button]["strong"] and way != "weak key"
        pin = cast.PIN if strong else None
        if way == "wrong pin":
            pin = cast.WRONG_PIN
        display = asked.display
        if way == "changed display":
            document = ijson.parse(display)
            document["content"] = {"text": "pay 1 EUR to Zoë?"}
            display = ijson.canonical(document).decode()
        token = phone.device.answer(display, button, pin=pin, code=code)
        if way not in {"changed button", "other challenge"}:
            return token
        claims = keys.read(token, limit=1_000_000).claimed
        if way == "changed button":
            claims["title"] = asked.buttons[button - 1]["title"]
        else:
            others = [guid for guid in self.ledger.asked if guid != challenge]
            claims["challenge"] = others[-1] if others else challenge
            claims["title"] = f"{claims['title']}!"
        device = phone.device
        key = device.device_key if pin is None else unwrap(device.strong_key, pin, device.entropy)
        return keys.sign(key, typ=ANSWER_TYP, claims=claims)

    def _foretold(
        self, device: str, challenge: str, way: str, pressed: dict[str, Any], *, coded: bool
    ) -> Callable[[str], bool] | None:
        """Foretell what the outcome's code has to be; None where that is not known."""
        if not self.ledger.able(device, challenge, self.at()) or way in SIGNED_WRONG:
            return bool
        if not self._able(device):
            return None
        code = ""
        if way == "wrong pin":
            code = "strong_key_missed"
        elif way == "weak key" and pressed["strong"]:
            code = "weak_key"
        elif coded and way == "wrong code":
            code = "wrong_code"
        elif coded and (way == "no code" or self.ledger.asked[challenge].code is None):
            code = "code_missing"
        return code.__eq__

    def _counted(
        self, done: Result[Challenge], device: str, challenge: str, strikes: int, wrong: int
    ) -> None:
        self.strike_told(done, device, strikes)
        if isinstance(done.error, WrongCode):
            assert done.act.commits, "told of a wrong code that was not counted"
            now = self.ledger.asked[challenge].wrong_codes
            if done.quiet:
                assert now == wrong + 1, "a wrong code was not counted"
                left = self.ledger.limits.codes - now
                assert done.error.attempts_left == left, "a false count was told"

    def _capture(self, done: Result[Any], call: DeviceCall) -> None:
        if done.quiet:
            self.captured.append(Captured(done.act.verb, call, self.at(), done.act.facts))
