"""Push addresses of any text are parsed or refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from push_loopback import b64

from counterseal.errors import InvalidField
from counterseal_webpush import read_subscription

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text() | st.sampled_from(["endpoint", "keys", "p256dh", "auth"]), inner
        )
    ),
    max_leaves=20,
)


@given(point=st.binary(min_size=65, max_size=65), auth=st.binary(min_size=16, max_size=16))
def test_a_subscription_is_parsed(point, auth):
    keys = {"p256dh": b64(point), "auth": b64(auth)}
    subscription = read_subscription(
        json.dumps({"endpoint": "https://push.example/1", "keys": keys})
    )
    assert (subscription.endpoint, subscription.point, subscription.auth) == (
        "https://push.example/1",
        point,
        auth,
    )
    assert "push.example" not in repr(subscription)


@given(st.text() | JSON.map(json.dumps))
def test_any_other_text_is_refused(text):
    with pytest.raises(InvalidField):
        read_subscription(text)
