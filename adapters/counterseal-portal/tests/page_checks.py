"""What axe says of a page, and the browsers in which pages are looked at."""

import os

PATIENCE = 240_000
"""Milliseconds, for a machine on which nothing is soon."""

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
VIEWS = {"phone-light": {"viewport": PHONE}}
if "BROWSER_FULL" in os.environ:
    VIEWS |= {
        "desk-dark": {"viewport": DESK, "color_scheme": "dark"},
        "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
        "desk-light": {"viewport": DESK},
    }

RUN = """() => axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
})"""


def axe_violations(page, axe):
    """Return the elements that break a rule of axe, by rule; *axe* is its text."""
    page.evaluate(axe)
    result = page.evaluate(RUN)
    assert len(result["passes"]) > 10
    return {each["id"]: [node["html"] for node in each["nodes"]] for each in result["violations"]}
