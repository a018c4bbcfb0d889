"""PromQL: which series an expression names, and whether a service prints them."""

import itertools
import json
import re
import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

PATIENCE = 240

SCRAPED = {"job": "counterseal", "instance": "127.0.0.1:8787"}
"""The labels that Prometheus adds to each series."""

TOKEN = re.compile(
    r"""\s+|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>[0-9][0-9.]*(?:ms|[smhdwy])?)"""
    r"""|(?P<name>[A-Za-z_:][\w:]*)|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^(){}\[\],:=<>])"""
)
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
"""Words whose parentheses have names of labels."""
WORDS = {"and", "or", "unless", "bool", "offset"}
CALLED = {"(", "by", "without"}
"""What follows the name of a function or an aggregation."""


def tokens(expression):
    at, pieces = 0, []
    while at < len(expression):
        match = TOKEN.match(expression, at)
        assert match, f"not PromQL: {expression[at:]}"
        at = match.end()
        if match.lastgroup:
            pieces.append((match.lastgroup, match[match.lastgroup]))
    return pieces


def selectors(expression):
    """Return the series that *expression* selects, as names and matchers: (label, sign, text)."""
    selections, queue = [], [*tokens(expression), ("end", "")]
    at = 0
    while queue[at][0] != "end":
        kind, text = queue[at]
        after = queue[at + 1][1]
        at += 1
        if text in GROUPING and after == "(":
            at = queue.index(("sign", ")"), at)
        elif kind == "name" and text not in WORDS | GROUPING and after not in CALLED:
            matchers = []
            if after == "{":
                end = queue.index(("sign", "}"), at)
                inside = queue[at + 1 : end]
                matchers = [
                    (inside[i][1], inside[i + 1][1], json.loads(inside[i + 2][1]))
                    for i in range(0, len(inside), 4)
                ]
                at = end + 1
            selections.append((text, matchers))
    return selections


def alternatives(selector):
    """Return a selector for each combination of the words that a matcher such as `=~"a|b"` has."""
    name, matchers = selector
    choices = [
        [(label, sign, word) for word in (text.split("|") if sign == "=~" else [text])]
        for label, sign, text in matchers
    ]
    return [(name, list(choice)) for choice in itertools.product(*choices)]


SIGNS = {
    "=": lambda value, text: value == text,
    "!=": lambda value, text: value != text,
    "=~": lambda value, text: re.fullmatch(text, value) is not None,
    "!~": lambda value, text: re.fullmatch(text, value) is None,
}


class Scrape:
    """
    What Prometheus stores of one reading of `/metrics`.

    Attributes:
        families: The metrics, as the service describes them.
        samples: Each series, as its name and labels, and its value.
    """

    def __init__(self, text):
        self.families = list(text_string_to_metric_families(text))
        self.samples = [("up", SCRAPED, 1.0)]
        self.samples += [
            (sample.name, sample.labels | SCRAPED, sample.value)
            for family in self.families
            for sample in family.samples
        ]

    def selected(self, selector):
        """Return the samples that a selector selects."""
        name, matchers = selector
        return [
            sample
            for sample in self.samples
            if sample[0] == name
            and all(SIGNS[sign](sample[1].get(label, ""), text) for label, sign, text in matchers)
        ]

    def absent(self, expression):
        """Return the selectors of *expression* that select nothing; with none, the expression."""
        chosen = [each for selector in selectors(expression) for each in alternatives(selector)]
        if not chosen:
            return [expression]
        return [selector for selector in chosen if not self.selected(selector)]


def series(name, labels):
    inside = ",".join(f"{label}={json.dumps(text)}" for label, text in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def promtool(*arguments):
    """Run promtool; return its exit code, and its output with the errors."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool: install it, such as by apt-get install prometheus")
    done = subprocess.run(
        [program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout
