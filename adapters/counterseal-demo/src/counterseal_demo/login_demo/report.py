"""Print the results of the log-in demo for a person or for a program."""

from __future__ import annotations

import json
from typing import Any

from counterseal import jwks_document
from counterseal_demo.login_demo.story import Story, Suspension
from counterseal_server import display, receipts
from counterseal_server.screen import Screen


def show(screen: Screen, story: Story) -> None:
    """Print *story* for a person."""
    _show_log_in(screen, story)
    screen.heading("5. What the person sees")
    display.show_challenge(screen, story.display)
    receipt = story.receipt
    signed, body = story.callback
    screen.heading("6. The answer, and the callback")
    screen.facts(
        [
            ("Pressed", display.button_line(receipt.display, 0)),
            ("Signed by", f"{receipt.role.value} key, {receipt.key.alg}"),
            ("The provider", f"still knows the user: it was asked {story.provider_requests} times"),
            ("Receipt", f"{receipts.standing(receipt)}, hash {receipt.hash}"),
            ("Callback", f"to the shop's own port, {'signed' if signed else 'NOT SIGNED'}"),
            ("  of", body["guid"]),
        ]
    )
    screen.heading("7. The provider changes its keys")
    screen.facts([("A log-in after that", "goes on" if story.rotated else "FAILS")])
    _show_suspension(screen, "8. The person is disabled at the provider", story.disabled)
    _show_suspension(screen, "9. The person logs out at the provider", story.logged_out)
    _show_attacks(screen, story)


def document(story: Story) -> dict[str, Any]:
    """Return *story* as one JSON object."""
    return {
        "identity": {
            "issuer": story.account.issuer,
            "subject": story.account.subject,
            "accountId": story.account.account_id,
        },
        "display": story.display,
        "receipt": story.token,
        "jwks": _service_keys(story),
        "callback": story.callback[1],
        "keysChanged": story.rotated,
        "disabled": _suspension_document(story.disabled),
        "loggedOut": _suspension_document(story.logged_out),
        "refusals": [
            {"attempt": one.attack.name, "public_code": one.public_code, "code": one.code}
            for one in story.attempts
        ],
    }


def keepsakes(story: Story) -> dict[str, str]:
    """Return the files for `counterseal verify`, by name."""
    return {
        "receipt.txt": f"{story.token}\n",
        "jwks.json": f"{json.dumps(_service_keys(story), indent=2)}\n",
    }


def _show_log_in(screen: Screen, story: Story) -> None:
    world, parameters = story.world, story.begun.authorization_parameters
    screen.heading("1. A company, its app, and the Identity Provider")
    screen.facts(
        [
            ("Company", world.company.name),
            ("App Space", world.app_space.name),
            ("Origin", world.origin.name),
            ("Service", world.url),
            ("Identity Provider", f"{world.provider.url}, npm's oidc-provider"),
        ]
    )
    screen.heading("2. The app begins a log-in, and the person logs in at the provider")
    screen.facts(
        [
            ("Address", story.begun.url.partition("?")[0]),
            ("  state, nonce", "a secret each, for this log-in only"),
            ("  PKCE", f"{parameters['code_challenge_method']} {parameters['code_challenge']}"),
            ("Secret", "only the app gets it; the service stores its hash"),
            ("Logged in", story.person.subject),
            (
                "Back",
                f"over {world.come_back} to the app, with {', '.join(sorted(story.response))}",
            ),
        ]
    )
    screen.heading("3. The app finishes the log-in, and the service knows the user")
    screen.facts(
        [
            ("Issuer", str(story.account.issuer)),
            ("Subject", story.account.subject),
            ("Account", f"{story.account.account_id}, by the claim employee_id"),
        ]
    )
    binding = story.person.device.bond
    screen.heading("4. The device is bound")
    screen.facts([("Device", "" if binding is None else binding.device)])


def _show_suspension(screen: Screen, heading: str, time: Suspension) -> None:
    screen.heading(heading)
    screen.facts(
        [
            ("Its answer", f"refused: {time.word}" if time.word else "ACCEPTED"),
            ("The shop sees", ", ".join(time.devices)),
            ("After a log-in", "it answers" if time.approved else "IT DOES NOT ANSWER"),
        ]
    )


def _show_attacks(screen: Screen, story: Story) -> None:
    screen.heading("10. Ten attacks")
    for number, one in enumerate(story.attempts, start=1):
        verdict = (
            f"refused: {one.code}, reply {one.public_code}" if one.public_code else "SUCCEEDED"
        )
        screen.say(f"{number:2}. {one.attack.name} - {verdict}", "bold red" if one.fault else "")
        screen.facts([("   ", one.attack.description)])
    refused_count = sum(one.fault is None for one in story.attempts)
    screen.say(
        f"{refused_count} of {len(story.attempts)} attacks were refused as expected.", "bold"
    )


def _suspension_document(time: Suspension) -> dict[str, Any]:
    return {"refused": time.word, "devices": list(time.devices), "answersAgain": time.approved}


def _service_keys(story: Story) -> dict[str, Any]:
    return jwks_document(story.world.ports.signer.jwks())
