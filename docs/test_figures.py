"""The page of the figures has the rows that the benchmarks print, and no other."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

BENCH = Path(__file__).parents[1] / "tests" / "bench"
TEXT = (Path(__file__).parent / "explanation" / "figures.md").read_text("utf-8")
GOALS = tomllib.loads((BENCH / "goals.toml").read_text("utf-8"))["goals"]


def rows_of_page():
    """Return the first two cells of each row, by goal."""
    _, *sections = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    return {
        section.partition(":")[0]: re.findall(
            r"^\| (?!what)(.*?) \| (.*?) \|", section, re.MULTILINE
        )
        for section in sections
    }


def limit(row):
    unit = f" {row['unit']}" if "unit" in row else ""
    limits = {"at_most": "at most", "at_least": "at least"}
    return "".join(f"{words} {row[key]:g}{unit}" for key, words in limits.items() if key in row)


def test_the_rows_are_those_of_the_benchmarks():
    assert rows_of_page() == {
        goal["number"]: [(what, limit(row)) for what, row in goal["rows"].items()] for goal in GOALS
    }


def test_the_page_is_what_the_command_writes(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    run = import_module("figures").stored_run()

    expected = import_module("figures_page").write_page(run)
    assert expected == TEXT, 'run: nox -s "bench(figures)" -- --runs 0'
