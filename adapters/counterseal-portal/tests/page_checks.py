"""What axe says of a page."""

RUN = """() => axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
})"""


def axe_violations(page, axe):
    """Return the elements that break a rule of axe, by rule; *axe* is its text."""
    page.evaluate(axe)
    result = page.evaluate(RUN)
    assert len(result["passes"]) > 10
    return {each["id"]: [node["html"] for node in each["nodes"]] for each in result["violations"]}
