"""Alerts, dashboard, runbook and page of metrics agree with each other and with `/metrics`."""

import copy
import itertools
import json
import re
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard
from program import Service
from promql import Scrape, promtool

DEPLOY = Path(__file__).parents[1] / "deploy"
ALERTS, TESTS = DEPLOY / "alerts.yml", DEPLOY / "alerts.test.yml"
DASHBOARD = json.loads((DEPLOY / "dashboard.json").read_text("utf-8"))
RUNBOOK = Path(__file__).parents[3] / "docs" / "how-to" / "runbook.md"
METRICS_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


def read_rules():
    (group,) = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return group["rules"]


RULES = {rule["alert"]: rule for rule in read_rules()}


def scraped(service):
    status, text = service.call("GET", "/metrics", plain=True)
    assert status == 200
    return Scrape(text.decode())


def link_of(rule):
    return rule["annotations"]["runbook_url"]


def headings(page):
    return re.findall(r"^## (.+)$", page, re.MULTILINE)


@pytest.fixture(scope="module")
def first_start(tmp_path_factory, founded):
    """Return what `/metrics` prints of a service that has just started for the first time."""
    service = Service(tmp_path_factory.mktemp("first"), "", like=founded)
    process = service.serve()
    try:
        return scraped(service)
    finally:
        service.kill(process)


def test_the_rules_hold():
    code, output = promtool("check", "rules", "--lint=all", "--lint-fatal", ALERTS)

    assert code == 0, output
    assert f"{len(RULES)} rules found" in output


def test_each_rule_fires_when_it_must_and_not_otherwise():
    code, output = promtool("test", "rules", TESTS)

    assert code == 0, output
    cases = [
        (case["alertname"], bool(case.get("exp_alerts")))
        for test in yaml.safe_load(TESTS.read_text("utf-8"))["tests"]
        for case in test["alert_rule_test"]
    ]
    assert set(cases) == {(name, fires) for name in RULES for fires in (True, False)}


LIMIT = re.compile(r"(>|==) [0-9.]+(?=\s*$| or )")


@pytest.mark.parametrize("limit", ["> 1e9", "> -1"], ids=["never", "always"])
def test_a_wrong_limit_of_any_rule_fails_its_tests(tmp_path, limit):
    rules = copy.deepcopy(list(RULES.values()))
    for rule in rules:
        rule["expr"], count = LIMIT.subn(limit, rule["expr"])
        assert count == 1, rule["alert"]
    document = {"groups": [{"name": "counterseal", "rules": rules}]}
    (tmp_path / ALERTS.name).write_text(yaml.safe_dump(document), "utf-8")
    (tmp_path / TESTS.name).write_bytes(TESTS.read_bytes())

    code, output = promtool("test", "rules", tmp_path / TESTS.name)

    assert code == 1
    assert set(re.findall(r"alertname: (\w+),", output)) == set(RULES)


@pytest.mark.parametrize("expression", ["rate(up[5m)", "sum by job (up)", "up >", "nothing(up)"])
def test_a_bad_expression_fails_the_check(tmp_path, expression):
    rules = tmp_path / "rules.yml"
    rule = {"alert": "Bad", "expr": expression}
    rules.write_text(yaml.safe_dump({"groups": [{"name": "bad", "rules": [rule]}]}), "utf-8")

    assert promtool("check", "rules", rules)[0] == 1


def test_every_series_of_a_rule_is_printed_from_the_first_start_on(first_start):
    absent = {name: first_start.absent(rule["expr"]) for name, rule in RULES.items()}

    assert {name: nothing for name, nothing in absent.items() if nothing} == {}


@pytest.mark.parametrize(
    "expression",
    [
        "rate(counterseal_request_total[5m]) > 0",
        'rate(counterseal_requests_total{operation="addRequests"}[5m]) > 0',
        'sum by (job) (counterseal_pushes_total{outcome=~"misconfigured|reject"}) / up',
        'up{job="counterseals"} == 0',
        "1 > 0",
    ],
)
def test_a_wrong_name_or_label_is_noticed(expression, first_start):
    assert first_start.absent(expression) != []


def test_every_alert_has_an_entry_in_the_runbook_and_links_to_it():
    page = RUNBOOK.read_text("utf-8")
    links = {
        name: link_of(rule).rpartition("/how-to/runbook.html#") for name, rule in RULES.items()
    }

    assert headings(page) == list(RULES)
    assert {name: link[2] for name, link in links.items()} == {name: name.lower() for name in RULES}
    assert {link[0] for link in links.values()} == {"https://counterseal.example"}
    for entry in page.split("\n## ")[1:]:
        parts = re.findall(r"^\*\*(.+)\*\*$", entry, re.MULTILINE)
        assert parts == ["What it means.", "How to check.", "What to do."], entry.splitlines()[0]


def test_the_page_of_metrics_lists_what_is_printed(first_start):
    row = re.compile(r"^\| `([a-z_]+)` \((\w+)\) \|([^|]*)\|", re.MULTILINE)
    listed = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in row.findall(METRICS_PAGE.read_text("utf-8"))
    }
    printed = {
        f"{family.name}_total" if family.type == "counter" else family.name: (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for family in first_start.families
    }

    assert listed == printed


VARIABLES = {"$__rate_interval": "1m", '=~"$job"': '=~".+"', '=~"$instance"': '=~".+"'}
UNITS = {value for name, value in vars(units).items() if not name.startswith("_")}
COLUMNS = 24


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard):
    """Return each expression of a panel as Prometheus gets it, by the panel's title."""
    return {
        f"{panel['title']} {target['refId']}": re.sub(
            "|".join(map(re.escape, VARIABLES)), lambda match: VARIABLES[match[0]], target["expr"]
        )
        for panel in panels(dashboard)
        for target in panel["targets"]
    }


def lost(document, again, path="dashboard"):
    """Return the members of *document* that are not the same in *again*."""
    if isinstance(document, dict) and isinstance(again, dict):
        members = [(f"{path}.{name}", document[name], again.get(name)) for name in document]
    elif isinstance(document, list) and isinstance(again, list):
        pairs = itertools.zip_longest(document, again)
        members = [(f"{path}[{at}]", one, other) for at, (one, other) in enumerate(pairs)]
    else:
        return [] if document == again else [path]
    return [each for at, one, other in members for each in lost(one, other, at)]


def as_grafana(dashboard):
    register_default_plugins()
    return json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(dashboard)))


def overlapping(dashboard):
    cells = {}
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                cells.setdefault((x, y), []).append(panel["title"])
    assert max(x for x, _ in cells) < COLUMNS
    return {tuple(titles) for titles in cells.values() if len(titles) > 1}


def test_the_dashboard_is_one_of_grafana():
    assert lost(DASHBOARD, as_grafana(DASHBOARD)) == []
    assert overlapping(DASHBOARD) == set()
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    for panel in panels(DASHBOARD):
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["description"], panel["title"]
        for each in (panel, *panel["targets"]):
            assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    names = {variable["name"]: variable["type"] for variable in DASHBOARD["templating"]["list"]}
    assert names == {"datasource": "datasource", "job": "query", "instance": "query"}


@pytest.mark.parametrize("member", ["fieldConfigs", "tittle"])
def test_a_member_that_grafana_does_not_know_is_noticed(member):
    dashboard = copy.deepcopy(DASHBOARD)
    dashboard["panels"][1][member] = {"unit": "s"}

    assert lost(dashboard, as_grafana(dashboard)) == [f"dashboard.panels[1].{member}"]


def check_as_rules(tmp_path, by_title):
    """Let promtool parse expressions, as those of recording rules."""
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(by_title.values())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    return promtool("check", "rules", file)


def test_every_expression_of_the_dashboard_parses(tmp_path):
    code, output = check_as_rules(tmp_path, expressions(DASHBOARD))

    assert code == 0, output
    assert f"{len(expressions(DASHBOARD))} rules found" in output
    assert "$" not in "".join(expressions(DASHBOARD).values())


def test_a_bad_expression_of_the_dashboard_fails_the_check(tmp_path):
    dashboard = copy.deepcopy(DASHBOARD)
    panels(dashboard)[-1]["targets"][0]["expr"] += ")"

    assert check_as_rules(tmp_path, expressions(dashboard))[0] == 1


def test_every_panel_names_series_that_are_printed(first_start):
    absent = {title: first_start.absent(each) for title, each in expressions(DASHBOARD).items()}

    assert {title: nothing for title, nothing in absent.items() if nothing} == {}
    assert first_start.absent("vector(1)") == ["vector(1)"], "a panel that names no series"
    queries = [variable["query"] for variable in DASHBOARD["templating"]["list"][1:]]
    for query in queries:
        match = re.fullmatch(r"label_values\((\w+(?:\{.*\})?), (job|instance)\)", query["query"])
        selector = match[1].replace("$job", ".+")
        assert first_start.absent(selector) == []
