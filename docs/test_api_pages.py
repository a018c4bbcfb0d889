import pkgutil
from pathlib import Path

import counterseal

API = Path(__file__).parent / "reference" / "api"


def test_every_public_module_has_its_page():
    found = (module.name for module in pkgutil.iter_modules(counterseal.__path__))
    modules = {name for name in found if not name.startswith("_")}
    pages = {page.stem for page in API.glob("*.md")} - {"index"}

    assert pages == modules


def test_every_module_has_its_line_in_the_index():
    index = (API / "index.md").read_text()

    for page in API.glob("*.md"):
        assert page.stem == "index" or f"[`{page.stem}`]({page.name})" in index
