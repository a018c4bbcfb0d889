"""Wrong PINs: the last one revokes the device, which the app says before and after."""

import re
from datetime import timedelta

import pytest

from counterseal.models import BindingState, ChallengeState

WRONG = "281937"
LAST = "Wrong PIN. One more wrong PIN removes this device."


def press_wrong_pins(device, button):
    """Give wrong PINs until one is left; return how many attempts were left before."""
    problem = device.page.locator("#pin-problem")
    remaining = []
    device.press(button, pin=None)
    while LAST not in remaining:
        device.give_pin(WRONG)
        problem.filter(has_not_text=remaining[-1] if remaining else "never").filter(
            has_text="Wrong PIN."
        ).wait_for()
        remaining.append(problem.inner_text())
    return remaining


@pytest.fixture
def bound(device, origin):
    device.bind(origin.link("user-wrong-pins"))
    return device


def test_the_last_wrong_pin_has_a_view_of_its_own(bound, origin):
    page = bound.page
    pending = origin.client.ask("user-wrong-pins", "Log in?", duration=timedelta(minutes=5))
    bound.open_request()
    remaining = press_wrong_pins(bound, "Approve")
    assert remaining[0].startswith("Wrong PIN. Attempts left: ")
    bound.give_pin(WRONG)
    bound.wait_for_heading("Too many wrong PINs")
    view = page.locator("main").inner_text().replace("\u2068", "").replace("\u2069", "")
    assert "This device can no longer answer. Ask Harbour Bank for a new link." in view
    assert "Attempts left" not in view
    identity = re.sub("[\u2068\u2069\n]+", "\n", page.locator("main > .identity").inner_text())
    assert identity.splitlines()[:3] == ["Harbour Bank", "Not verified", "Company: Example"]
    assert page.locator(".answer, dialog, .countdown").count() == 0
    (revoked,) = origin.client.devices("user-wrong-pins")
    assert revoked.state is BindingState.REVOKED
    assert origin.client.status(pending).state is not ChallengeState.ANSWERED
    page.get_by_role("button", name="Remove this account").click()
    bound.wait_for_heading("Add your first account")
