"""A device loads no code of the service."""

import subprocess
import sys

from folders import kind_of

import counterseal

SERVICE = ("_plan", "_transaction", "memory", "ports", "machines")


def test_a_device_loads_no_service():
    code = "import sys; from counterseal.device import *; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(run.stdout.split())
    assert "counterseal.device.software" in modules
    assert modules.isdisjoint({f"counterseal.{name}" for name in SERVICE} | {"statemachine"})
    kinds = {kind_of(name.removeprefix("counterseal.")) for name in modules}
    assert kinds <= {"documents", "records", ""}


def test_every_public_name_is_there_and_listed():
    code = "import counterseal as cs; print(*dir(cs)); [getattr(cs, name) for name in cs.__all__]"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(counterseal.__all__) <= set(run.stdout.split())


def test_no_other_name_is_there():
    code = "import counterseal as cs; cs.anything"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "AttributeError: module 'counterseal' has no attribute 'anything'" in run.stderr
