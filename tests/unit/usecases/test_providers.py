"""An App Space's Identity Provider: set without a restart, its secret sealed and never shown."""

import attrs
import pytest

from counterseal.errors import InvalidField
from counterseal.models import ClientAuth

SECRET = "a-client-secret-of-nobody"


@pytest.fixture
def settings(service):
    return attrs.evolve(service.idp.settings(), client_auth=ClientAuth.BASIC)


@pytest.fixture
def space(service, settings):
    return service.administration.create_app_space(
        service.company.guid, "Staff", idp=settings, idp_secret=SECRET
    )


def opened(service, idp):
    return service.ports.sealer.open(idp.sealed_secret, idp.secret_context).decode()


def test_the_secret_is_sealed_for_client_and_issuer(service, space):
    assert opened(service, space.idp) == SECRET
    assert SECRET not in repr(attrs.asdict(space)) + repr(space)


def test_an_edit_keeps_the_secret_and_counts_at_once(service, space):
    wider = attrs.evolve(space.idp, scopes=("openid", "profile"))
    edited = service.administration.edit_app_space(space.guid, idp=wider)
    assert edited.idp.scopes == ("openid", "profile")
    assert opened(service, edited.idp) == SECRET
    assert service.stored(space.guid) == edited


def test_a_secret_may_be_replaced(service, space):
    edited = service.administration.edit_app_space(space.guid, idp=space.idp, idp_secret="another")
    assert opened(service, edited.idp) == "another"


def test_another_client_does_not_get_the_secret(service, space):
    other = attrs.evolve(space.idp, client_id="other")
    with pytest.raises(InvalidField) as caught:
        service.administration.edit_app_space(space.guid, idp=other)
    assert caught.value.field == "idp.clientSecret"
    edited = service.administration.edit_app_space(space.guid, idp=other, idp_secret="theirs")
    assert opened(service, edited.idp) == "theirs"


def test_a_public_client_keeps_no_secret(service, space):
    public = attrs.evolve(space.idp, client_auth=ClientAuth.NONE)
    assert service.administration.edit_app_space(space.guid, idp=public).idp.sealed_secret == b""
    with pytest.raises(InvalidField):
        service.administration.edit_app_space(space.guid, idp=public, idp_secret=SECRET)


def test_a_secret_is_needed_where_the_client_has_to_show_one(service, settings):
    for secret in (None, "", "x" * 8_193):
        with pytest.raises(InvalidField) as caught:
            service.administration.create_app_space(
                service.company.guid, "Staff", idp=settings, idp_secret=secret
            )
        assert caught.value.field == "idp.clientSecret"
