"""`counterseal states`: the rows that the code runs, in three formats."""

import json

import pytest

from counterseal import CHARTS, markdown, mermaid, table


def test_markdown_is_the_default(run):
    result = run("states")
    assert result.exit_code == 0
    for name, chart in CHARTS.items():
        assert f"## {name}\n\n{markdown(chart)}\n" in result.stdout


def test_mermaid(run):
    result = run("states", "--format", "mermaid")
    for name, chart in CHARTS.items():
        assert f"%% {name}\n\n{mermaid(chart)}\n" in result.stdout


@pytest.mark.parametrize("name", CHARTS)
def test_one_chart(run, name):
    chart = CHARTS[name]
    assert run("states", name).stdout == f"{markdown(chart)}\n"
    assert run("states", name, "--format", "mermaid").stdout == f"{mermaid(chart)}\n"
    document = json.loads(run("states", name, "--format", "json").stdout)
    assert list(document) == [name]


def test_json_holds_every_row(run):
    document = json.loads(run("states", "--format", "json").stdout)
    assert list(document) == list(CHARTS)
    for name, chart in CHARTS.items():
        output = document[name]
        assert output["initial"] == chart.initial.value
        assert set(output["finished"]) == {state.value for state in chart.finished}
        assert [
            (row["source"], row["event"], row["target"], *row["validators"], *row["conditions"])
            for row in output["rows"]
        ] == [
            (row.source, row.event, row.target, *row.validators, *row.conditions)
            for row in table(chart)
        ]


def test_no_such_chart(run):
    result = run("states", "nope\x1b[2J")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"chart: not one of {', '.join(CHARTS)}\n"


def test_no_such_format(run):
    assert run("states", "--format", "dot").exit_code == 2
