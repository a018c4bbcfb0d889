"""Each planted bug still fits the source and names a test; the session tells what it notices."""

import importlib.util
import re
from pathlib import Path

import attrs
import pytest

pytestmark = pytest.mark.one_python

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SPEC = importlib.util.spec_from_file_location("planted_bugs", HERE / "__main__.py")
planted_bugs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(planted_bugs)
PLANTS = planted_bugs.load_plants()


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.bug)
def test_it_fits_the_source_and_names_a_test(plant):
    source = (ROOT / plant.file).read_text("utf-8")
    assert plant.edited(source) != source
    path, *names = plant.test.split("::")
    text = (ROOT / path).read_text("utf-8")
    assert all(
        re.search(rf"^ *(def|async def|class) {name}\b", text, re.MULTILINE) for name in names
    )


def test_no_bug_is_planted_twice():
    assert len({(plant.file, plant.old, plant.new) for plant in PLANTS}) == len(PLANTS)
    assert len({plant.bug for plant in PLANTS}) == len(PLANTS)


def test_only_a_bug_that_its_test_notices_passes(tmp_path, capsys):
    (tmp_path / "sum.txt").write_text("1 + 1", "utf-8")
    for name, expected in (("reads", "'1 + 1'"), ("reads_not", "open('sum.txt').read()")):
        text = f"def test():\n    assert open('sum.txt').read() == {expected}\n"
        (tmp_path / f"test_{name}.py").write_text(text, "utf-8")
    bug = {"bug": "The sum is wrong.", "file": "sum.txt", "old": "+", "new": "-"}
    plant = planted_bugs.Plant(**bug, test="test_reads.py")

    assert planted_bugs.is_noticed(plant, tmp_path)
    for other, outcome in (
        ({"test": "test_reads_not.py"}, "survived"),
        ({"test": "test_missing.py"}, "did not run"),
        ({"old": "*"}, "sum.txt does not have this text once: '*'"),
        ({"old": "1"}, "sum.txt does not have this text once: '1'"),
    ):
        capsys.readouterr()
        assert not planted_bugs.is_noticed(attrs.evolve(plant, **other), tmp_path)
        assert capsys.readouterr().out.startswith(f"{outcome}, ")
    assert (tmp_path / "sum.txt").read_text("utf-8") == "1 + 1"
