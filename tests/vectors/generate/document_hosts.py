"""Hosts of documents: what an App Space lists, what is refused, and what an origin is warned of."""

from datetime import timedelta

import attrs
from actions import LEASE
from names import ISSUED_AT, ORIGIN, SPACE

from counterseal import STANDARD, challenges
from counterseal.actions import STANDARD_ACTIONS
from counterseal.challenges.documents.messages import read_warnings, write_warning
from counterseal.errors import InvalidField
from counterseal.models import Action, Question
from counterseal.models.document_hosts import document_host, is_document_origin
from counterseal.wire.members import Members

FILES, DOCS = "https://files.example.com", "https://docs.example.com:8443"
OTHER = "https://elsewhere.example/lease.pdf"

ADDRESSES = {
    "a host": f"{FILES}/lease.pdf",
    "another port": f"{DOCS}/lease.pdf",
    "the port of https": f"{FILES}:443/lease.pdf",
    "a port with zeros": f"{FILES}:00443/lease.pdf",
    "no port behind a colon": f"{FILES}:/lease.pdf",
    "capitals": "https://Files.Example.COM/lease.pdf",
    "a query at once": f"{FILES}?lease",
    "a fragment at once": f"{FILES}#lease",
    "the end of a name": "https://files.example.com./lease.pdf",
    "a name that is a part": "https://files.example.com.evil.example/lease.pdf",
    "a colon in the path": f"{FILES}/a:8443/b",
    "an IPv4 address": "https://192.0.2.7:8443/lease.pdf",
    "an IPv6 address": "https://[2001:db8::7]:8443/lease.pdf",
}
ORIGINS = {
    "a host": FILES,
    "with a port": DOCS,
    "one label": "https://files",
    "the last port": f"{FILES}:65535",
    "an IPv4 address": "https://192.0.2.7",
}
UNFIT = {
    "no https": "http://files.example.com",
    "no scheme": "files.example.com",
    "a slash": f"{FILES}/",
    "a path": f"{FILES}/leases",
    "capitals": "https://Files.example.com",
    "a user": "https://me@files.example.com",
    "a wildcard": "https://*.example.com",
    "no such port": f"{FILES}:65536",
    "the port 0": f"{FILES}:0",
    "a port of letters": f"{FILES}:https",
    "an IPv6 address": "https://[2001:db8::7]",
    "an empty label": "https://files..example.com",
    "a second line": f"{FILES}\n",
    "what ends the list of a policy": f"{FILES};",
    "two": f"{FILES} {DOCS}",
    "no host": "https://",
    "nothing": "",
}
QUESTIONS = {
    "a listed host": ([FILES], None, [LEASE["url"]]),
    "no list": ([], None, [OTHER]),
    "a host that is not listed": ([FILES, DOCS], None, [LEASE["url"], OTHER]),
    "another port than the listed one": ([FILES], None, [f"{FILES}:8443/lease.pdf"]),
    "the port of https, which needs no mention": ([FILES], [FILES], [f"{FILES}:443/lease.pdf"]),
    "the port of https in the list": ([f"{FILES}:443"], [f"{FILES}:443"], [LEASE["url"]]),
    "a host below the listed one": ([FILES], None, ["https://a.files.example.com/lease.pdf"]),
    "hosts that the app may fetch from": ([], [FILES, DOCS], [LEASE["url"], f"{DOCS}/lease.pdf"]),
    "a host that the app may not fetch from": ([], [FILES], [LEASE["url"], OTHER]),
    "two of them": ([], [DOCS], [OTHER, LEASE["url"]]),
    "an app that may fetch from nowhere": ([], [], [LEASE["url"]]),
    "a listed host that the app may not fetch from": ([FILES], [DOCS], [LEASE["url"]]),
}
REPLIES = {
    "no warnings": None,
    "none of them": [],
    "a document": [{"code": "document_host", "field": "f", "host": "files.example.com"}],
    "what a newer service warns of": [{"code": "new", "more": [1]}, {"code": "document_host"}],
}
UNREADABLE = {
    "not a list": {"code": "document_host"},
    "not an object": ["document_host"],
    "no code": [{"field": "f"}],
    "an empty code": [{"code": ""}],
    "a code that is no text": [{"code": 1}],
    "a field that is no text": [{"code": "c", "field": 1}],
    "a host that is no text": [{"code": "c", "host": {}}],
}


def displayed_documents(addresses):
    documents = [
        LEASE | {"name": f"{number}.pdf", "url": address}
        for number, address in enumerate(addresses, 1)
    ]
    action = Action(type="document", resource="Lease", arguments={"documents": documents})
    asked_action = challenges.AskedAction(
        question=Question(account_id="user-7", content=action),
        action=action,
        types=STANDARD_ACTIONS,
        client=ORIGIN.guid,
        now=ISSUED_AT,
        life=timedelta(minutes=2),
        policy=STANDARD,
    )
    return asked_action.display("en")


def question_vector(title, origins, app_origins, addresses):
    action = displayed_documents(addresses)
    vector = {
        "about": title,
        "documentHosts": origins,
        "appOrigins": app_origins,
        "urls": addresses,
    }
    try:
        challenges.documents_allowed(action, attrs.evolve(SPACE, document_hosts=tuple(origins)))
    except InvalidField as error:
        return vector | {"refused": {"code": error.public_code, "field": error.field}}
    warnings = () if app_origins is None else challenges.document_warnings(action, app_origins)
    return vector | {"warnings": [write_warning(each) for each in warnings]}


def reply_of(warnings):
    return {} if warnings is None else {"warnings": warnings}


def document_host_vectors():
    assert all(map(is_document_origin, ORIGINS.values()))
    assert not any(map(is_document_origin, UNFIT.values()))
    return {
        "about": "Hosts of documents: `origins` may be listed by an App Space, `unfit` may not;"
        " `addresses` have the `host` beside them; `asked` are refused, or lead to `warnings`;"
        " `replies` have the member `warnings`, and `unreadable` another one.",
        "origins": [{"about": title, "origin": origin} for title, origin in ORIGINS.items()],
        "unfit": [
            {"why": why, "origin": origin, "code": "invalid_field"} for why, origin in UNFIT.items()
        ],
        "addresses": [
            {"about": title, "url": url, "host": document_host(url)}
            for title, url in ADDRESSES.items()
        ],
        "asked": [question_vector(title, *vector) for title, vector in QUESTIONS.items()],
        "replies": [
            {
                "about": title,
                "reply": reply_of(warnings),
                "read": [
                    {"code": each.code, "field": each.field, "host": each.host}
                    for each in read_warnings(Members.of(reply_of(warnings)))
                ],
            }
            for title, warnings in REPLIES.items()
        ],
        "unreadable": [
            {"why": why, "reply": reply_of(warnings), "code": "invalid_field"}
            for why, warnings in UNREADABLE.items()
        ],
    }
