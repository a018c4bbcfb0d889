import subprocess
import sys
from pathlib import Path

import counterseal_testing

SOURCE = Path(counterseal_testing.__file__).parent


def test_every_public_name_is_there():
    for name in counterseal_testing.__all__:
        assert getattr(counterseal_testing, name)
    assert counterseal_testing.__all__ == sorted(
        counterseal_testing.__all__, key=lambda name: (not name.isupper(), name)
    )


def test_the_oracle_shares_no_code_with_the_core():
    modules = ("ledger", "transitions", "oracle")
    parts = ("ceremony_oracle", "ending_oracle", "notification_oracle")
    for module in modules + parts:
        lines = (SOURCE / "histories" / f"{module}.py").read_text().splitlines()
        imports = [line for line in lines if line.startswith(("import ", "from "))]
        shared = [line for line in imports if " counterseal" in line]
        assert all(" counterseal_testing.histories" in line for line in shared)


def test_a_failing_assertion_of_the_kit_explains_itself(tmp_path):
    test = tmp_path / "test_it.py"
    test.write_text(
        "from counterseal_testing.histories.observers import LeakDetector\n"
        "def test_it():\n"
        "    LeakDetector().require_absent('a canary sings')\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "assert 'canary' not in 'a canary sings'" in run.stdout
