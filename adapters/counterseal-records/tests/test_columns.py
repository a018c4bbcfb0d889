"""
Digests: of JSON, for ever, since stored keys are found by them; and fingerprints of commits.
"""

import hashlib
import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from counterseal.models import Change
from counterseal_records import digest, fingerprint, write_bytes
from counterseal_testing import START
from counterseal_testing.contracts.record_factory import RecordFactory

TEXTS = st.text(st.characters())  # lone surrogates, too


@given(st.lists(TEXTS))
def test_it_is_the_hash_of_the_texts_as_json(parts):
    assert digest(*parts) == hashlib.sha256(json.dumps(parts).encode()).digest()


def test_another_commit_of_one_operation_has_another_fingerprint():
    factory = RecordFactory()
    old = factory.account("zoe")
    new = evolve(old, version=2, locked_at=START)
    older = evolve(old, version=7)
    other = factory.account("adam")

    def of(*changes, operation="once"):
        bodies = [
            None if change.new is change.old else write_bytes(change.new) for change in changes
        ]
        return fingerprint(changes, bodies, digest(operation))

    commits = [
        (Change(old, new),),
        (Change(older, new),),
        (Change(None, new),),
        (Change(new, new),),
        (Change(old, evolve(new, locked_at=None)),),
        (Change(old, new), Change(other, other)),
        (Change(other, other), Change(old, new)),
    ]
    fingerprints = [of(*changes) for changes in commits]

    assert len(set(fingerprints)) == len(commits)
    assert [of(*changes) for changes in commits] == fingerprints
    assert of(*commits[0], operation="twice") not in fingerprints


@pytest.mark.parametrize("length", ["", "1 "])
def test_a_body_that_looks_like_two_has_another_fingerprint(length):
    """However much of what stands before a body its writer repeats in it."""
    factory = RecordFactory()
    first, second = (Change(None, factory.account(name)) for name in ("zoe", "adam"))
    forged = f"a{second.new.guid} 0 {length}{length}b"
    operation = digest("once")

    separate = fingerprint((first, second), ("a", "b"), operation)
    assert fingerprint((first,), (forged,), operation) != separate
