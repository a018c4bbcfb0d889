"""The examples of the HTTP reference: every call has one, and every run tells the same."""

import pytest
from exchanges import pages
from exchanges.story import CALLS, play

from counterseal_web.problems import STATUS_BY_PUBLIC_CODE

BEYOND = {500, 503}
"""What no caller can bring about."""


@pytest.mark.parametrize("operation", CALLS, ids=lambda operation: operation.id)
def test_every_call_is_shown_done(operation):
    shown = pages.successes(operation)

    assert shown
    assert {each.status for each in shown} <= set(operation.gives)


def test_every_status_of_a_problem_is_shown():
    shown = {each.status for each in pages.story().exchanges if pages.failed(each)}

    assert shown == {int(status) for status in STATUS_BY_PUBLIC_CODE.values()} - BEYOND


def test_a_second_run_tells_the_same():
    assert play() == pages.story()


def test_a_page_holds_every_call_of_its_audience_once():
    for audience in {each.audience for each in CALLS}:
        text = pages.examples(audience)
        named = [line[3:] for line in text.splitlines() if line.startswith("## ")]
        assert named == [each.id for each in CALLS if each.audience is audience]
