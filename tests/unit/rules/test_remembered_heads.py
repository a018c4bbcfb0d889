"""The stored head is the remembered one or a newer one, and a line of a log says which it was."""

import base64
import hashlib

import pytest

from counterseal.errors import AuditHeadMissing, AuditHeadOlder, AuditHeadOther, InvalidField
from counterseal.models import RememberedHead, SignedHead
from counterseal.rules.remembered_heads import StoredHead, compare_heads
from counterseal.wire.audit_head import HEAD_LINE_LIMIT, head_line, read_head_line, recognized_by

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
