"""The claim for the account id, and UserInfo."""

import attrs
import pytest
from oidc_loopback import exchange, signed

from counterseal_oidc import errors


@pytest.mark.parametrize("subject", ["adam", None, "", 7])
def test_user_info_of_another_subject_is_refused(relying_party, space, loopback, subject):
    loopback.grant(signed(loopback.claims()))
    loopback.responses["/me"] = (200, {"sub": subject, "name": "z"}, {})
    with pytest.raises(errors.UserInfoSubject):
        exchange(relying_party, attrs.evolve(space, account_claim="name"))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_by_user_info_has_the_public_code_of_the_others(
    relying_party, space, loopback, status
):
    loopback.grant(signed(loopback.claims()))
    loopback.responses["/me"] = (status, {}, {})
    with pytest.raises(errors.UserInfoRefused) as error:
        exchange(relying_party, attrs.evolve(space, account_claim="name"))
    assert error.value.public_code == "denied"


@pytest.mark.parametrize(
    "case",
    [
        ("email", {"email": "zoe@idp.example"}, errors.ClaimUnverified),
        ("email", {"email": "zoe@idp.example", "email_verified": False}, errors.ClaimUnverified),
        ("email", {"email": "zoe@idp.example", "email_verified": "true"}, errors.ClaimUnverified),
        ("email", {"email": "zoe@idp.example", "email_verified": 1}, errors.ClaimUnverified),
        ("phone_number", {"phone_number": "+1 555 0100"}, errors.ClaimUnverified),
        ("upn", {"upn": "zoe@idp.example"}, errors.ClaimUnverified),
        (
            "upn",
            {"upn": "zoe@idp.example", "email": "other@idp.example", "email_verified": True},
            errors.ClaimUnverified,
        ),
        ("oid", {"oid": 7}, errors.ClaimMissing),
        ("oid", {"oid": ""}, errors.ClaimMissing),
        ("oid", {"oid": ["a"]}, errors.ClaimMissing),
        ("oid", {}, errors.ClaimMissing),
        ("oid", {"oid": {"a": "b"}}, errors.ClaimMissing),
        ("oid", {"oid": True}, errors.ClaimMissing),
    ],
)
def test_a_claim_without_proof_is_refused(relying_party, space, loopback, case):
    claim, claims, refusal = case
    loopback.grant(signed(loopback.claims(**claims)))
    loopback.responses["/me"] = (200, {"sub": "zoe"} | claims, {})
    with pytest.raises(refusal):
        exchange(relying_party, attrs.evolve(space, account_claim=claim))


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("email", {"email": "zoe@idp.example", "email_verified": True}),
        (
            "upn",
            {"upn": "zoe@idp.example", "email": "zoe@idp.example", "email_verified": True},
        ),
        ("oid", {"oid": "0f-1"}),
    ],
)
def test_a_verified_claim_is_the_account_id(relying_party, space, loopback, claim, claims):
    loopback.grant(signed(loopback.claims(**claims)))
    identity = exchange(relying_party, attrs.evolve(space, account_claim=claim))
    assert (identity.subject, identity.account_id) == ("zoe", claims[claim])
    assert loopback.requests("/me") == 0
