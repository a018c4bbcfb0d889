"""The files that browsers load: each module is in them as it is written, and always the same."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from counterseal_pwa.assets import STATIC
from counterseal_pwa.bundle.files import VERSION, build
from counterseal_pwa.bundle.modules import Sources, read_module
from counterseal_pwa.bundle.scripts import write_scripts

LIBRARY = Path(__file__).parents[2] / "counterseal-js"
READER = Path(__file__).parent / "read_scopes.mjs"
BUILD = f"""
import hashlib
from pathlib import Path
from counterseal_pwa.bundle.files import build
for name, body in build(Path({str(STATIC)!r}), Path({str(LIBRARY)!r})).items():
    print(name, hashlib.sha256(body).hexdigest())
"""


FILLED = {"$stored_files", "$version_folder"}
"""Modules with values that the build writes."""
UNUSED = {"$device_index", "$wire_use_receipt"}
"""Modules that no file has: one only exports what others export, and one is for origins."""


@pytest.fixture(scope="module")
def built():
    return build(STATIC, LIBRARY)


@pytest.fixture(scope="module")
def sources():
    """The sources by the names of their functions."""
    paths = [*STATIC.glob("*.js"), *LIBRARY.glob("device/*.js"), *LIBRARY.glob("wire/*.js")]
    names = {
        path: path.relative_to(STATIC if path.parent == STATIC else LIBRARY).as_posix()
        for path in paths
    }
    return {
        "$" + name.removesuffix(".js").replace("/", "_"): str(path) for path, name in names.items()
    }


@pytest.fixture(scope="module")
def read(built, sources, node, javascript_tools, tmp_path_factory):
    """What a parser reads in the sources, and in the built files."""
    folder = tmp_path_factory.mktemp("built")
    for name, body in built.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    (folder / "sources.json").write_text(json.dumps(sources))
    parser = javascript_tools / "acorn" / "dist" / "acorn.mjs"
    scripts = [folder / name for name in built if name.endswith(".js")]
    command = [node / "bin" / "node", READER, parser, folder / "sources.json", *scripts]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_every_module_is_there_as_it_is_written(read, sources):
    """By a parser: each word and comment, but what a module imports and exports."""
    written = read["written"]
    found = set()
    for file in read["built"]:
        for scope, module in file.items():
            source = written[scope]
            assert module["comments"] == source["comments"], scope
            assert sorted(module["imported"]) == sorted(source["imported"]), scope
            assert {*source["exported"]} <= {*module["exported"]}, scope
            if scope not in FILLED:
                assert words_of(module) == words_of(source), scope
            found.add(scope)
    assert sources.keys() - found == UNUSED


def words_of(module):
    """Return the words of a module; later imports are compared by themselves."""
    return ["later" if word.startswith("later ") else word for word in module["words"]]


def test_what_is_loaded_later_is_the_module_that_is_named(read):
    pages = [file for file in read["built"] if "$file_store" not in file]
    for file in pages:
        for scope, module in file.items():
            names = [name.removeprefix("./") for name in read["written"][scope]["later"]]
            folder = scope[1:].partition("_")[0]
            prefix = f"${folder}_" if folder in {"device", "wire"} else "$"
            assert module["later"] == [prefix + name.removesuffix(".js") for name in names]


def test_each_module_is_in_one_file_of_the_page(read):
    pages = [{*file} for file in read["built"] if "$file_store" not in file and len(file) > 2]
    assert len(pages) == 3
    assert sum(map(len, pages)) == len({*pages[0], *pages[1], *pages[2]})


def test_two_builds_are_equal(built):
    """In other processes, whose sets have other orders."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", BUILD],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    lines = [f"{name} {hashlib.sha256(body).hexdigest()}\n" for name, body in built.items()]
    assert outputs == {"".join(lines)}


@pytest.fixture
def changed(tmp_path):
    """Return a function that builds the sources with another text of one of them."""

    def change(name, old, new):
        folder = tmp_path / "static"
        for path in STATIC.rglob("*.*"):
            copy = folder / path.relative_to(STATIC)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), "utf-8")
        return build(folder, LIBRARY)

    return change


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("worker.js", "silent: isEnded", "silent: !isEnded"),
        ("html_view.js", "scripts", "scripts "),
        ("style.css", "margin", "margin "),
        ("texts/de.json", "offline", "off line"),
        ("index.html", "Counterseal", "counterseal"),
        ("icon.svg", "svg", "svg "),
    ],
)
def test_another_content_is_at_another_address(built, changed, name, old, new):
    """So an address never has two contents, and each change is another service worker."""
    others = changed(name, old, new)
    lasting = {path for path in built if VERSION.match(path)}
    assert lasting
    assert not lasting & others.keys()
    assert others["worker.js"] != built["worker.js"]
    assert others["service.json"] == built["service.json"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('import "./other.js";', "a.js, line 1: an import or export of another form"),
        ("\nexport default 1;", "a.js, line 2: an import or export of another form"),
        ("export let a = 1;", "an import or export of another form"),
        ('import * as b from "./b.js";', "an import or export of another form"),
        ('import { c } from "./b.js";', "a.js: imports c, which b.js does not export"),
        ('import { c } from "./none.js";', "a.js: imports none.js, which is no module"),
        ('const c = await import("./none.js");', "a.js: imports none.js, which is no module"),
        ('import { d } from "./cycle.js";\nexport const c = d;', "a.js -> cycle.js -> a.js"),
    ],
)
def test_what_cannot_be_built_is_refused(text, problem):
    texts = {
        "a.js": text,
        "b.js": "export const b = 1;",
        "cycle.js": 'import { c } from "./a.js";\nexport const d = c;',
    }
    with pytest.raises(ValueError, match=problem):
        Sources(texts).order(["a.js"], later=True)


def test_a_json_module_has_no_member_that_a_script_reads_otherwise():
    with pytest.raises(ValueError, match="__proto__"):
        read_module("a.json", '{"__proto__": 1}')


MODULES = {
    "app.js": """
import { b as renamed, c } from "./index.js";
const VERSION = 1;
globalThis.result = (async () => {
  const { home, own } = await import("./home_view.js");
  const again = await import("./core.js");
  /** @type {import("./account_view.js").Settings} Is no import. */
  const settings = await import("./account_view.js").then((view) => view.settings);
  return [VERSION, renamed, c(), home(), own.name, again.VERSION, settings];
})();
""",
    "index.js": """
/** Only names. */
export { VERSION as b } from "./core.js";
export * from "./core.js";
""",
    "core.js": "export const VERSION = 2;\nexport function c() {\n  return VERSION + 1;\n}\n",
    "home_view.js": """
import { c } from "./core.js";
import table from "./table.json" with { type: "json" };
export { VERSION as home_version } from "./core.js";
const VERSION = `
import nothing
`;
export const home = () => [c(), table, VERSION.length];
export class own {}
""",
    "table.json": '[1, "two"]\n',
    "account_view.js": 'import { own } from "./home_view.js";\nexport const settings = own.name;\n',
    "worker.js": 'import { VERSION } from "./core.js";\nglobalThis.result = VERSION;\n',
    "dom.js": 'export { c as element } from "./core.js";\nexport const byId = 1;\n',
    "drawing.js": "export const drawn = 1;\n",
}


GROUPS = {"requests.js": ("home_view.js",)}


def test_the_scripts_do_what_the_modules_do(node, tmp_path):
    """Equal names in two modules, exports of others' names, an index, JSON and later imports."""
    modules = {
        **MODULES,
        "home_view.js": MODULES["home_view.js"].replace("import nothing", " nothing"),
    }
    folders = {"modules": modules, "scripts": write_scripts(Sources(modules), GROUPS)}
    results = {}
    for name, files in folders.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "package.json").write_text('{"type": "module"}')
        for path, text in files.items():
            (folder / path).write_text(text)
        program = """
          import { readFileSync } from "node:fs";
          await import("./app.js");
          const page = await globalThis.result;
          const shared = { ...(await import("./dom.js")) };
          const names = [Object.keys(shared).sort(), shared.element(), shared.byId];
          console.log(JSON.stringify([page, names]));
        """
        (folder / "run.js").write_text(program)
        ended = subprocess.run(
            [node / "bin" / "node", folder / "run.js"],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        results[name] = json.loads(ended.stdout)
    assert results["scripts"] == results["modules"]
    assert results["modules"][0][:3] == [1, 2, 3]
    files = ["app.js", "requests.js", "accounts.js", "worker.js", "dom.js", "drawing.js"]
    assert [*folders["scripts"]] == files
