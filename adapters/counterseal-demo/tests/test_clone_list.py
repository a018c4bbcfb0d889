"""The list of folders that a clone installs: those that the service and a device need."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
LIST = ROOT / "adapters" / "counterseal-server" / "deploy" / "clone.txt"


def needed_by(requirement, needed):
    """Add to *needed* the packages of this repository that *requirement* needs."""
    if not requirement.name.startswith("counterseal") or (
        requirement.name in needed and not requirement.extras - needed[requirement.name]
    ):
        return
    needed.setdefault(requirement.name, set()).update(requirement.extras)
    folder = ROOT if requirement.name == "counterseal" else ROOT / "adapters" / requirement.name
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    texts = list(project["dependencies"])
    for extra in requirement.extras:
        texts += project["optional-dependencies"][extra]
    for text in texts:
        needed_by(Requirement(text), needed)


def test_the_list_is_what_the_service_and_a_device_need():
    needed = {}
    needed_by(Requirement("counterseal-server[service]"), needed)
    needed_by(Requirement("counterseal-demo[device]"), needed)

    lines = [line for line in LIST.read_text("utf-8").splitlines() if not line.startswith("#")]

    folders = {line.partition("[")[0] for line in lines}
    assert folders == {"." if name == "counterseal" else f"./adapters/{name}" for name in needed}
    assert len(folders) == len(lines)
