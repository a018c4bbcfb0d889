"""Documents: each with its name, size, type, hash and address, which the device compares."""

import pytest
from action_strategies import NOW

from counterseal.actions import STANDARD_ACTIONS
from counterseal.errors import InvalidField
from counterseal.models import Action, Attachment

LEASE = {
    "name": "Lease.pdf",
    "size": 1_048_213,
    "type": "application/pdf",
    "sha256": "tUSnaG0RhmgKnY8k_1QrANiuYNpN0mE6OPYpKoM3zDc",
    "url": "https://files.example.com/lease.pdf",
}
PLAN = LEASE | {"name": "Plan.svg", "size": 0, "type": "image/svg+xml"}


def rendered(*documents, **members):
    arguments = {"documents": list(documents)}
    return STANDARD_ACTIONS.render(
        Action(
            **{
                "type": "document",
                "resource": "Lease of 12 Example Street",
                "arguments": arguments,
                "valid_until": NOW,
                **members,
            }
        )
    )


def refused(*documents, **members):
    with pytest.raises(InvalidField) as caught:
        rendered(*documents, **members)
    return caught.value.field


def test_a_document_is_displayed_and_attached():
    rendering = rendered(LEASE)
    assert [(pair.key, pair.value) for pair in rendering.content.pairs] == [
        ("Subject", "Lease of 12 Example Street"),
        ("Document", "Lease.pdf"),
        ("Size", "1 048 213 bytes"),
        ("Type", "application/pdf"),
        ("SHA-256", "tUSnaG0RhmgKnY8k_1QrANiuYNpN0mE6OPYpKoM3zDc"),
        ("Address", "https://files.example.com/lease.pdf"),
        ("Valid until", "2026-11-29 17:00:00 UTC"),
    ]
    assert rendering.attachments == (
        Attachment(
            name="Lease.pdf",
            size=1_048_213,
            type="application/pdf",
            sha256="tUSnaG0RhmgKnY8k_1QrANiuYNpN0mE6OPYpKoM3zDc",
            url="https://files.example.com/lease.pdf",
        ),
    )


def test_two_documents_are_numbered_in_their_order():
    rendering = rendered(LEASE, PLAN, language="de")
    assert [pair.key for pair in rendering.content.pairs[:7]] == [
        "Betreff",
        "Dokument 1",
        "Größe 1",
        "Art 1",
        "SHA-256 1",
        "Adresse 1",
        "Dokument 2",
    ]
    assert [each.name for each in rendering.attachments] == ["Lease.pdf", "Plan.svg"]
    assert rendering != rendered(PLAN, LEASE, language="de")


@pytest.mark.parametrize("name", LEASE)
def test_every_member_of_a_document_is_needed(name):
    partial = {each: LEASE[each] for each in LEASE if each != name}
    assert refused(PLAN, partial) == f"action.arguments.documents[1].{name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("name", value) for value in ["", "x" * 256, "a/b", "a\\b", None, 7]],
        *[("size", value) for value in [-1, True, "7", None]],
        *[
            ("type", value)
            for value in [
                "pdf",
                "application/PDF",
                "text/plain; charset=utf-8",
                "text/",
                "a/b/c",
                f"text/{'x' * 123}",
                None,
            ]
        ],
        *[
            ("sha256", value)
            for value in [
                "",
                LEASE["sha256"][:-1],
                LEASE["sha256"] + "A",
                LEASE["sha256"][:-1] + "d",  # the same bytes, spelled otherwise
                LEASE["sha256"].replace("_", "/"),
                None,
            ]
        ],
        *[
            ("url", value)
            for value in [
                "http://a.example/",
                "data:,x",
                "https://a@b.example/",
                "https://a%62.example/",
                None,
            ]
        ],
        ("pages", 7),
    ],
)
def test_a_member_that_does_not_fit_is_refused_by_name(name, value):
    assert refused(LEASE | {name: value}) == f"action.arguments.documents[0].{name}"


def test_the_longest_that_fit():
    assert rendered(LEASE | {"name": "x" * 255, "type": f"text/{'x' * 122}"})


def test_one_to_eight_documents():
    eight = [LEASE | {"name": f"{number}.pdf"} for number in range(8)]
    assert len(rendered(*eight).content.pairs) <= 50 - 3
    field = "action.arguments.documents"
    assert refused(*eight, LEASE) == field
    assert refused() == field
    for arguments in ({}, {"documents": None}, {"documents": LEASE}):
        assert refused(arguments=arguments) == field
    assert refused(arguments={"documents": ["x"]}) == f"{field}[0]"
    other = {"documents": [LEASE], "note": ""}
    assert refused(arguments=other) == "action.arguments.note"


def test_two_documents_have_two_names():
    assert refused(LEASE, PLAN | {"name": "Lease.pdf"}) == "action.arguments.documents[1].name"
