"""How long tests in a browser wait."""

import time

import pytest

PATIENCE = 240
"""Seconds, for a machine on which nothing starts soon."""


def wait_until(page, has_happened, problem):
    """Wait for what *page* reports by events; fail with *problem* after `PATIENCE` seconds."""
    end = time.monotonic() + PATIENCE
    while not has_happened():
        if time.monotonic() > end:
            pytest.fail(problem)
        page.wait_for_timeout(10)


def look_at(page):
    """Tell *page* what a browser tells it when the person comes back to it: it asks at once."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
