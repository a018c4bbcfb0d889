"""
Every error that Counterseal raises: one root, three families, and `Conflict` of the stores.

The families tell the caller what to do, not what went wrong inside:

- `Refused`: the other side may not do this. Answer it and do not retry.
- `Misuse`: the program that embeds Counterseal is wrong. Fix it.
- `Unavailable`: a port failed. The same call may be retried.

A store raises `Conflict` when a commit lost a race. Use cases retry, and never raise it.

`code` is stable and says which check failed, so it must stay in your log.
Texts are for logs, may change at any time, and hold neither secrets nor expected values.
`public_code` is safe to send: refusals that would help an attacker all share one value.
"""

from __future__ import annotations

from typing import ClassVar


class CountersealError(Exception):
    """The root of all errors; only its subclasses are raised."""

    code: ClassVar[str]

    def __init__(self, detail: str = "") -> None:
        if "code" not in type(self).__dict__:
            message = f"{type(self).__name__} is a family and is never raised itself"
            raise TypeError(message)
        first_line = (self.__doc__ or "").strip().partition("\n")[0]
        super().__init__(detail or first_line)


class Refused(CountersealError):
    """The other side may not do this; answer it and do not retry."""

    public_code: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "public_code" not in cls.__dict__:
            cls.public_code = cls.__dict__.get("code", "denied")


class Misuse(CountersealError):
    """The embedding program is wrong; fix it."""


class Unavailable(CountersealError):
    """A port failed; the same call may be retried."""


class Conflict(CountersealError):
    """A stored record has changed since the decision read it."""

    code = "conflict"


class OperationReused(Misuse):
    """One operation id was used for two different commits."""

    code = "operation_reused"


class PartitionCrossed(Misuse):
    """One commit may change the records of one partition only."""

    code = "partition_crossed"


class WrongRecord(Misuse):
    """A record cannot be committed as it is: wrong version, kind or pairing."""

    code = "wrong_record"


class NotBound(Misuse):
    """The software device has to complete a bind first."""

    code = "not_bound"


class PolicyUnsound(Misuse):
    """A setting of the policy is out of range, or contradicts another."""

    code = "policy_unsound"


class StoreUnavailable(Unavailable):
    """The store did not answer."""

    code = "store_unavailable"


class Indeterminate(Unavailable):
    """The store's reply was lost; the commit may or may not have happened."""

    code = "indeterminate"


class Contended(Unavailable):
    """The commit lost more races than the policy allows."""

    code = "contended"


class NotifierUnavailable(Unavailable):
    """The push service did not answer."""

    code = "notifier_unavailable"


class IdentityUnavailable(Unavailable):
    """The Identity Provider did not answer."""

    code = "identity_unavailable"


class SenderUnavailable(Unavailable):
    """The callback could not be attempted."""

    code = "sender_unavailable"


class SignerUnavailable(Unavailable):
    """The service's signing key did not answer."""

    code = "signer_unavailable"


class SealBroken(Unavailable):
    """A sealed secret cannot be opened with the keys at hand."""

    code = "seal_broken"


class MalformedToken(Refused):
    """The token is not a compact JWS in its one canonical form."""

    code = "malformed_token"
    public_code = "denied"


class WrongType(Refused):
    """The token is of another kind."""

    code = "wrong_type"
    public_code = "denied"


class WrongAlgorithm(Refused):
    """The token's algorithm is not the one pinned to its key."""

    code = "wrong_algorithm"
    public_code = "denied"


class WrongKey(Refused):
    """The token names a key that the store does not hold for this device."""

    code = "wrong_key"
    public_code = "denied"


class WrongSignature(Refused):
    """The signature does not hold."""

    code = "wrong_signature"
    public_code = "denied"


class WrongDevice(Refused):
    """The token names another device than the one that sent it."""

    code = "wrong_device"
    public_code = "denied"


class WrongAudience(Refused):
    """The token was made for another App Space or account."""

    code = "wrong_audience"
    public_code = "denied"


class WrongChallenge(Refused):
    """The token answers another challenge."""

    code = "wrong_challenge"
    public_code = "denied"


class WrongRequest(Refused):
    """The proof was made for another method, address or body."""

    code = "wrong_request"
    public_code = "denied"


class DisplayChanged(Refused):
    """The signed display document is not the challenge's."""

    code = "display_changed"
    public_code = "denied"


class ButtonChanged(Refused):
    """The signed button is not a button of the challenge."""

    code = "button_changed"
    public_code = "denied"


class WeakKey(Refused):
    """A strong button needs an answer signed by a strong key."""

    code = "weak_key"
    public_code = "denied"


class StaleProof(Refused):
    """The proof's time is outside the window."""

    code = "stale_proof"
    public_code = "denied"


class Replayed(Refused):
    """The same proof or request was accepted before."""

    code = "replayed"
    public_code = "denied"


class StrongKeyMissed(Refused):
    """The proven device's strong key did not sign this; most likely a wrong PIN."""

    code = "strong_key_missed"

    def __init__(self, attempts_left: int) -> None:
        super().__init__(f"attempts left: {attempts_left}")
        self.attempts_left = attempts_left


class WrongPin(Refused):
    """The PIN does not open the device's key; only an RSA key shows that at once."""

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
    """The receipt contradicts itself, or its signature is wrong."""

    code = "receipt_changed"


class IssuerUntrusted(Refused):
    """The receipt is signed by a key that is not trusted."""

    code = "issuer_untrusted"


class InvalidField(Refused):
    """A field of the input is missing, malformed or too large."""

    code = "invalid_field"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class NotFound(Refused):
    """No such record."""

    code = "not_found"


class Foreign(Refused):
    """The record exists and belongs to somebody else."""

    code = "foreign"
    public_code = "not_found"


class AccountUnknown(Refused):
    """The App Space knows no such account."""

    code = "account_unknown"
    public_code = "unreachable"


class AccountUnbound(Refused):
    """The account has no active device."""

    code = "account_unbound"
    public_code = "unreachable"


class AccountLocked(Refused):
    """The account is locked."""

    code = "account_locked"
    public_code = "unreachable"


class BindingInactive(Refused):
    """The device's binding is not active."""

    code = "binding_inactive"
    public_code = "denied"


class WrongKind(Refused):
    """The App Space identifies its users in another way."""

    code = "wrong_kind"


class WrongState(Refused):
    """The record's state does not allow this event."""

    code = "wrong_state"

    def __init__(self, problem: str = "", *, detail: str | None = None) -> None:
        """Take *problem* for the log, and *detail* for the caller."""
        super().__init__(problem)
        self.detail = detail


class DeadlinePassed(Refused):
    """The deadline has passed."""

    code = "deadline_passed"


class DeadlineAhead(Refused):
    """The deadline has not passed yet."""

    code = "deadline_ahead"


class LeaseLost(Refused):
    """Another worker holds or has taken this callback."""

    code = "lease_lost"


class TooManyBindings(Refused):
    """The account has as many devices as the policy allows."""

    code = "too_many_bindings"


class WrongToken(Refused):
    """The session token is not the one that was issued."""

    code = "wrong_token"
    public_code = "denied"


class TokenSpent(Refused):
    """The session token has bound other keys already."""

    code = "token_spent"


class UnfitKey(Refused):
    """The public key is too weak, malformed or of a kind that is not allowed."""

    code = "unfit_key"


class KeysIncomplete(Refused):
    """A binding needs one device key, at least one strong key, and no key twice."""

    code = "keys_incomplete"


class NotPossessed(Refused):
    """A new key did not prove its possession."""

    code = "not_possessed"


class NotEndorsed(Refused):
    """A new key is not signed by the old key of its role."""

    code = "not_endorsed"


class TooManyPending(Refused):
    """The person has enough open questions; ask again later."""

    code = "too_many_pending"

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"seconds to wait: {retry_after:g}")
        self.retry_after = retry_after


class TooOften(Refused):
    """The person was asked too often; ask again later."""

    code = "too_often"

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(f"{reason}; seconds to wait: {retry_after:g}")
        self.reason = reason
        self.retry_after = retry_after


class CodeDemanded(Refused):
    """After so many refusals, the question has to ask for a matching code."""

    code = "code_demanded"


class CallbackForbidden(Refused):
    """The callback address is not on the origin's allow-list."""

    code = "callback_forbidden"


class CallbackUncallable(Refused):
    """
    No callback could ever be sent to the address.

    Attributes:
        reason: Why; it quotes nothing of the address.
    """

    code = "callback_uncallable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeyInProgress(Refused):
    """A call with the same idempotency key is still running."""

    code = "key_in_progress"


class KeyReused(Refused):
    """The idempotency key was used for another payload."""

    code = "key_reused"


class CredentialRefused(Refused):
    """The credential is unknown, wrong, revoked or out of date."""

    code = "credential_refused"
    public_code = "unauthorized"


class RequestStale(Refused):
    """The signed request's time is outside the window."""

    code = "request_stale"
    public_code = "unauthorized"


class RoleLacking(Refused):
    """The administrator's role does not include this."""

    code = "role_lacking"
    public_code = "forbidden"


class IdentityWithdrawn(Refused):
    """The Identity Provider no longer vouches for the user."""

    code = "identity_withdrawn"


class WrongIssuer(Refused):
    """The identity comes from another issuer than the App Space's or account's."""

    code = "wrong_issuer"
    public_code = "denied"


class AccountTaken(Refused):
    """The account id is another identity's."""

    code = "account_taken"
    public_code = "denied"


class ReturnForbidden(Refused):
    """The App Space does not list this return address."""

    code = "return_forbidden"


class WrongAuthority(Refused):
    """Only the authority that suspended the binding may resume it."""

    code = "wrong_authority"
