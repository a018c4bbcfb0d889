from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models.guid import mint
from counterseal_testing import APP_RETURN, FakeIdentityProvider, FakeService, ScriptedEntropy

COMPANY = mint(0, bytes(15))
STATE, NONCE, VERIFIER = "the state", "the nonce", "the verifier"


@pytest.fixture
def idp():
    providers = FakeIdentityProvider(ScriptedEntropy())
    providers.admit("lena")
    return providers


def begun(idp):
    return idp.authorization_url(
        idp.settings(), state=STATE, nonce=NONCE, verifier=VERIFIER, company=COMPANY
    )


def exchanged(idp, issued, **changed):
    parameters = {
        "code": issued,
        "nonce": NONCE,
        "verifier": VERIFIER,
        "issuer": None,
        "company": COMPANY,
    }
    parameters |= changed
    return idp.exchange(idp.settings(), **parameters)


def test_the_address_holds_the_challenge_and_not_the_verifier(idp):
    query = parse_qs(urlsplit(begun(idp)).query)

    assert query["state"] == [STATE]
    assert query["nonce"] == [NONCE]
    assert query["code_challenge_method"] == ["S256"]
    assert query["code_challenge"] == ["1feKYP2squaeWAiJic4eC-LS4zxucSgWGrt51hG2aRA"]
    assert VERIFIER not in str(query.values())


def test_a_log_in_ends_with_the_identity(idp):
    back = idp.log_in(begun(idp), "lena")
    identity = exchanged(idp, back.code, issuer=back.issuer)

    assert (back.state, back.issuer) == (STATE, idp.issuer)
    assert (identity.issuer, identity.subject) == (idp.issuer, "lena")


def test_a_code_serves_once(idp):
    code = idp.log_in(begun(idp), "lena").code
    exchanged(idp, code)

    with pytest.raises(IdentityWithdrawn):
        exchanged(idp, code)


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another"},
        {"verifier": "another"},
        {"issuer": "https://evil.example"},
        {"code": "another"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_does_not_fit_is_refused_and_spends_the_code(idp, changed):
    code = idp.log_in(begun(idp), "lena").code

    with pytest.raises(IdentityWithdrawn):
        exchanged(idp, code, **changed)
    if "code" not in changed:
        with pytest.raises(IdentityWithdrawn):
            exchanged(idp, code)


def test_another_clients_code_is_refused(idp):
    code = idp.log_in(begun(idp), "lena").code

    with pytest.raises(IdentityWithdrawn):
        idp.exchange(
            idp.settings("another"),
            code=code,
            nonce=NONCE,
            verifier=VERIFIER,
            issuer=None,
            company=COMPANY,
        )


def test_nobody_else_can_log_in(idp):
    with pytest.raises(IdentityWithdrawn):
        idp.log_in(begun(idp), "mallory")


def test_only_the_code_flow_with_pkce_is_known(idp):
    with pytest.raises(ValueError, match="PKCE"):
        idp.log_in(f"{idp.issuer}/authorize?response_type=code&state=x", "lena")


def test_a_withdrawn_user_cannot_log_in_or_finish(idp):
    code = idp.log_in(begun(idp), "lena").code
    idp.withdraw("lena")

    with pytest.raises(IdentityWithdrawn):
        exchanged(idp, code)
    with pytest.raises(IdentityWithdrawn):
        idp.log_in(begun(idp), "lena")


def test_confirms_until_it_does_not(idp):
    identity = exchanged(idp, idp.log_in(begun(idp), "lena").code)
    renewed = idp.revalidate(idp.settings(), identity, company=COMPANY)
    idp.withdraw("lena")

    assert (renewed.subject, renewed.grant != identity.grant) == ("lena", True)
    with pytest.raises(IdentityWithdrawn):
        idp.revalidate(idp.settings(), renewed, company=COMPANY)
    idp.admit("lena")
    assert idp.revalidate(idp.settings(), renewed, company=COMPANY).subject == "lena"


def test_confirms_by_grants_of_its_own_only(idp):
    identity = exchanged(idp, idp.log_in(begun(idp), "lena").code)

    for other in (
        attrs.evolve(identity, grant=b"another"),
        attrs.evolve(identity, subject="mallory"),
        attrs.evolve(identity, issuer="https://evil.example"),
    ):
        with pytest.raises(IdentityWithdrawn):
            idp.revalidate(idp.settings(), other, company=COMPANY)


def test_does_not_answer_while_it_is_down(idp):
    identity = exchanged(idp, idp.log_in(begun(idp), "lena").code)
    idp.down = True

    with pytest.raises(IdentityUnavailable):
        begun(idp)
    with pytest.raises(IdentityUnavailable):
        exchanged(idp, "any")
    with pytest.raises(IdentityUnavailable):
        idp.revalidate(idp.settings(), identity, company=COMPANY)


def test_a_code_of_another_log_in_is_refused_by_the_core():
    world = FakeService()
    space = world.new_app_space("With log-ins", idp=world.idp.settings())
    for subject in ("lena", "mallory"):
        world.idp.admit(subject)
    theirs = world.idp.log_in(world.logins.redirect(space.guid, APP_RETURN).url, "lena")
    mine = world.logins.redirect(space.guid, APP_RETURN)
    own = world.idp.log_in(mine.url, "mallory")

    with pytest.raises(IdentityWithdrawn):
        world.logins.authenticate(own.state, theirs.code, mine.app_secret)
