"""Checks of what was built: each file, and the wheels, installed alone and used."""

import subprocess
import tempfile
from itertools import chain
from pathlib import Path

from release.files import problems
from release.installation import install, modules, requirement, use, use_library
from release.packages import ROOT


def check(target: Path) -> list[str]:
    """Check each file, install the wheels alone, and use them; return what is wrong."""
    wrong = problems(target)
    if wrong:
        return wrong
    print(f"checked {len(list(target.iterdir()))} files")
    with tempfile.TemporaryDirectory(prefix="counterseal-wheels-") as name:
        work = Path(name)
        constraints = work / "constraints.txt"
        command = ["uv", "export", "--frozen", "--quiet", "--no-hashes", "--all-packages"]
        options = ["--all-extras", "--no-default-groups", "--no-emit-workspace"]
        subprocess.run(
            [*command, *options, f"--output-file={constraints}"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        library = install([*target.glob("counterseal-*.whl")], constraints, work / "library")
        wheels = [requirement(wheel) for wheel in sorted(target.glob("*.whl"))]
        everything = install(wheels, constraints, work / "everything")
        for sentence in chain(use_library(library), use(everything, modules(target))):
            print(sentence, flush=True)
    return []
