import pkgutil
from importlib.util import find_spec
from pathlib import Path

import counterseal

API = Path(__file__).parent / "reference" / "api"
PREFIX = "counterseal_"


def test_every_public_module_has_its_page():
    found = (module.name for module in pkgutil.iter_modules(counterseal.__path__))
    modules = {name for name in found if not name.startswith("_")}
    pages = {page.stem for page in API.glob("*.md")} - {"index"}

    assert {page for page in pages if not page.startswith(PREFIX)} == modules


def test_the_packages_that_programs_import_have_their_pages():
    pages = {page.stem for page in API.glob(f"{PREFIX}*.md")}

    names = ("asgi", "django", "keys", "records", "sql", "web")
    assert pages == {f"{PREFIX}{name}" for name in names}
    assert all(find_spec(page) for page in pages)


def test_every_module_has_its_line_in_the_index():
    index = (API / "index.md").read_text()

    for page in API.glob("*.md"):
        assert page.stem == "index" or f"[`{page.stem}`]({page.name})" in index
