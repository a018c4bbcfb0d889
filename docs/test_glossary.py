"""The glossary has each public noun of the domain once."""

import re
from pathlib import Path

import pytest

import counterseal
from counterseal.kinds import RecordKind

TEXT = (Path(__file__).parent / "reference" / "glossary.md").read_text(encoding="utf-8")
TERMS = [term.partition(" (")[0] for term in re.findall(r"^(\S.*)\n: ", TEXT, re.MULTILINE)]

RESULT = "what a call returns, which is named after the call"
USE_CASE = "a use case, which is named after what it does"
EXCEPTIONS = {
    "AccountPage": RESULT,
    "ActionStatus": RESULT,
    "ActionType": "listed as Action",
    "ActionTypes": "listed as Action",
    "ActionUse": "listed as Approved action",
    "Backchannel": USE_CASE,
    "BackchannelClients": USE_CASE,
    "BegunRequest": RESULT,
    "AuthenticationChannel": USE_CASE,
    "ChannelRealms": USE_CASE,
    "ConsumedAction": RESULT,
    "Admin": "listed as Administrator",
    "Administration": USE_CASE,
    "AuditChain": USE_CASE,
    "AuditLog": USE_CASE,
    "AuditRenewal": RESULT,
    "AuditReport": RESULT,
    "AuditVerification": RESULT,
    "AuditVerifications": USE_CASE,
    "RequeuedCallbacks": RESULT,
    "Authentication": USE_CASE,
    "Bound": RESULT,
    "Events": USE_CASE,
    "FoundEvents": RESULT,
    "Gauges": USE_CASE,
    "CountersealError": "the root of all errors, never raised itself",
    "Issued": RESULT,
    "IssuedSecret": RESULT,
    "IssuedMailedLink": RESULT,
    "IssuedSession": RESULT,
    "LoginTest": RESULT,
    "LoginTestResult": RESULT,
    "LoginTests": USE_CASE,
    "Login": "listed as Log-in",
    "Logins": "listed as Log-in",
    "AdminLogins": USE_CASE,
    "AuthenticatedDevice": RESULT,
    "AuthenticatedSession": RESULT,
    "PasskeyStart": RESULT,
    "Redirect": RESULT,
    "Refused": "listed as Refusal",
    "HeadMemory": "a protocol; a remembered head is listed",
    "ProcessHeadMemory": "one of those",
    "Tampering": "a member of what AuditChain.verify returns",
    "SignedRequest": "an argument of a call, in the words of HTTP",
    "Submission": "an argument of a call, in the words of another protocol",
}
"""Public classes that are no term of their own."""

PUBLIC = sorted(
    {name for name in counterseal.__all__ if isinstance(getattr(counterseal, name), type)}
    | {kind.record_class.__name__ for kind in RecordKind}
)


def term_of(name):
    """`AppSpaces` is listed as *App Space*: words, and one of them."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return words if words.endswith("ss") else re.sub(r"ies$", "y", words).removesuffix("s")


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_class_is_listed_or_excepted(name):
    listed = term_of(name) in {term.lower() for term in TERMS} | {term_of(term) for term in TERMS}
    assert listed is not (name in EXCEPTIONS)


def test_every_exception_is_public_and_has_a_reason():
    assert set(EXCEPTIONS) <= set(PUBLIC)
    assert all(EXCEPTIONS.values())


def test_terms_are_sorted_and_listed_once():
    assert sorted(TERMS, key=lambda term: (term.replace("-", "").lower(), term)) == TERMS
    assert len(set(TERMS)) == len(TERMS)
    assert "Challenge" in TERMS
