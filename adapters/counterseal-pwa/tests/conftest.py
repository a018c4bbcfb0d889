"""A service with the browser device, an origin of it, and Chromium."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import chdir, contextmanager
from datetime import timedelta
from fnmatch import fnmatchcase
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import pytest
from click.testing import CliRunner
from reserved_ports import reserve_port

from counterseal import ijson
from counterseal.challenges.documents.question import request_document
from counterseal.credentials.documents import write_basic
from counterseal.models import Question
from counterseal_client import Client, Trust
from counterseal_pwa import write_site
from counterseal_pwa.assets import MEDIA_TYPES
from counterseal_server.cli import main
from counterseal_testing.pictures import build_png

FOLDER = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(FOLDER.parent / "counterseal-webpush" / "tests")]

from browser_waits import PATIENCE, wait_until  # noqa: E402 (it lies beside this file)
from push_loopback import PushService  # noqa: E402 (it lies with its adapter)

COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
CONFIG = "counterseal.toml"
LOG = "log"
SETTINGS = """
browser_device_documents = ["https://files.example.com"]
[policy]
ask_limit_origin = 50
ask_limit = 50
ask_limit_unapproved = 50
"""
"""Of the service that most tests use: one is started for all tests of a process."""

FULL = "BROWSER_FULL" in os.environ
"""Whether every size, theme and kind of key is tested: `nox -s "heavy(browser-full)"`."""

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
PHONE = {"width": 390, "height": 844}
COLOR = "#0B5F66"
"""Of the App Space."""


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSEAL")}


class RecordingPushService(PushService):
    """
    A push service on loopback, as browsers have one.

    Attributes:
        received: The messages that came and were not looked at, oldest first.
    """

    def __init__(self):
        self.received = queue.Queue()
        super().__init__()

    def respond(self, path, headers, body):
        status = super().respond(path, headers, body)
        self.received.put(self.messages[-1])
        return status

    def next(self, browser):
        """Return the next message for a subscription; wait until it comes, and drop others."""
        while True:
            message = self.received.get(timeout=PATIENCE)
            if self.url + message.path == browser.endpoint:
                return message


class Origin:
    """
    An origin of a running service.

    Attributes:
        url: The service's.
        client: The origin's client.
        trust: The service's keys.
        keys_file: The same as a file, for `counterseal verify`.
        push_key: The public key with which browsers subscribe.
        guid: The origin's.
        authorization: The header of its calls.
        service: The running service, which can be stopped, as `running_service` sets it.
    """

    def __init__(self, url, document, jwks, keys_file, push_key):
        self.url, self.guid = url, document["requestOriginGuid"]
        self.client = Client(url, self.guid, document["key"], scheme="basic", allow_http=True)
        self.authorization = write_basic(document["key"], guid=self.guid)
        self.trust = Trust.jwks(jwks)
        self.keys_file, self.push_key = keys_file, push_key

    def link(self, account_id):
        """Return a bind link as an address of the app."""
        return self.client.bind(account_id).link()

    def ask_action(self, account_id, action, duration):
        """Ask for the approval of an action; return the request's GUID."""
        question = Question(account_id=account_id, content=action, duration=duration)
        request = urllib.request.Request(  # noqa: S310 (http)
            f"{self.url}/request/add",
            ijson.compact(request_document(question)),
            {"Authorization": self.authorization, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310 (http)
                return json.load(response)["guid"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read()) from None

    def wait(self, pending_request):
        return self.client.wait(pending_request, timedelta(seconds=20))

    def verify(self, receipt, folder):
        """Verify a receipt as anybody may, at the command line."""
        verify_at_command_line(receipt, self.keys_file, folder)


def verify_at_command_line(receipt, keys_file, folder):
    file = folder / "receipt.jws"
    file.write_text(receipt, "utf-8")
    invoke("verify", str(file), "--jwks", str(keys_file))


class RunningDemo:
    """
    A running `counterseal demo --web`.

    Attributes:
        url: The address that it prints.
    """

    def __init__(self, url):
        self.url = url

    def verify(self, receipt, folder):
        """Verify a receipt as anybody may, at the command line."""
        keys_file = folder / "jwks.json"
        keys_file.write_text(json.dumps(jwks_of(self.url)), "utf-8")
        verify_at_command_line(receipt, keys_file, folder)


@contextmanager
def run_demo():
    process = subprocess.Popen(
        [*COMMAND, "demo", "--web", "--no-open"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=clean_environment(),
    )
    try:
        yield RunningDemo(re.search(r"http://localhost:[0-9]+", process.stdout.readline())[0])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.fixture(scope="session")
def start_demo():
    """Return a context in which a `counterseal demo --web` runs."""
    return run_demo


@pytest.fixture(scope="session")
def running_demo():
    with run_demo() as demo:
        yield demo


def run_command(folder, *arguments):
    """Run the command in *folder*, and return the JSON that it prints."""
    with chdir(folder):
        return json.loads(invoke(*arguments))


def invoke(*arguments):
    """Run the command in this process, which starts no Python; return what it prints."""
    settings = dict.fromkeys(name for name in os.environ if name.startswith("COUNTERSEAL"))
    ended = CliRunner(env=settings).invoke(main, arguments, catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


class RunningService:
    """
    A process of `counterseal serve`, and another one after it was stopped.

    Attributes:
        folder: Where it has its data and its log.
    """

    def __init__(self, folder, port):
        self.folder, self._port = folder, port
        self.start()

    def start(self):
        self._process = start_service(self.folder, self._port)

    def stop(self):
        self._process.terminate()
        self._process.wait(PATIENCE)

    @property
    def is_stopped(self):
        return self._process.poll() is not None

    def administer(self, *arguments):
        """Run an operator's command beside it, and return the JSON that it prints."""
        return run_command(self.folder, "admin", *arguments, "--data", "data")

    def read_log(self):
        """Return the lines of its log."""
        # The last one may not be whole.
        return (self.folder / LOG).read_text("utf-8").split("\n")[:-1]


def start_service(folder, port):
    """Start `counterseal serve` with the browser device, and the configuration of *folder*."""
    command = [*COMMAND, "serve", "--data", "data", "--port", str(port), "--config", CONFIG]
    environment = clean_environment() | {
        "COUNTERSEAL_ALLOW_PRIVATE_PUSHES": "yes",
        "COUNTERSEAL_BROWSER_DEVICE": "yes",
        "COUNTERSEAL_PUBLIC_URL": f"http://localhost:{port}",
        "COUNTERSEAL_WEBPUSH_CONTACT": "mailto:operator@push.example",
    }
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(command, stderr=log, cwd=folder, env=environment)


def jwks_of(url):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{url}/.well-known/jwks.json", timeout=5) as response:  # noqa: S310 (http)
                return json.load(response)
        except (URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextmanager
def running_service(folder, configure=lambda document: ""):
    """
    Run a service with an origin in *folder*; yield the origin.

    Args:
        folder: An empty one.
        configure: Returns the service's configuration, from what `init` has printed.
    """
    names = ("--company", "Example", "--app-space", "Harbour Bank", "--origin", "Online banking")
    document = run_command(folder, "init", "--data", "data", *names, "--auth", "basic")
    (folder / CONFIG).write_text(configure(document), "utf-8")
    (folder / "logo.png").write_bytes(build_png("#F0B700", 64, 64))
    brand = ("--brand-color", COLOR, "--logo", "logo.png", "--data", "data")
    run_command(folder, "admin", "edit-app-space", document["appSpaceGuid"], *brand)
    push_key = run_command(folder, "keys", "webpush", "--data", "data")["publicKey"]
    port = reserve_port()
    url = f"http://localhost:{port}"  # passkeys are for names, not for addresses
    service = RunningService(folder, port)
    try:
        jwks = jwks_of(url)
        (folder / "jwks.json").write_text(json.dumps(jwks), "utf-8")
        origin = Origin(url, document, jwks, folder / "jwks.json", push_key)
        origin.service = service
        with origin.client:
            yield origin
    finally:
        service.stop()


@pytest.fixture(scope="session")
def origin(tmp_path_factory):
    """An origin of a service whose app may fetch documents from https://files.example.com."""
    with running_service(tmp_path_factory.mktemp("service"), lambda _: SETTINGS) as origin:
        yield origin


@pytest.fixture
def stoppable_origin(origin):
    """The origin, whose service the test may stop; for other tests, it is started again."""
    yield origin
    if origin.service.is_stopped:
        origin.service.start()
        jwks_of(origin.url)


@pytest.fixture
def patient_origin(tmp_path):
    """An origin of a service that asks often, and revokes no device before 100 wrong signatures."""
    limits = dict.fromkeys(("ask_limit_origin", "ask_limit", "ask_limit_unapproved"), 50)
    lines = [f"{name} = {limit}" for name, limit in {**limits, "strike_limit": 100}.items()]
    with running_service(tmp_path, lambda _: "\n".join(["[policy]", *lines])) as origin:
        yield origin


class TwoTenants:
    """
    Two companies of one service whose names are equal, and those of their App Spaces and origins.

    Attributes:
        origins: An origin of each.
        companies: The GUID of each.
    """

    def __init__(self, origin):
        self._command = origin.service.administer
        (first,) = self._command("list")["companies"]
        company = self._command("company", first["name"])["companyGuid"]
        space = self._command("app-space", company, first["appSpaces"][0]["name"])["appSpaceGuid"]
        document = self._command("origin", space, "Online banking", "--auth", "basic")
        jwks = jwks_of(origin.url)
        other = Origin(origin.url, document, jwks, origin.keys_file, origin.push_key)
        self.origins = (origin, other)
        self.companies = (first["companyGuid"], company)

    def verify(self, company, *name):
        """Give a company its verified name, or take it away by `--not-verified`."""
        self._command("verify-company", company, *name)

    def rename(self, company, name):
        """Call a company as its own administrators may call it."""
        self._command("edit-company", company, name)


@pytest.fixture(scope="module")
def two_tenants(origin):
    tenants = TwoTenants(origin)
    with tenants.origins[1].client:
        yield tenants


class StaticSite:
    """
    A web server on loopback that only serves files, with the headers that the folder says.

    Attributes:
        url: Its address; the name is one for which browsers make passkeys.
    """

    def __init__(self, folder):
        self.folder = folder
        site = self

        class Handler(SimpleHTTPRequestHandler):
            extensions_map = MEDIA_TYPES

            def __init__(self, *arguments):
                super().__init__(*arguments, directory=site.folder)

            def do_GET(self):
                # Tests deploy twice in a second, which is one moment in that header.
                del self.headers["If-Modified-Since"]
                super().do_GET()

            def end_headers(self):
                for header in site.headers(self.path):
                    self.send_header(*header)
                super().end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def headers(self, address):
        """Return the headers that the folder's own file says for an address, name and value."""
        path, headers, fits = address.partition("?")[0], [], False
        for line in (self.folder / "_headers").read_text("utf-8").splitlines():
            if not line.startswith(" "):
                fits = fnmatchcase(path, line)
            elif fits:
                headers.append(tuple(line.strip().split(": ", 1)))
        return headers

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def app_site(tmp_path_factory):
    """A site for the app, at an address of its own; nothing is in it."""
    site = StaticSite(tmp_path_factory.mktemp("app"))
    yield site
    site.close()


@pytest.fixture(scope="module")
def far_origin(app_site, tmp_path_factory):
    """An origin of a service whose app is the site's."""

    def configure(document):
        return f"""
            browser_device_url = "{app_site.url}"
            [policy]
            passkey_origin = "{app_site.url}"
            [cors]
            "{document["appSpaceGuid"]}" = ["{app_site.url}"]
        """

    with running_service(tmp_path_factory.mktemp("far"), configure) as origin:
        write_site(app_site.folder, origin.url)
        yield origin


@pytest.fixture(scope="session")
def push_service(origin):
    """The push service of the browsers, which accepts our service only."""
    service = RecordingPushService()
    service.key = origin.push_key
    yield service
    service.close()


class PausedCalls:
    """Calls of a page that get no reply until the test releases them."""

    def __init__(self, page, pattern):
        self._page, self._routes, self._is_released = page, [], False
        page.route(pattern, self._take)

    def _take(self, route):
        if self._is_released:
            route.fallback()
        else:
            self._routes.append(route)

    def wait(self):
        """Wait until the page has made one."""
        wait_until(self._page, lambda: self._routes, "the page has made no call")

    def release(self):
        """Let them go on, and those that follow."""
        self._is_released = True
        for route in self._routes:
            route.fallback()


class Device:
    """
    The app in a browser of its own.

    Attributes:
        page: Playwright's.
        problems: What the browser complained about: errors, and violations of the policy.
    """

    def __init__(self, page):
        self.page = page
        self.problems = []
        self._has_authenticator = False
        # Of all pages and workers: a violation of the policy is an error there.
        page.context.on("console", self._console)
        page.context.on("weberror", lambda failure: self.problems.append(str(failure.error)))

    def _console(self, message):
        # A refusal of the service is a status, which Chromium writes there.
        expected = ("Failed to load resource", "Service Worker registration blocked by Playwright")
        if message.type in {"error", "warning"} and not message.text.startswith(expected):
            self.problems.append(message.text)

    def authenticate(self, **options):
        """Give the browser an authenticator of its own; return what changes it."""
        self._has_authenticator = True
        session = self.page.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        added = session.send(
            "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | options}
        )

        def verify(verified):
            how = {**added, "isUserVerified": verified}
            session.send("WebAuthn.setUserVerified", how)

        return verify

    def bind_passkey(self, link):
        """
        Open a bind link, and make a passkey.

        That takes a third of a second of CPU less than a key under a PIN, as does each answer.
        """
        if not self._has_authenticator:
            self.authenticate()
        self.page.goto(link)
        self.page.locator("input[value=passkey]").wait_for()
        self.page.locator("form button.main").click()
        self.page.locator("a.button.main").click()
        self.page.locator("#waiting").wait_for()

    def bind(self, link, pin="739154", name=None):
        """Open a bind link, and choose a PIN."""
        self.page.goto(link)
        form = self.page.locator("form:has(#name)")
        if name is not None:
            form.locator("#name").fill(name)
        form.locator("button.main").click()
        self.page.locator("#pin").fill(pin)
        self.page.locator("#pin-again").fill(pin)
        self.page.locator("dialog button.main").click()
        self.page.locator("a.button.main").click()
        self.page.locator("#waiting").wait_for()

    def follow(self, link):
        """
        Follow a link, or press a button, of what the app may fill anew at any moment.

        Between the press of a mouse and its release it may be another element: that is no click.
        """
        link.dispatch_event("click")

    def open_request(self):
        """Open the request that waits."""
        self.follow(self.page.locator("a.open"))
        self.page.locator(".answer").first.wait_for()

    def open_account(self):
        """Open the first account; a request that has just ended may still be in the list."""
        self.follow(self.page.locator("a.card:not(.open)").first)

    def press(self, title, pin="739154"):
        """Press a button of a request, and give the PIN if it asks for one."""
        self.page.get_by_role("button", name=title, exact=True).click()
        if pin is not None:
            self.give_pin(pin)

    def give_pin(self, pin):
        """Give the PIN in the dialog that asks for it."""
        self.page.locator("#pin").fill(pin)
        self.page.locator("dialog button.main").click()

    def refuse(self, title, choice="Refuse without a reason"):
        """Press a button that refuses, and what is in the sheet that it opens."""
        self.page.get_by_role("button", name=title, exact=True).click()
        self.page.get_by_role("button", name=choice, exact=True).click()

    @property
    def heading(self):
        return self.page.locator("h1").inner_text()

    @property
    def service_worker(self):
        """The service worker, once Playwright knows of it."""
        context = self.page.context
        wait_until(self.page, lambda: context.service_workers, "there is no service worker")
        (worker,) = context.service_workers
        return worker

    def wait_for_heading(self, text):
        self.page.get_by_role("heading", name=text, exact=True, level=1).wait_for()


@pytest.fixture
def pause_calls():
    """Return a function that pauses calls of a page: `PausedCalls`."""
    return PausedCalls


@pytest.fixture
def open_device(request):
    """
    Return a function that opens a browser of its own; nothing may complain in any.

    Only tests with the mark `service_worker` have one: it loads files once more, which takes CPU.
    So does a Chromium that shows notifications, which only tests with that mark have.
    """
    devices = []
    has_worker, notifies = (
        request.node.get_closest_marker(name) is not None
        for name in ("service_worker", "notifications")
    )
    chromium = request.getfixturevalue("whole_chromium" if notifies else "chromium")

    @contextmanager
    def opened(**how):
        options = {"viewport": PHONE, "locale": "en-GB", "reduced_motion": "reduce"} | how
        options |= {"service_workers": "allow" if has_worker else "block"}
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE * 1000)
        device = Device(context.new_page())
        devices.append(device)
        try:
            yield device
        finally:
            for page in context.pages:
                # The list of requests may still load one.
                page.unroute_all(behavior="ignoreErrors")
            context.close()

    yield opened
    assert [problem for device in devices for problem in device.problems] == []


@pytest.fixture
def device(open_device):
    with open_device() as device:
        yield device
