"""A figure of a benchmark fails a run only where its own spread lets it tell something."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "tests" / "bench" / "verdicts.py"


def loaded():
    spec = importlib.util.spec_from_file_location("verdicts", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verdicts = loaded()


@pytest.mark.parametrize(
    ("share", "spread", "verdict"),
    [
        (1.0, 0.0, ""),
        (1.2, 0.15, "MISSED"),
        (1.4, 0.05, "FAR MISSED"),
        (0.9, 0.16, "too noisy to tell"),
        (1.2, 0.16, "too noisy to tell"),
        (1.4, 0.16, "too noisy to tell"),
    ],
)
def test_a_ratio_with_a_wide_spread_tells_nothing(share, spread, verdict):
    assert verdicts.ratio_verdict(share, 1.3, spread) == verdict


@pytest.mark.parametrize(
    ("samples", "verdict"),
    [
        ([80.0], ""),
        ([80.0, 81, 82, 83, 84, 85], ""),
        ([80.0, 85, 90, 95, 100, 105], "grew"),
        ([80.0, 90, 90, 80, 110, 110, 104, 104, 104], "grew"),
        ([80.0, 90, 80, 110, 80, 110, 80, 110, 110], "too noisy to tell"),
    ],
)
def test_memory_that_falls_as_much_as_it_grows_tells_nothing(samples, verdict):
    assert verdicts.memory_verdict(samples)[2] == verdict


@pytest.mark.parametrize(
    ("pushes", "call", "verdict"),
    [(95, 9.0, ""), (80, 0.1, "missing"), (80, 0.6, "too noisy to tell")],
)
def test_missing_pushes_tell_nothing_where_calls_are_slow(pushes, call, verdict):
    assert verdicts.push_verdict(pushes, 100, call, 2.0) == verdict


def test_a_small_run_measures_less_and_fails_for_no_figure(monkeypatch):
    assert (verdicts.scaled(15, 2), verdicts.failed(["over"]), verdicts.failed([])) == (15, 1, 0)
    monkeypatch.setenv("BENCH_SMALL", "1")
    small = loaded()
    assert (small.scaled(15, 2), small.failed(["over"]), small.failed([])) == (2, 0, 0)


def test_so_little_as_the_small_setting_measures_tells_nothing(monkeypatch):
    monkeypatch.setenv("BENCH_SMALL", "1")
    small = loaded()
    verdicts_said = {
        small.ratio_verdict(0.9, 1.3, 0.0),
        small.ratio_verdict(9.9, 1.3, 0.0),
        small.memory_verdict([80.0, 85, 90, 95, 100, 105])[2],
        small.push_verdict(1, 100, 0.1, 2.0),
    }
    assert verdicts_said == {"too little to tell"}
