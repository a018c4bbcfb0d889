"""The stored head is the remembered one or a newer one, and a line of a log says which it was."""

import base64
import hashlib
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from counterseal.audit.documents import (
    HEAD_LINE_LIMIT,
    HEAD_TYP,
    NUMBER_LIMIT,
    AuditHeads,
    head_claims,
    head_line,
    read_head_line,
    read_unverified_head,
    recognized_by,
)
from counterseal.audit.rules import (
    StoredHead,
    compare_heads,
    require_number,
    require_order,
)
from counterseal.errors import (
    AuditHeadMissing,
    AuditHeadOlder,
    AuditHeadOther,
    InvalidField,
    MalformedToken,
)
from counterseal.keys import sign_with
from counterseal.models import RememberedHead, SignedHead
from counterseal_testing import FakeService

DIGEST = base64.urlsafe_b64encode(hashlib.sha256(b"token").digest()).decode().rstrip("=")
REMEMBERED = RememberedHead(number=17, digest=DIGEST)


def head(number, text="token"):
    return SignedHead(number=number, token=text)


def test_what_is_remembered_is_the_number_and_the_digest():
    assert recognized_by(head(17)) == REMEMBERED


@pytest.mark.parametrize(
    ("remembered", "stored", "outcome"),
    [
        (None, None, StoredHead.FIRST),
        (None, head(3), StoredHead.FIRST),
        (REMEMBERED, head(17), StoredHead.UNCHANGED),
        (REMEMBERED, head(18, "another"), StoredHead.NEWER),
        (REMEMBERED, head(18), StoredHead.NEWER),
        (REMEMBERED, head(17, "another"), AuditHeadOther),
        (REMEMBERED, head(17, ""), AuditHeadOther),
        (REMEMBERED, head(16), AuditHeadOlder),
        (REMEMBERED, head(1, "another"), AuditHeadOlder),
        (REMEMBERED, None, AuditHeadMissing),
    ],
)
def test_the_stored_head_is_compared(remembered, stored, outcome):
    if isinstance(outcome, StoredHead):
        assert compare_heads(remembered, stored) is outcome
    else:
        with pytest.raises(outcome):
            compare_heads(remembered, stored)


@pytest.mark.parametrize(
    "text",
    [
        f"audit head 17, sha-256 {DIGEST}",
        f"2030-01-31 09:00:00 info audit head 17, sha-256 {DIGEST}\n",
        f'{{"level": "info", "message": "audit head 17, sha-256 {DIGEST}", "name": "x"}}',
    ],
)
def test_a_line_is_read_wherever_it_stands(text):
    assert read_head_line(text) == REMEMBERED
    assert head_line(REMEMBERED) in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "head.json",
        "audit head 17",
        f"audit head 0, sha-256 {DIGEST}",
        f"audit head -1, sha-256 {DIGEST}",
        f"audit head {'9' * 19}, sha-256 {DIGEST}",
        f"audit head 17, sha-256 {DIGEST[:-1]}",
        f"audit head 17, sha-256 {DIGEST}A",
        f"audit head 17, sha-256 {DIGEST} audit head 18, sha-256 {DIGEST}",
        f"audit head 17, sha-256 {DIGEST}".ljust(HEAD_LINE_LIMIT + 1),
    ],
)
def test_what_is_no_line_is_refused(text):
    with pytest.raises(InvalidField, match=r"head"):
        read_head_line(text)


NOW = datetime(2030, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(milliseconds=1)


def heads(number, renewed_at=None):
    return AuditHeads(at=NOW, heads={}, number=number, renewed_at=renewed_at)


@pytest.mark.parametrize(
    ("stored", "signed", "fits"),
    [
        (17, 17, True),
        (17, None, True),
        (18, 17, False),
        (NUMBER_LIMIT - 1, None, True),
        (NUMBER_LIMIT, None, False),
        (NUMBER_LIMIT, NUMBER_LIMIT, False),
    ],
)
def test_a_head_has_the_number_that_was_signed(stored, signed, fits):
    with nullcontext() if fits else pytest.raises(AuditHeadOther):
        require_number(head(stored), heads(signed))


@pytest.mark.parametrize(
    ("remembered", "stored", "fits"),
    [
        (heads(1), heads(2), True),
        (heads(None), heads(None), True),
        (heads(None), heads(2), True),
        (heads(1), heads(None), False),
        (heads(1), heads(2, NOW), True),
        (heads(1, NOW), heads(2, NOW), True),
        (heads(1, NOW), heads(2, LATER), True),
        (heads(1, LATER), heads(2, NOW), False),
        (heads(1, NOW), heads(2), False),
    ],
)
def test_a_newer_head_is_not_from_before_a_renewal_or_an_upgrade(remembered, stored, fits):
    with nullcontext() if fits else pytest.raises(AuditHeadOlder):
        require_order(remembered, stored)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": -1},
        {"number": True},
        {"number": "1"},
        {"number": NUMBER_LIMIT + 1},
        {"renewedAt": "2030-01-01"},
        {"renewedAt": 1},
        {"another": 1},
    ],
)
def test_claims_that_do_not_fit_are_refused(changes):
    signer = FakeService().ports.signer
    issuer = signer.jwks()[0]
    for claims in ({}, changes):
        token = sign_with(
            partial(signer.sign, issuer.kid),
            issuer,
            typ=HEAD_TYP,
            claims=head_claims((), NOW, 17, LATER) | claims,
        )
        with nullcontext() if not claims else pytest.raises(MalformedToken):
            assert read_unverified_head(token) == heads(17, LATER)
