"""Digests: of JSON, for ever, since stored keys are found by them."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from counterseal_records import digest

TEXTS = st.text(st.characters())  # lone surrogates, too


@given(st.lists(TEXTS))
def test_it_is_the_hash_of_the_texts_as_json(parts):
    assert digest(*parts) == hashlib.sha256(json.dumps(parts).encode()).digest()
