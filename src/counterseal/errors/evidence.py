"""Refusals: tokens, signatures, claims, codes and receipts that do not hold."""

from __future__ import annotations

from counterseal.errors.families import Refused


class MalformedToken(Refused):
    """The token is not a compact JWS in its one canonical form."""

    code = "malformed_token"
    outward = "denied"


class WrongType(Refused):
    """The token is of another kind."""

    code = "wrong_type"
    outward = "denied"


class WrongAlgorithm(Refused):
    """The token's algorithm is not the one pinned to its key."""

    code = "wrong_algorithm"
    outward = "denied"


class WrongKey(Refused):
    """The token names a key that the store does not hold for this device."""

    code = "wrong_key"
    outward = "denied"


class WrongSignature(Refused):
    """The signature does not hold."""

    code = "wrong_signature"
    outward = "denied"


class WrongDevice(Refused):
    """The token speaks for another device than the one that sent it."""

    code = "wrong_device"
    outward = "denied"


class WrongAudience(Refused):
    """The token was made for another App Space or account."""

    code = "wrong_audience"
    outward = "denied"


class WrongChallenge(Refused):
    """The token answers another challenge."""

    code = "wrong_challenge"
    outward = "denied"


class WrongRequest(Refused):
    """The proof was made for another method, address or body."""

    code = "wrong_request"
    outward = "denied"


class DisplayChanged(Refused):
    """What was signed is not what was asked."""

    code = "display_changed"
    outward = "denied"


class ButtonChanged(Refused):
    """The signed button is not a button of the challenge."""

    code = "button_changed"
    outward = "denied"


class WeakKey(Refused):
    """A strong button needs an answer signed by a strong key."""

    code = "weak_key"
    outward = "denied"


class StaleProof(Refused):
    """The proof's time is outside the window."""

    code = "stale_proof"
    outward = "denied"


class Replayed(Refused):
    """This was seen before."""

    code = "replayed"
    outward = "denied"


class StrongKeyMissed(Refused):
    """The proven device's strong key did not sign this; most likely a wrong PIN."""

    code = "strong_key_missed"

    def __init__(self, attempts_left: int) -> None:
        super().__init__(f"attempts left: {attempts_left}")
        self.attempts_left = attempts_left


class WrongPin(Refused):
    """The PIN does not open the device's key; only an RSA key can tell."""

    code = "wrong_pin"


class CodeMissing(Refused):
    """The challenge asks for a matching code and the answer holds none."""

    code = "code_missing"


class WrongCode(Refused):
    """The matching code is wrong."""

    code = "wrong_code"

    def __init__(self, attempts_left: int) -> None:
        super().__init__(f"attempts left: {attempts_left}")
        self.attempts_left = attempts_left


class ReceiptChanged(Refused):
    """The receipt does not hold together."""

    code = "receipt_changed"


class IssuerUntrusted(Refused):
    """The receipt is signed by a key that is not trusted."""

    code = "issuer_untrusted"
