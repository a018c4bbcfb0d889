"""No two secrets are sealed for one context."""

from hypothesis import given
from hypothesis import strategies as st

from counterseal.models import sealing

OF_ONE = [
    sealing.bearer_context,
    sealing.code_context,
    sealing.credential_context,
    sealing.discovery_context,
    sealing.grant_context,
    sealing.login_context,
    sealing.backchannel_context,
    sealing.portal_context,
    sealing.signing_key_context,
    sealing.token_context,
    sealing.webhook_context,
]


@given(one=st.text(), other=st.text())
def test_two_contexts_are_one_only_for_one_purpose_and_name(one, other):
    contexts = [
        (function.__name__, name, function(name)) for function in OF_ONE for name in {one, other}
    ]

    assert len({context for _, _, context in contexts}) == len(contexts)


@given(name=st.text(), issuer=st.text(), client=st.text())
def test_a_providers_context_is_nobody_elses(name, issuer, client):
    assert sealing.provider_context(issuer, client) not in {function(name) for function in OF_ONE}


def test_a_client_secret_is_sealed_for_its_issuer():
    first = sealing.provider_context("https://one.example", "app")

    assert first != sealing.provider_context("https://two.example", "app")


def test_every_function_is_in_this_test():
    functions = {name for name in vars(sealing) if name.endswith("_context")}

    assert functions == {function.__name__ for function in OF_ONE} | {"provider_context"}
