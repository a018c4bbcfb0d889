"""Print the results of the demo for a person or for a program."""

from __future__ import annotations

import json
from typing import Any

from counterseal import jwks_document
from counterseal.wire.members import format_time
from counterseal_demo.approval_demo.story import Story
from counterseal_server import display, receipts
from counterseal_server.screen import Screen


def show(screen: Screen, story: Story, *, saved: bool) -> None:
    """
    Print *story* for a person.

    Args:
        screen: The screen.
        story: The results.
        saved: Whether the receipt was written to a file.
    """
    _show_setting(screen, story)
    screen.heading("2. What the person sees")
    display.show_challenge(screen, story.exchange.document)
    if story.exchange.code is not None:
        screen.facts([("On the shop's own page", f"matching code {story.exchange.code}")])
    _show_answer(screen, story)
    _show_callback(screen, story)
    screen.heading("5. The receipt")
    receipt = story.receipt
    screen.facts(
        [
            ("Number", f"{receipt.number} of this account"),
            ("Issuer", f"{receipts.standing(receipt)}, against the key that the device pinned"),
            ("  thumbprint", receipt.issuer.thumbprint),
            ("Hash", receipt.hash),
        ]
    )
    where = (
        "it is receipt.txt in the folder of --save, and counterseal verify checks it with"
        " jwks.json there."
        if saved
        else "--save DIR writes it to a file, and --json prints it."
    )
    screen.say(f"Its text has {len(story.token)} characters: {where}", "dim")
    _show_forgeries(screen, story)


def document(story: Story) -> dict[str, Any]:
    """Return *story* as one JSON object."""
    return {
        "display": story.exchange.document,
        "answer": story.answer,
        "keys": jwks_document(key.key for key in story.service.binding.keys),
        "receipt": story.token,
        "jwks": _service_keys(story),
        "refusals": [
            {"attempt": attempt.forgery.name, "code": attempt.code} for attempt in story.attempts
        ],
    }


def keepsakes(story: Story) -> dict[str, str]:
    """Return the files for `counterseal verify`, by name."""
    return {
        "receipt.txt": f"{story.token}\n",
        "jwks.json": f"{json.dumps(_service_keys(story), indent=2)}\n",
    }


def _show_setting(screen: Screen, story: Story) -> None:
    service = story.service
    screen.heading("1. A company, its app, and a bound device")
    screen.facts(
        [
            ("Company", service.company.name),
            ("App Space", service.party.app_space.name),
            ("Origin", service.party.origin.name),
            ("Account", service.account_id),
            ("Device", f"{service.binding.name}, {service.binding.guid}"),
            *(
                (f"  {key.role.value} key", f"{key.key.alg} {key.key.thumbprint}")
                for key in service.binding.keys
            ),
        ]
    )


def _show_answer(screen: Screen, story: Story) -> None:
    receipt = story.receipt
    screen.heading("3. The answer, which signs all of that, verified")
    screen.facts(
        [
            ("Pressed", display.button_line(receipt.display, story.button)),
            ("Signed by", f"{receipt.role.value} key, {receipt.key.alg}"),
            ("Outcome", story.ended.state.value),
            ("Approved", "yes" if story.ended.approved else "no"),
            ("Accepted", format_time(receipt.at)),
        ]
    )


def _show_callback(screen: Screen, story: Story) -> None:
    screen.heading("4. The callback")
    if story.callback is None or story.delivery is None:
        screen.say("The challenge has none.")
        return
    screen.facts(
        [
            ("To", story.delivery.url),
            ("Signed", "yes (Standard Webhooks)"),
            ("Outcome", f"{story.callback.state.value}, attempt {story.callback.attempts}"),
        ]
    )
    screen.say("It went to a collector inside this process: the demo has no network.", "dim")


def _show_forgeries(screen: Screen, story: Story) -> None:
    screen.heading("6. Ten forgeries, each of a new challenge")
    for number, attempt in enumerate(story.attempts, start=1):
        verdict = "ACCEPTED" if attempt.code is None else f"refused: {attempt.code}"
        style = "bold red" if attempt.fault else ""
        screen.say(f"{number:2}. {attempt.forgery.name} - {verdict}", style)
        screen.facts([("   ", attempt.forgery.description)])
    key = sum(attempt.fault is None for attempt in story.attempts)
    screen.say(f"{key} of {len(story.attempts)} forgeries were refused as expected.", "bold")


def _service_keys(story: Story) -> dict[str, Any]:
    return jwks_document(story.service.ports.signer.jwks())
