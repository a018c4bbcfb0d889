"""Brands: an App Space has a colour and a logo, which anybody may read, and may refuse HTML."""

import attrs
import pytest

from counterseal import Logos
from counterseal.bindings.documents.device import Peeked
from counterseal.errors import HtmlRefused, InvalidField, NotFound
from counterseal.keys import digest
from counterseal.models import HtmlContent, HtmlUse, Logo, Question, TextContent
from counterseal.models.guid import mint
from counterseal.policy import STANDARD
from counterseal.tenancy.records import logo_guid
from counterseal.wire.members import write_record
from counterseal_testing.pictures import build_png

PNG, OTHER = build_png("#F0B700"), build_png("#226688")
NOBODY = mint(0, bytes(15))


@pytest.fixture
def edit(service):
    """Edit the App Space of the service."""
    guid = service.app_space.guid
    return lambda **members: service.administration.edit_app_space(guid, **members)


def read(service, app_space, picture):
    return Logos(service.ports, service.policy).read(app_space, digest(picture))


def test_a_logo_is_stored_read_replaced_and_removed(service, edit):
    guid = service.app_space.guid
    assert edit().logo_digest is None
    assert edit(logo=b"").logo_digest is None
    assert service.store.get(logo_guid(guid)) == (None,)

    assert edit(logo=PNG).logo_digest == digest(PNG)
    assert read(service, guid, PNG) == PNG
    version = service.stored(logo_guid(guid)).version
    assert edit(logo=PNG, name="Renamed").logo_digest == digest(PNG)
    assert service.stored(logo_guid(guid)).version == version

    assert edit(logo=OTHER).logo_digest == digest(OTHER)
    assert read(service, guid, OTHER) == OTHER
    assert edit(name="Other").logo_digest == digest(OTHER)

    assert edit(logo=b"").logo_digest is None
    assert service.stored(logo_guid(guid)).png == b""
    assert edit(logo=PNG).logo_digest == digest(PNG)
    assert read(service, guid, PNG) == PNG


def test_an_app_space_is_created_with_its_logo(service):
    company = service.company.guid
    space = service.administration.create_app_space(
        company, "Bank", logo=PNG, brand_color="#1a2B3c", html=HtmlUse.REFUSE
    )
    assert (space.logo_digest, space.brand_color) == (digest(PNG), "#1a2B3c")
    assert space.html is HtmlUse.REFUSE
    assert read(service, space.guid, PNG) == PNG
    bare = service.administration.create_app_space(company, "Bare", logo=b"")
    assert (bare.logo_digest, bare.html) == (None, HtmlUse.SHOW)
    assert service.store.get(logo_guid(bare.guid)) == (None,)


@pytest.mark.parametrize("when", ["before", "replaced", "removed"])
def test_a_logo_that_is_another_one_is_not_found(service, edit, when):
    guid = service.app_space.guid
    if when != "before":
        edit(logo=PNG)
        edit(logo=OTHER if when == "replaced" else b"")
    for app_space, picture in ((guid, PNG), (guid, b""), (NOBODY, PNG)):
        with pytest.raises(NotFound):
            read(service, app_space, picture)
        event = service.events[-1]
        assert (event.event, event.reason, event.actor) == ("logo.read", "not_found", "stranger")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"logo": b"<svg/>"}, "brandInfo.logo"),
        ({"logo": PNG + b"x"}, "brandInfo.logo"),
        *(
            ({"brand_color": color}, "brandInfo.color")
            for color in ("red", "#fff", "#F0B7000", "F0B700", "#F0B70G", " #F0B700", "#F0B700\n")
        ),
    ],
)
def test_what_is_no_logo_or_colour_is_refused_by_name(service, edit, members, field):
    before = service.records()
    create = service.administration.create_app_space
    for call in (lambda: edit(**members), lambda: create(service.company.guid, "Bank", **members)):
        with pytest.raises(InvalidField) as caught:
            call()
        assert caught.value.field == field
    assert service.records() == before


def test_a_device_learns_colour_and_logo_before_it_binds(service, edit):
    token = service.invitations.invite(service.origin, "zoe").token
    bare = write_record(Peeked.of(service.enrolments.peek(token), STANDARD))
    assert not {"appSpaceColor", "appSpaceLogo"} & bare.keys()

    edit(logo=PNG, brand_color="#F0B700", brand_url="https://bank.example/logo.png")
    branded = write_record(Peeked.of(service.enrolments.peek(token), STANDARD))
    assert branded == bare | {"appSpaceColor": "#F0B700", "appSpaceLogo": digest(PNG)}


def test_an_app_space_refuses_html_by_name_and_takes_text(service, edit):
    invitation = service.invitations.invite(service.origin, "alice")
    service.complete(invitation, service.phone())
    question = Question(account_id="alice", content=HtmlContent(html="<html><p>Pay?</p></html>"))
    plain = attrs.evolve(question, content=TextContent(text="<b>Pay?</b>"))

    def ask(each):
        party = service.administration.relying_party(service.origin.origin.guid)
        return service.challenges.issue(party, each)

    ask(question)
    edit(html=HtmlUse.REFUSE)
    before = service.records()
    with pytest.raises(HtmlRefused) as caught:
        ask(question)
    assert (caught.value.field, caught.value.public_code) == ("content", "invalid_field")
    assert service.records() == before
    assert service.last_event() == ("challenge.issue", "html_refused")
    ask(plain)
    edit(html=HtmlUse.SHOW)
    ask(question)


def test_a_logo_is_no_part_of_the_record_that_every_call_reads(service, edit):
    edit(logo=PNG)
    assert PNG not in attrs.asdict(service.stored(service.app_space.guid)).values()
    assert isinstance(service.stored(logo_guid(service.app_space.guid)), Logo)
