"""The class tree of errors: stable codes, three families, few public codes."""

import inspect
import pickle
import re

import pytest

from counterseal import errors
from counterseal.errors import (
    Conflict,
    CountersealError,
    InvalidField,
    Misuse,
    Refused,
    StrongKeyMissed,
    TooOften,
    Unavailable,
    WrongCode,
)

FAMILIES = (Refused, Misuse, Unavailable)
DEFINED = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
LEAVES = [each for each in DEFINED if each not in (CountersealError, *FAMILIES)]

# The public API. A code may be added; none may go or change its meaning.
PUBLIC_CODES = {
    "account_locked": "unreachable",
    "account_taken": "denied",
    "account_unbound": "unreachable",
    "account_unknown": "unreachable",
    "action_type_unknown": "action_type_unknown",
    "audit_head_detached": "audit_head_detached",
    "audit_head_missing": "audit_head_missing",
    "audit_head_older": "audit_head_older",
    "audit_head_other": "audit_head_other",
    "audit_renewal_due": "audit_renewal_due",
    "binding_inactive": "denied",
    "button_changed": "denied",
    "callback_forbidden": "callback_forbidden",
    "callback_uncallable": "callback_uncallable",
    "code_demanded": "code_demanded",
    "code_missing": "code_missing",
    "credential_refused": "unauthorized",
    "endpoint_audience": "unauthorized",
    "return_forbidden": "return_forbidden",
    "role_lacking": "forbidden",
    "asking_only": "asking_only",
    "step_up_needed": "step_up_needed",
    "deadline_ahead": "deadline_ahead",
    "deadline_passed": "deadline_passed",
    "display_changed": "denied",
    "domain_forbidden": "domain_forbidden",
    "foreign": "not_found",
    "html_refused": "invalid_field",
    "document_host_refused": "invalid_field",
    "identity_withdrawn": "identity_withdrawn",
    "invalid_field": "invalid_field",
    "issuer_untrusted": "issuer_untrusted",
    "key_in_progress": "key_in_progress",
    "key_reused": "key_reused",
    "keys_changed": "denied",
    "keys_incomplete": "keys_incomplete",
    "lease_lost": "lease_lost",
    "malformed_token": "denied",
    "new_device_forbidden": "new_device_forbidden",
    "not_endorsed": "not_endorsed",
    "not_found": "not_found",
    "not_possessed": "not_possessed",
    "receipt_changed": "receipt_changed",
    "replayed": "denied",
    "request_stale": "unauthorized",
    "setting_differs": "setting_differs",
    "stale_proof": "denied",
    "strong_key_missed": "strong_key_missed",
    "token_spent": "token_spent",
    "too_many_bindings": "too_many_bindings",
    "too_many_pending": "too_many_pending",
    "too_often": "too_often",
    "unfit_key": "unfit_key",
    "weak_key": "denied",
    "wrong_algorithm": "denied",
    "wrong_audience": "denied",
    "wrong_authority": "wrong_authority",
    "wrong_challenge": "denied",
    "wrong_code": "wrong_code",
    "wrong_device": "denied",
    "malformed_assertion": "denied",
    "wrong_ceremony": "denied",
    "assertion_elsewhere": "denied",
    "wrong_origin": "denied",
    "cross_origin": "denied",
    "wrong_rp_id": "denied",
    "user_absent": "denied",
    "user_unverified": "denied",
    "attestation_refused": "denied",
    "backup_changed": "denied",
    "malformed_registration": "denied",
    "wrong_issuer": "denied",
    "wrong_key": "denied",
    "wrong_kind": "wrong_kind",
    "wrong_pin": "wrong_pin",
    "wrong_request": "denied",
    "wrong_signature": "denied",
    "action_used": "action_used",
    "approver_inactive": "approver_inactive",
    "arguments_differ": "arguments_differ",
    "arguments_missing": "arguments_missing",
    "not_approved": "not_approved",
    "wrong_state": "wrong_state",
    "wrong_token": "denied",
    "wrong_type": "denied",
}
MISUSE = {
    "not_bound",
    "operation_reused",
    "partition_crossed",
    "policy_unsound",
    "wrong_record",
}
UNAVAILABLE = {
    "contended",
    "identity_unavailable",
    "indeterminate",
    "notifier_unavailable",
    "seal_broken",
    "sender_unavailable",
    "signer_unavailable",
    "store_full",
    "store_unavailable",
}


def below(family):
    return [each for each in LEAVES if issubclass(each, family)]


def test_the_codes_are_the_published_ones():
    assert {each.code: each.public_code for each in below(Refused)} == PUBLIC_CODES
    assert {each.code for each in below(Misuse)} == MISUSE
    assert {each.code for each in below(Unavailable)} == UNAVAILABLE
    assert Conflict.code == "conflict"


def test_no_two_classes_share_a_code():
    codes = [each.code for each in LEAVES]

    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", LEAVES)
def test_every_leaf_states_its_own_code_and_meaning(error):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", vars(error)["code"])
    assert error.__doc__.strip().endswith(".")


@pytest.mark.parametrize("error", LEAVES)
def test_every_leaf_is_of_one_family_but_conflict(error):
    families = [family for family in FAMILIES if issubclass(error, family)]

    assert len(families) == (0 if error is Conflict else 1)
    assert issubclass(error, CountersealError)


def test_what_is_shared_is_shared_on_purpose():
    words = [each.public_code for each in below(Refused)]

    assert {word for word in words if words.count(word) > 1} == {
        "denied",
        "invalid_field",  # the caller reads the field, and may know no more codes
        "not_found",  # what is missing and what is somebody else's look alike
        "unauthorized",
        "unreachable",
    }


@pytest.mark.parametrize("family", [CountersealError, *FAMILIES])
def test_a_family_is_never_raised_itself(family):
    with pytest.raises(TypeError, match="is a family"):
        family("text")


def test_a_class_without_a_code_of_its_own_is_never_raised():
    class Nameless(Conflict):
        pass

    with pytest.raises(TypeError, match="Nameless"):
        Nameless()


def test_a_refusal_without_a_public_code_shows_its_own_code():
    class Peculiar(Refused, code="peculiar"):
        """Peculiar."""

    class MorePeculiar(errors.WrongKey, code="more_peculiar"):
        """More peculiar, and not to be taken for what its parent shows."""

    assert Peculiar.public_code == "peculiar"
    assert MorePeculiar.public_code == "more_peculiar"


@pytest.mark.parametrize(
    "error", [each for each in LEAVES if each.__init__ is CountersealError.__init__]
)
def test_the_text_is_the_detail_or_the_meaning(error):
    assert str(error()) == error.__doc__.strip().partition("\n")[0]
    assert str(error("in other words")) == "in other words"


def test_what_the_caller_needs_is_data():
    field = InvalidField("content.title", "too long")
    assert (field.field, field.problem) == ("content.title", "too long")
    assert str(field) == "content.title: too long"

    often = TooOften("cooling_down", 12.5)
    assert (often.reason, often.retry_after) == ("cooling_down", 12.5)
    assert str(often) == "cooling_down; seconds to wait: 12.5"

    assert StrongKeyMissed(2).attempts_left == 2
    assert WrongCode(0).attempts_left == 0
    assert str(WrongCode(0)) == "attempts left: 0"


@pytest.mark.parametrize(
    "error",
    [
        InvalidField("arguments.to", "not a text"),
        TooOften("cooling_down", 12.5),
        StrongKeyMissed(2),
        Conflict(),
    ],
    ids=lambda error: error.code,
)
def test_an_error_goes_to_another_process_as_it_is(error):
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 (it is our own)
    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))
