"""`nox -s smoke` runs every session that `nox` by itself does not, so none of them rots."""

import re
import runpy
import shlex
import subprocess
import sys

import pytest
from release.packages import ROOT

SMOKE = runpy.run_path(str(ROOT / "tests" / "smoke"), run_name="smoke")["SMOKE"]
LONGEST, ALL_SECONDS = 90, 26 * 60
SESSIONS = 22


@pytest.fixture(scope="module")
def sessions():
    """Return the name of each session, without Pythons, and whether `nox` runs it by itself."""
    listed = subprocess.run(
        [sys.executable, "-m", "nox", "-f", ROOT / "noxfile.py", "--list"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    names = re.findall(r"^([*-]) (\S+)", listed, re.MULTILINE)
    return {re.sub(r"-3\.\d+$", "", name): mark == "*" for mark, name in names}


def test_every_session_that_is_not_default_has_a_small_setting(sessions):
    assert {*SMOKE, "smoke"} == {name for name, is_default in sessions.items() if not is_default}


def test_the_contributing_page_has_a_line_of_each_session(sessions):
    page = (ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
    page = page.partition("## Run the checks")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| `([\w-]+)` \| (not by default)?", page, re.MULTILINE)
    listed = {re.sub(r"\(.*", "", name): is_default for name, is_default in sessions.items()}
    assert {name: not skipped for name, skipped in lines} == listed


def test_there_are_as_few_sessions_as_a_person_can_read(sessions):
    assert len({name.partition("(")[0] for name in sessions} - {"smoke"}) <= SESSIONS


def test_it_runs_for_every_change_after_what_the_readme_says():
    readme = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (command,) = (block for block in blocks if block.endswith("nox\n"))
    run = (ROOT / ".ci" / "run").read_text("utf-8")
    assert run.endswith(f"{' && '.join(command.splitlines())}\n.venv/bin/nox -s smoke\n")


def test_its_settings_are_short_enough_for_every_change():
    for setting, seconds in SMOKE.values():
        assert 0 < seconds <= LONGEST
        shlex.split(setting)
    assert sum(seconds for _, seconds in SMOKE.values()) <= ALL_SECONDS
