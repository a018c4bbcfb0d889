"""The page of the figures: what the benchmarks print, several times over, beside its goals."""

import json
import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
CPU = ("1", "verify one answer, ES256")


@pytest.fixture(scope="module")
def load_module():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCH)  # the modules import each other, as in a run
        patch.delenv("BENCH_SMALL", raising=False)
        yield import_module


@pytest.fixture
def page(load_module):
    return load_module("figures_page")


@pytest.fixture
def figures(load_module):
    return load_module("figures")


@pytest.fixture
def goals(load_module):
    return load_module("goals")


def run_of(page, measured, load=0.1):
    rows = {"6": {"store in answer, same bytes": measured}}
    return page.Run("2 cores of X", "CPython 3", "2026-12-01", "abc", load, 3, 64.2, rows)


def row_of(text, what):
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {what} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_without_a_run_each_row_is_not_measured(page, goals):
    text = page.write_page(None)

    assert page.NOT_MEASURED in text
    assert text.count("| not measured |  |  |") == len(goals.ROWS)


@pytest.mark.parametrize(
    ("measured", "cells"),
    [
        ([(1.8, 0.1)], ["1.80", "10 %", "met"]),
        ([(1.7, 0.02), (1.9, 0.02), (1.75, 0.02)], ["1.75", "6 %", "met"]),
        ([(1.9, 0.02), (1.7, 0.02), (1.9, 0.02)], ["1.90", "5 %", "missed"]),
        ([(2.9, 0.02), (2.9, 0.02), (3.0, 0.02)], ["2.90", "2 %", "missed"]),
        ([(1.0, 0.02), (1.2, 0.02), (1.4, 0.02)], ["1.20", "17 %", "too noisy to tell"]),
        ([(1.2, 0.02), (1.2, 0.3), (1.2, 0.3)], ["1.20", "30 %", "too noisy to tell"]),
    ],
)
def test_the_median_of_the_runs_is_beside_the_goal(page, measured, cells):
    text = page.write_page(run_of(page, measured))

    expected = ["store in answer, same bytes", "at most 1.8", "1.6", *cells]
    assert row_of(text, "store in answer, same bytes") == expected


def test_a_row_without_a_limit_has_no_result(page, goals):
    assert goals.Row("6", "x").verdict(9.0, 0.9) == ""
    text = page.write_page(
        page.Run("", "", "", "", 0.1, 1, 1, {"13": {"consume beside one signature": [(8.2, 0.9)]}})
    )

    assert row_of(text, "consume beside one signature")[-2:] == ["90 %", ""]


@pytest.mark.parametrize(
    ("figure", "verdict"), [(16, ""), (15.9, "MISSED"), (12.4, "MISSED"), (12.2, "FAR MISSED")]
)
def test_a_lower_limit_is_missed_from_below(goals, figure, verdict):
    row = goals.row("8", "five calls, served: server CPU")

    assert row.verdict(figure, 0.0) == verdict


def test_a_busy_machine_is_on_the_page(page):
    sentence = "Other programs used it too"

    assert sentence not in page.write_page(run_of(page, [(1.5, 0.1)], load=0.5))
    assert sentence in page.write_page(run_of(page, [(1.5, 0.1)], load=0.51))


def test_a_row_that_no_benchmark_printed_is_missing(goals):
    printed = [row for row in goals.ROWS.values() if row.what != "issue"]

    assert goals.missing_rows(printed, peer=False) == ["4 issue"]
    assert goals.missing_rows(printed, peer=True) == []


def test_noisy_rows_are_counted_and_are_no_failure(goals, capsys):
    assert goals.exit_code(["", "too noisy to tell", "MISSED"]) == 0
    assert goals.exit_code(["too noisy to tell", "FAR MISSED"]) == 1
    assert goals.exit_code([""], over=True) == 1
    assert capsys.readouterr().out.splitlines() == [
        "too noisy to tell: 1 rows",
        "too noisy to tell: 1 rows",
        "too noisy to tell: 0 rows",
    ]


@pytest.fixture
def benchmark(tmp_path):
    """Return the command of a program that writes what a benchmark writes, and exits with 1."""
    line = {"goal": CPU[0], "what": CPU[1], "figure": 1.2, "spread": 0.01}
    line |= {"floor": {"median": 64.0, "spread": 0.01}}
    program = tmp_path / "benchmark.py"
    program.write_text(
        "import pathlib, sys\n"
        f"pathlib.Path(sys.argv[-1]).write_text({json.dumps({'lines': [line]})!r})\n"
        "sys.exit(1)\n"
    )
    return [sys.executable, str(program)]


def test_the_lines_of_all_runs_are_collected_whatever_is_missed(figures, benchmark):
    lines = figures.collect([benchmark], 3)

    assert figures.figures_of(lines) == {CPU[0]: {CPU[1]: [(1.2, 0.01)] * 3}}


def test_a_benchmark_that_writes_nothing_ends_the_command(figures):
    with pytest.raises(SystemExit, match="no figures"):
        figures.collect([[sys.executable, "-c", ""]], 3)


@pytest.fixture
def command(figures, benchmark, monkeypatch, tmp_path):
    """Return what runs the command with its files in a folder of the test."""
    collected = figures.collect([benchmark], 1)
    monkeypatch.setattr(figures, "collect", lambda commands, times: collected * times)
    monkeypatch.setattr(figures, "commit", lambda: "abc")
    monkeypatch.setattr(figures, "STORED", tmp_path / "figures.json")
    monkeypatch.setattr(figures, "PAGE", tmp_path / "figures.md")
    monkeypatch.setattr(figures, "PATIENCE_SECONDS", 0)

    def run(*arguments, load):
        monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
        monkeypatch.setattr(sys, "argv", ["figures.py", "peer", *arguments])
        figures.main()
        return (tmp_path / "figures.md").read_text("utf-8")

    return run


def test_the_page_is_written_and_written_again_from_the_stored_run(command, page):
    text = command("--runs", "2", load=0.5)

    assert row_of(text, CPU[1])[-3:] == ["1.20", "1 %", "met"]
    assert "Runs of each benchmark: 2," in text
    assert command("--runs", "0", load=9.0) == text


def test_a_busy_machine_is_refused_unless_busy_is_given(command, tmp_path):
    with pytest.raises(SystemExit, match=r"load average is 0\.51"):
        command(load=0.51)

    assert not (tmp_path / "figures.md").exists()
    assert "Other programs used it too" in command("--busy", load=0.51)
