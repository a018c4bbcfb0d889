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

A class names both: `class WrongKey(Refused, code="wrong_key", public_code="denied")`. Without a
public code, a refusal shows its own code, never its parent's public code.
"""

from __future__ import annotations

from typing import ClassVar


class CountersealError(Exception):
    """The root of all errors; only its subclasses are raised."""

    code: ClassVar[str]

    def __init_subclass__(cls, *, code: str = "") -> None:
        super().__init_subclass__()
        if code:
            cls.code = code

    def __init__(self, detail: str = "") -> None:
        if "code" not in type(self).__dict__:
            message = f"{type(self).__name__} is a family and is never raised itself"
            raise TypeError(message)
        first_line = (self.__doc__ or "").strip().partition("\n")[0]
        super().__init__(detail or first_line)

    def __reduce__(self) -> tuple[object, ...]:
        """Let another process have a copy: of the text and the attributes, without `__init__`."""
        return _copy_error, (type(self), *self.args), self.__dict__


def _copy_error(kind: type[CountersealError], *args: object) -> CountersealError:
    """Return an error of *kind* with the arguments of an exception, and no attributes yet."""
    return kind.__new__(kind, *args)


class Refused(CountersealError):
    """The other side may not do this; answer it and do not retry."""

    public_code: ClassVar[str]

    def __init_subclass__(cls, *, code: str = "", public_code: str = "") -> None:
        super().__init_subclass__(code=code)
        cls.public_code = public_code or code or "denied"


class Misuse(CountersealError):
    """The embedding program is wrong; fix it."""


class Unavailable(CountersealError):
    """A port failed; the same call may be retried."""


class Conflict(CountersealError, code="conflict"):
    """A stored record has changed since the decision read it."""


class OperationReused(Misuse, code="operation_reused"):
    """One operation id was used for two different commits."""


class PartitionCrossed(Misuse, code="partition_crossed"):
    """One commit may change the records of one partition only."""


class WrongRecord(Misuse, code="wrong_record"):
    """A record cannot be committed as it is: wrong version, kind or pairing."""


class NotBound(Misuse, code="not_bound"):
    """The software device has to complete a bind first."""


class PolicyUnsound(Misuse, code="policy_unsound"):
    """A setting of the policy is out of range, or contradicts another."""


class StoreUnavailable(Unavailable, code="store_unavailable"):
    """The store did not answer, or refused."""


class StoreFull(StoreUnavailable, code="store_full"):
    """The store has no room on its disk, or in its memory, for what is to be written."""


class Indeterminate(Unavailable, code="indeterminate"):
    """The store's reply was lost; the commit may or may not have happened."""


class Contended(Unavailable, code="contended"):
    """The commit lost more races than the policy allows."""


class NotifierUnavailable(Unavailable, code="notifier_unavailable"):
    """The push service did not answer."""


class IdentityUnavailable(Unavailable, code="identity_unavailable"):
    """The Identity Provider did not answer."""


class SenderUnavailable(Unavailable, code="sender_unavailable"):
    """The callback could not be attempted."""


class SignerUnavailable(Unavailable, code="signer_unavailable"):
    """The service's signing key did not answer."""


class SealBroken(Unavailable, code="seal_broken"):
    """A sealed secret cannot be opened with the keys at hand."""


class MalformedToken(Refused, code="malformed_token", public_code="denied"):
    """The token is not a compact JWS in its one canonical form."""


class WrongType(Refused, code="wrong_type", public_code="denied"):
    """The token is of another kind."""


class WrongAlgorithm(Refused, code="wrong_algorithm", public_code="denied"):
    """The token's algorithm is not the one pinned to its key."""


class WrongKey(Refused, code="wrong_key", public_code="denied"):
    """The token names a key that the store does not hold for this device."""


class WrongSignature(Refused, code="wrong_signature", public_code="denied"):
    """The signature does not hold."""


class MalformedAssertion(Refused, code="malformed_assertion", public_code="denied"):
    """The third part of a passkey's token is not an assertion in its one canonical form."""


class WrongCeremony(Refused, code="wrong_ceremony", public_code="denied"):
    """The client data is of another kind than `webauthn.get`, or `webauthn.create` to register."""


class AssertionElsewhere(Refused, code="assertion_elsewhere", public_code="denied"):
    """The passkey's client data is for another challenge than this token's, or registration's."""


class WrongOrigin(Refused, code="wrong_origin", public_code="denied"):
    """The passkey was used on another web origin than its pinned ones."""


class CrossOrigin(Refused, code="cross_origin", public_code="denied"):
    """The passkey was used in a frame inside a page of another web origin."""


class WrongRpId(Refused, code="wrong_rp_id", public_code="denied"):
    """The passkey's assertion is for another relying party id than its pinned one."""


class UserAbsent(Refused, code="user_absent", public_code="denied"):
    """The authenticator did not test that a user is present (UP)."""


class UserUnverified(Refused, code="user_unverified", public_code="denied"):
    """The authenticator did not verify the user by PIN or biometric (UV)."""


class BackupChanged(Refused, code="backup_changed", public_code="denied"):
    """Whether the passkey may be copied to other devices (BE) is not as when it was bound."""


class MalformedRegistration(Refused, code="malformed_registration", public_code="denied"):
    """What the browser returned from the registration of a passkey cannot be read."""


class AttestationRefused(Refused, code="attestation_refused", public_code="denied"):
    """The attestation of a passkey does not hold, or proves no allowed model."""


class WrongDevice(Refused, code="wrong_device", public_code="denied"):
    """The token names another device than the one that sent it, or one that does not exist."""


class WrongAudience(Refused, code="wrong_audience", public_code="denied"):
    """The token was made for another App Space or account."""


class WrongChallenge(Refused, code="wrong_challenge", public_code="denied"):
    """The token answers another challenge."""


class WrongRequest(Refused, code="wrong_request", public_code="denied"):
    """The proof was made for another method, address or body."""


class DisplayChanged(Refused, code="display_changed", public_code="denied"):
    """The signed display document is not the challenge's."""


class ButtonChanged(Refused, code="button_changed", public_code="denied"):
    """The signed button is not a button of the challenge."""


class WeakKey(Refused, code="weak_key", public_code="denied"):
    """A strong button needs an answer signed by a strong key."""


class StaleProof(Refused, code="stale_proof", public_code="denied"):
    """The proof's time is outside the window."""


class Replayed(Refused, code="replayed", public_code="denied"):
    """The same proof or request was accepted before."""


class StrongKeyMissed(Refused, code="strong_key_missed"):
    """The proven device's strong key did not sign this; most likely a wrong PIN."""

    def __init__(self, attempts_left: int) -> None:
        super().__init__(f"attempts left: {attempts_left}")
        self.attempts_left = attempts_left


class WrongPin(Refused, code="wrong_pin"):
    """The PIN does not open the device's key; only an RSA key shows that at once."""


class CodeMissing(Refused, code="code_missing"):
    """The challenge asks for a matching code and the answer holds none."""


class WrongCode(Refused, code="wrong_code"):
    """The matching code, or the comparison code of a new device, is wrong."""

    def __init__(self, attempts_left: int) -> None:
        super().__init__(f"attempts left: {attempts_left}")
        self.attempts_left = attempts_left


class ReceiptChanged(Refused, code="receipt_changed"):
    """The receipt contradicts itself, or its signature is wrong."""


class IssuerUntrusted(Refused, code="issuer_untrusted"):
    """The receipt is signed by a key that is not trusted."""


class InvalidField(Refused, code="invalid_field"):
    """A field of the input is missing, malformed or too large."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class HtmlRefused(InvalidField, code="html_refused", public_code="invalid_field"):
    """The content is HTML, which the App Space refuses."""


class DocumentHostRefused(InvalidField, code="document_host_refused", public_code="invalid_field"):
    """A document of the action is at a host that the App Space does not list."""


class ActionTypeUnknown(Refused, code="action_type_unknown"):
    """The service renders no actions of this type, so that nobody can be asked about one."""


class NotFound(Refused, code="not_found"):
    """No such record."""


class Foreign(Refused, code="foreign", public_code="not_found"):
    """The record exists and belongs to somebody else."""


class AccountUnknown(Refused, code="account_unknown", public_code="unreachable"):
    """The App Space knows no such account."""


class AccountUnbound(Refused, code="account_unbound", public_code="unreachable"):
    """The account has no active device."""


class AccountLocked(Refused, code="account_locked", public_code="unreachable"):
    """The account is locked."""


class BindingInactive(Refused, code="binding_inactive", public_code="denied"):
    """
    The device's binding is not active.

    Attributes:
        reason: `unconfirmed`, `suspended` or `revoked`, for a device whose proof was verified;
            else None.
    """

    def __init__(self, reason: str | None = None) -> None:
        super().__init__()
        self.reason = reason


class SettingDiffers(Refused, code="setting_differs"):
    """A record that should be as asked for is stored with another setting."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field}: stored with another value, which is not overwritten")
        self.field = field


class WrongKind(Refused, code="wrong_kind"):
    """The App Space identifies its users in another way."""


class WrongState(Refused, code="wrong_state"):
    """The record's state does not allow this event."""

    def __init__(self, problem: str = "", *, detail: str | None = None) -> None:
        """Take *problem* for the log, and *detail* for the caller."""
        super().__init__(problem)
        self.detail = detail


class DeadlinePassed(Refused, code="deadline_passed"):
    """The deadline has passed."""


class DeadlineAhead(Refused, code="deadline_ahead"):
    """The deadline has not passed yet."""


class NotApproved(Refused, code="not_approved"):
    """
    There is no approval to use.

    Attributes:
        status: What it is instead: `pending`, `seen`, `declined`, `disowned`, `cancelled`,
            `failed`, `expired`, `withdrawn`; `no_action` of a challenge that asked for no action.
    """

    def __init__(self, status: str) -> None:
        super().__init__(f"it is {status}")
        self.status = status


class ActionUsed(Refused, code="action_used"):
    """The approval was used already; it allows one use."""


class ArgumentsDiffer(Refused, code="arguments_differ"):
    """The arguments are not those that were approved."""


class ArgumentsMissing(Refused, code="arguments_missing"):
    """No arguments were presented, and the policy requires them."""


class ApproverInactive(Refused, code="approver_inactive"):
    """The device that approved may no longer answer for the account."""


class LeaseLost(Refused, code="lease_lost"):
    """Another worker has taken over this record's attempt."""


class TooManyBindings(Refused, code="too_many_bindings"):
    """The account has as many devices as the policy allows."""


class WrongToken(Refused, code="wrong_token", public_code="denied"):
    """The session token is not the one that was issued."""


class TokenSpent(Refused, code="token_spent"):
    """The session token has bound other keys already."""


class UnfitKey(Refused, code="unfit_key"):
    """The public key is too weak, malformed or of a kind that is not allowed."""


class KeysIncomplete(Refused, code="keys_incomplete"):
    """A binding needs one device key, at least one strong key, and no key twice."""


class NotPossessed(Refused, code="not_possessed"):
    """A new key did not prove its possession."""


class NewDeviceForbidden(Refused, code="new_device_forbidden"):
    """Policy or App Space does not let a device invite another."""


class KeysChanged(Refused, code="keys_changed", public_code="denied"):
    """The confirmed keys are not those of the new device."""


class NotEndorsed(Refused, code="not_endorsed"):
    """A new key is not signed by an old key of its role."""


class TooManyPending(Refused, code="too_many_pending"):
    """The person has enough open questions; wait `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"seconds to wait: {retry_after:g}")
        self.retry_after = retry_after


class TooOften(Refused, code="too_often"):
    """The person was asked, or the caller has called, too often; wait `retry_after` seconds."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(f"{reason}; seconds to wait: {retry_after:g}")
        self.reason = reason
        self.retry_after = retry_after


class CodeDemanded(Refused, code="code_demanded"):
    """After so many refusals, the question has to ask for a matching code."""


class CallbackForbidden(Refused, code="callback_forbidden"):
    """The callback address is not on the origin's allow-list."""


class DomainForbidden(Refused, code="domain_forbidden"):
    """The WebAuthn domain is not on the origin's allow-list."""


class CallbackUncallable(Refused, code="callback_uncallable"):
    """
    No callback could ever be sent to the address.

    Attributes:
        reason: Why; it quotes nothing of the address.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeyInProgress(Refused, code="key_in_progress"):
    """
    A call with the same idempotency key is running, or has died; wait `retry_after` seconds.

    Attributes:
        retry_after: Until a call that has died no longer holds the key; a second if the call that
            holds it has only just begun.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"seconds to wait: {retry_after:g}")
        self.retry_after = retry_after


class KeyReused(Refused, code="key_reused"):
    """The idempotency key was used for another payload."""


class CredentialRefused(Refused, code="credential_refused", public_code="unauthorized"):
    """The credential is unknown, wrong, revoked or out of date."""


class EndpointAudience(Refused, code="endpoint_audience", public_code="unauthorized"):
    """The client has signed for an endpoint as audience, and has to name the issuer alone."""


class RequestStale(Refused, code="request_stale", public_code="unauthorized"):
    """The signed request's time is outside the window."""


class StepUpNeeded(Refused, code="step_up_needed"):
    """The administrator has to prove once more to be there, before this act."""


class RoleLacking(Refused, code="role_lacking", public_code="forbidden"):
    """The administrator's role does not include this."""


class AskingOnly(Refused, code="asking_only"):
    """The origin may only ask, and this call does more."""


class IdentityWithdrawn(Refused, code="identity_withdrawn"):
    """The Identity Provider no longer vouches for the user."""


class WrongIssuer(Refused, code="wrong_issuer", public_code="denied"):
    """The identity comes from another issuer than the App Space's or account's."""


class AccountTaken(Refused, code="account_taken", public_code="denied"):
    """The account id is another identity's."""


class ReturnForbidden(Refused, code="return_forbidden"):
    """The App Space does not list this return address."""


class WrongAuthority(Refused, code="wrong_authority"):
    """Only the authority that suspended the binding may resume it."""


class AuditHeadMissing(Refused, code="audit_head_missing"):
    """The audit log has no signed head, and one is remembered."""


class AuditHeadOlder(Refused, code="audit_head_older"):
    """The audit log's signed head is older than the remembered one."""


class AuditHeadOther(Refused, code="audit_head_other"):
    """The audit log's signed head is not the one that was signed with its number."""


class AuditHeadDetached(Refused, code="audit_head_detached"):
    """The audit log's signed head is newer than the remembered one, and does not continue it."""


class AuditRenewalDue(Refused, code="audit_renewal_due"):
    """The store was restored or copied, and nobody has renewed the audit log's heads since."""
