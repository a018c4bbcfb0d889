"""`nox -s smoke` runs every session that `nox` by itself does not, so none of them rots."""

import ast
import re
import shlex
import subprocess
import sys

from release.packages import ROOT

NOXFILE = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
(SMOKE,) = [
    ast.literal_eval(node.value)
    for node in NOXFILE.body
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SMOKE"
]
LONGEST, ALL_SECONDS = 90, 25 * 60


def skipped_sessions():
    """Return the sessions that `nox` does not run by itself, without Pythons and parameters."""
    listed = subprocess.run(
        [sys.executable, "-m", "nox", "-f", ROOT / "noxfile.py", "--list"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    names = re.findall(r"^- (\S+)", listed, re.MULTILINE)
    return {re.sub(r"(-3\.\d+)?(\(.*\))?$", "", name) for name in names}


def test_every_session_that_is_not_default_has_a_small_setting():
    assert {*SMOKE} == skipped_sessions() - {"smoke"}


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
