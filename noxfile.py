"""
Every check of the workspace; people and CI run the same ones.

`nox` runs the default sessions, and `nox --list` names all of them. In sessions that run pytest,
what stands after `--` goes to it, and a path replaces what the session would run:
`nox -s tests-3.13 -- tests/unit/test_ijson.py -k depth`.

Pythons come from the classifiers, adapters from their folders, versions from uv.lock.
"""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nox

nox.needs_version = ">=2026.10"  # from here on it looks for Pythons by running them
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"  # `uv sync` removes what does not belong
# A Python that is not on this machine is skipped, aloud, in CI too; none is fetched.
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
AT_ONCE = 2
if len(sys.argv) == 1:
    # Without arguments, two sessions at once: one uses the cores while the other waits or starts.
    # nox prints each one's output when it ends; a session that is named prints as it goes.
    nox.options.parallel = AT_ONCE
    os.environ["SESSIONS_AT_ONCE"] = str(AT_ONCE)  # for the processes that run them

ROOT = Path(__file__).parent
PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
if RUNNING not in PYTHONS:
    PYTHONS.append(RUNNING)
ADAPTERS = sorted(
    path.parent.name.removeprefix("counterseal-") for path in ROOT.glob("adapters/*/pyproject.toml")
)
PROCESSES = dict.fromkeys(["demo", "oidc", "server"], "4")
PROCESSES |= {"redis": "0", "sql": "0", "testing": "auto", "web": "auto"}
"""
How many processes the tests of a larger adapter run in; none is one, as for the smaller ones.

Those that start servers wait for others more than they compute. Those with databases need the CPU:
each process would have databases of its own.
"""

ON_EACH_PYTHON = ["unit/test_ijson.py", "unit/test_imports_quietly.py", "vectors"]
"""What the default sessions test on every Python, by vectors; `pythons` tests all of the core."""

IN_PYTHON = [name for name in ADAPTERS if name not in {"portal", "pwa"}]
"""The adapters but those with pages, whose tests use the tools of the packages for npm."""
SMALL = [name for name in IN_PYTHON if name not in PROCESSES]
"""Most of their tests are over before a second process has started."""

DEPLOYED = sorted(map(str, Path("adapters/counterseal-server/tests").glob("test_deploy_*.py")))
"""What `deploy` tests, with more tools than the session of the adapter."""

BUILT_SITE = "docs/test_built_site.py"
"""What tests the pages as they are built, in a browser."""

BROWSER = [
    *(f"--package=counterseal{suffix}" for suffix in ("", "-client", "-demo", "-oidc")),
    *("--package=counterseal-portal", "--package=counterseal-pwa"),
    *("--group=tests", "--group=shops"),  # Playwright is in these groups
]
"""What the tests of the npm packages, the browser device and the portal need."""

# Sets have another order in every run, and the same in all of a run's processes; those in
# which nox runs sessions at once read this file again, and find the seed in their environment.
SEED = os.environ.get("PYTHONHASHSEED") or str(random.randrange(2**32))
os.environ["PYTHONHASHSEED"] = SEED
# Under another name: sessions start the service, which refuses settings that it does not know.
os.environ.setdefault("REQUIRED_TOOLS", os.environ.pop("COUNTERSEAL_REQUIRE", ""))
# Tests start some hundred Pythons, and containers like to tell each to compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

LONG = nox.project.load_toml("tests/sessions.toml")
"""What `nox` alone does not run."""

RELEASE = {"PYTHONPATH": ".github"}
"""Where the package is that builds a release, in whatever clone."""

COMPILED = ROOT / ".nox" / "compiled"
"""Compiled modules of installed packages, which environments of sessions share."""


def sync(session: nox.Session, *selection: str) -> None:
    """Make the session's environment what uv.lock says of *selection*."""
    place = session.virtualenv.location
    options = ["--frozen", "--quiet", "--no-default-groups", f"--python={place}"]
    session.run_install("uv", "sync", *options, *selection, env={"UV_PROJECT_ENVIRONMENT": place})
    link_compiled(COMPILED, site_packages(session))


def site_packages(session: nox.Session) -> Path:
    """Return the folder of the session's installed packages."""
    return next(Path(session.virtualenv.location).glob("lib/python*/site-packages"), Path("none"))


def link_compiled(source: Path, target: Path) -> None:
    """
    Link what *source* has of compiled modules into *target*, where it is missing.

    Every environment links the same files of uv's cache, and each process of each session would
    compile them anew: 10 seconds of CPU time. A compiled module names the time and size of its
    source, so Python compiles one again that does not fit.
    """
    for compiled in source.glob("**/__pycache__/*.pyc"):
        link = target / compiled.relative_to(source)
        with contextlib.suppress(OSError):  # another session links it, or into another file system
            if not link.exists() and (target == COMPILED or link.parents[1].is_dir()):
                link.parent.mkdir(parents=True, exist_ok=True)
                link.hardlink_to(compiled)


def pytest(session: nox.Session, *args: str, under: tuple = (), codes: tuple = (0,)) -> None:
    """Run pytest on every core there is, up to four, unless *args* say how many at once."""
    session.log(f"PYTHONHASHSEED={SEED}")
    options = ["--numprocesses=auto", "--dist=worksteal", "--maxprocesses=4"]
    command = [*under, "pytest", *options, *narrowed(args, session.posargs), *session.posargs]
    session.run(*command, env={"PYTHONHASHSEED": SEED}, success_codes=codes)
    link_compiled(site_packages(session), COMPILED)


def narrowed(arguments: Iterable[str], words: list[str]) -> list[str]:
    """Return *arguments* of pytest without their paths, if *words* name others."""

    def names_tests(word: str) -> bool:
        # With a slash or an ending: after `-k`, a word may be the name of a folder.
        path = Path(word.partition("::")[0])
        return path.exists() and (len(path.parts) > 1 or bool(path.suffix))

    if not any(map(names_tests, words)):
        return list(arguments)
    return [argument for argument in arguments if not Path(argument).exists()]


def run_long(session: nox.Session, row: dict[str, Any], **words: str) -> None:
    """
    Run a row of tests/sessions.toml, whose head says what is in it.

    Args:
        words: What stands in a command in place of its name.
    """
    require(*row.get("require", ()))
    others = [word for word in session.posargs if word != "--small"]
    variables = row.get("env", {})
    if others != session.posargs:
        if "small" not in row:
            session.error("there is no small setting: --small is for those that have one")
        variables = variables | row["small"]
    given = {name: os.environ[name] for name in variables if name in os.environ}
    for command in row["run"]:
        program, *arguments = (words.get(word, word) for word in shlex.split(command))
        if program == "pytest":
            arguments = narrowed(arguments, others)
        environment = {"PYTHONHASHSEED": SEED} | variables | given
        session.run(program, *arguments, *others, env=environment)
        others = []


def require(*tools: str) -> None:
    """Let tests fail that are skipped because one of *tools* is absent."""
    required = {*filter(None, os.environ["REQUIRED_TOOLS"].split(",")), *tools}
    os.environ["REQUIRED_TOOLS"] = ",".join(sorted(required))


def generated() -> list[str]:
    """Find the pages that hold a cog block."""
    # Parts first: other pages show them.
    pages = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/parts/*.md"))]
    pages += [page for page in sorted(ROOT.glob("docs/**/*.md")) if page not in pages]
    return [str(page.relative_to(ROOT)) for page in pages if "[[[cog" in page.read_text()]


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check style and format, and that uv.lock says what the packages ask for."""
    sync(session, "--only-group=lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    # Without the network or a local mirror: an up-to-date lock needs neither.
    public = "--default-index=https://pypi.org/simple"
    session.run("uv", "lock", "--check", "--offline", "--quiet", public)


# Sessions run in the order of this file: the two that take longest come first, since they wait
# most, or use one core, so that others use the rest.
@nox.session(allow_parallel=True)
def javascript(session: nox.Session) -> None:
    """Check the npm packages, browser device and portal: types, style, in Node and Chromium."""
    sync(session, *BROWSER)
    require("npm")
    folders = [f"adapters/counterseal-{name}" for name in ("js", "portal", "pwa")]
    # In the order of the folders: files with few tests, such as those with the compiler and the
    # linter, take longest, and would otherwise be last.
    options = ["--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder"]
    pytest(session, *options, *folders)


def sync_adapter(session: nox.Session, name: str) -> None:
    """Make the environment one with the core, an adapter and those that it declares, no other."""
    # The group of the workspace, and the adapter's own, if it has one.
    sync(session, "--package=counterseal", f"--package=counterseal-{name}", "--group=tests")


@nox.session(allow_parallel=True)
def adapters(session: nox.Session) -> None:
    """
    Test each of the smaller adapters as `adapter` does, one after another.

    The environment has only what the adapter declares; what several declare is compiled once.
    """
    codes = (0, 5) if session.posargs else (0,)  # not each adapter has a test that was chosen
    for name in SMALL:
        sync_adapter(session, name)
        pytest(session, "--numprocesses=0", f"adapters/counterseal-{name}", codes=codes)


@nox.session(allow_parallel=True)
def types(session: nox.Session) -> None:
    """Check the types of the core, of every adapter and of the public face."""
    sync(session, "--all-packages", "--group=types")
    session.run("mypy")


@nox.session(allow_parallel=True)
def imports(session: nox.Session) -> None:
    """Check the import contracts."""
    sync(session, "--all-packages", "--group=tests")
    session.run("lint-imports", "--no-logo")


@nox.session(allow_parallel=True)
def docs(session: nox.Session) -> None:
    """Check generated pages, build the documentation, look for remote assets, and search in it."""
    groups = ("--group=docs", "--group=tests", "--group=shops")  # Playwright is in the last two
    sync(session, "--all-packages", "--all-extras", *groups)
    options = ["-I", "docs", "--check", "--diff", "--check-fail-msg=Run: nox -s generate"]
    session.run("cog", *options, *generated())
    built = "docs/_build/html"
    options = ["-W", "-n", "--keep-going", "-E", "-q", "--jobs=auto"]
    session.run("sphinx-build", *options, "docs", built)
    session.run("python", "docs/offline.py", built)
    session.run("pytest", BUILT_SITE, *session.posargs, env={"BUILT_SITE": built})


@nox.session(allow_parallel=True)
def examples(session: nox.Session) -> None:
    """Run every example file and every Python block of the pages; test what builds the pages."""
    sync(session, "--all-packages", "--group=docs", "--group=tests", "--group=shops")
    readmes = [str(path.relative_to(ROOT)) for path in ROOT.glob("adapters/*/README.md")]
    # A page's blocks go on from each other; `docs` tests the site that it builds.
    options = ["--dist=loadfile", f"--ignore={BUILT_SITE}"]
    pytest(session, *options, "docs", "README.md", *sorted(readmes))


@nox.session(python=PYTHONS, allow_parallel=True)
def tests(session: nox.Session) -> None:
    """Test the core with the test kit alone; on other Pythons by vectors what is on the wire."""
    sync(session, "--group=tests")
    chosen = session.python == RUNNING or session.posargs
    # Another process costs a tenth more CPU time, and on two cores another session has it.
    alone = "SESSIONS_AT_ONCE" not in os.environ or (os.cpu_count() or 1) > AT_ONCE
    processes = [] if alone else ["--numprocesses=0"]
    names = [""] if chosen else ON_EACH_PYTHON
    pytest(session, *processes, *(f"tests/{name}" for name in names))


@nox.session(default=False, python=[python for python in PYTHONS if python != RUNNING])
def pythons(session: nox.Session) -> None:
    """
    Test all of the core, but what reads source text or plants defects, on other Pythons.

    Where uv.lock has a newer Django than on the oldest Python, test counterseal-django, too.
    """
    sync(session, "--group=tests")
    pytest(session, "-m", "not service and not one_python", "tests")
    if session.python != PYTHONS[0]:
        sync_adapter(session, "django")
        codes = (0, 5) if session.posargs else (0,)
        pytest(session, "--numprocesses=0", "adapters/counterseal-django", codes=codes)


@nox.session(allow_parallel=True)
@nox.parametrize("name", sorted(PROCESSES), ids=sorted(PROCESSES))
def adapter(session: nox.Session, name: str) -> None:
    """Test one of the larger adapters with the core and the adapters it declares, and no other."""
    sync_adapter(session, name)
    folder = f"adapters/counterseal-{name}"
    others = [f"--ignore={path}" for path in DEPLOYED if path.startswith(folder)]
    pytest(session, f"--numprocesses={PROCESSES[name]}", *others, folder)


@nox.session(default=False)
def generate(session: nox.Session) -> None:
    """Rewrite the generated parts of the pages."""
    sync(session, "--all-packages", "--all-extras", "--group=docs")
    session.run("cog", "-I", "docs", "-r", *generated())


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Measure the branches of the core that its own tests reach."""
    sync(session, "--group=tests")
    session.run("coverage", "erase")
    pytest(session, "tests", under=("coverage", "run", "-m"))
    session.run("coverage", "combine", "--quiet")
    part = ["--fail-under=0"] if session.posargs else []
    session.run("coverage", "report", *part)


@nox.session(default=False, python=PYTHONS[0])
def floor(session: nox.Session) -> None:
    """Test everything, or what stands after `--`, on the lowest dependencies of the packages."""
    sync(session, "--all-packages", "--group=tests")
    packages = [f"counterseal-{name}" for name in ADAPTERS]
    lowest = str(Path(session.create_tmp()) / "lowest.txt")
    files = ["pyproject.toml", *(f"adapters/{package}/pyproject.toml" for package in packages)]
    # What tests need has to fit, so it is the lowest, too.
    groups = [
        f"--group={file}:tests"
        for file in files
        if "tests" in nox.project.load_toml(file).get("dependency-groups", {})
    ]
    # Without `--upgrade` it would prefer what an earlier run has written.
    options = ["--quiet", "--resolution=lowest-direct", "--upgrade", "--all-extras"]
    options += [f"--python={session.virtualenv.location}", f"--output-file={lowest}"]
    ours = ["counterseal", "pytest-workspace", *packages]
    options += [f"--no-emit-package={package}" for package in ours]
    session.run_install("uv", "pip", "compile", *options, *groups, *files)
    session.run_install("uv", "pip", "install", "--requirement", lowest)
    pytest(session, "tests", "adapters")


@nox.session(default=False)
def interop(session: nox.Session) -> None:
    """Let programs of others use the service: CIBA clients and hosts, MCP and agent frameworks."""
    sync(session, "--all-packages", "--all-extras", "--group=interop", "--group=shops")
    require("npm")
    pytest(session, "--numprocesses=2", "--dist=loadfile", "tests/interop")


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Change everything that decides in every small way; each survivor has to be listed."""
    sync(session, "--group=mutants")
    session.run("python", "tests/mutants", *session.posargs)


@nox.session(allow_parallel=True)
def packaging(session: nox.Session) -> None:
    """Check what a release needs: metadata, READMEs, versions, changelog and workflow files."""
    sync(session, "--only-group=packaging")
    session.run("pytest", *narrowed([".github/release"], session.posargs), *session.posargs)


@nox.session(default=False)
def version(session: nox.Session) -> None:
    """Write the version that stands after `--` wherever it is, and join the changelog."""
    sync(session, "--only-group=packaging")
    session.run("python", "-m", "release", "version", *session.posargs, env=RELEASE)
    session.run_install("uv", "lock", "--quiet")


@nox.session(default=False)
def upgrade(session: nox.Session) -> None:
    """Upgrade two machines under load from the release of the commit that stands after `--`."""
    if not session.posargs:
        session.error("give the commit of the older release: nox -s upgrade -- COMMIT")
    sync(session, "--package=counterseal-server", "--group=tests")
    # A PostgreSQL, and the uv that builds the wheels.
    sync(session, "--inexact", "--only-group=shops", "--only-group=nox")
    sync(session, "--inexact", "--package=counterseal-sql", "--extra=postgresql")
    session.run("python", "adapters/counterseal-server/upgrade", *session.posargs)


@nox.session(allow_parallel=True)
def deploy(session: nox.Session) -> None:
    """Check the files for containers with tools and planted mistakes; build, and run what it is."""
    packages = ("--package=counterseal", "--package=counterseal-server")
    sync(session, *packages, "--group=tests", "--group=deploy")
    require("hadolint")
    pytest(session, "--numprocesses=2", "--dist=loadfile", *DEPLOYED)


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """
    Build what the commit releases into dist, and use the wheels alone.

    With `-- --twice`, build from another clone too, and compare each byte.
    """
    sync(session, "--all-packages", "--all-extras", "--group=release")
    session.run("python", "-m", "release", "build", "dist", *session.posargs, env=RELEASE)
    session.run("python", "-m", "release", "check", "dist", env=RELEASE)


@nox.session(default=False)
@nox.parametrize("name", sorted(LONG["heavy"]), ids=sorted(LONG["heavy"]))
def heavy(session: nox.Session, name: str) -> None:
    """Run what takes long, as tests/sessions.toml says."""
    sync(session, "--all-packages", "--all-extras", "--group=tests", "--group=shops")
    run_long(session, LONG["heavy"][name])


@nox.session(default=False)
@nox.parametrize("name", sorted(LONG["bench"]), ids=sorted(LONG["bench"]))
def bench(session: nox.Session, name: str) -> None:
    """Measure what tests/sessions.toml says; with `-- --small`, only show that everything runs."""
    peer = Path(session.create_tmp()).absolute() / "peer"
    if any("PEER_PYTHON" in command for command in LONG["bench"][name]["run"]):
        pins = "tests/bench/peer/requirements.txt"
        session.run_install("uv", "venv", "--quiet", "--clear", f"--python={RUNNING}", str(peer))
        session.run_install("uv", "pip", "sync", "--quiet", f"--python={peer}", pins)
    # PostgreSQL and FastAPI are among what the shops need.
    sync(session, "--all-packages", "--all-extras", "--group=bench", "--group=shops")
    run_long(session, LONG["bench"][name], PEER_PYTHON=str(peer / "bin" / "python"))


@nox.session(default=False, venv_backend="none")
def smoke(session: nox.Session) -> None:
    """Run every session that is not default, or those after `--`, at its smallest setting."""
    session.run(sys.executable, "tests/smoke", *session.posargs)
