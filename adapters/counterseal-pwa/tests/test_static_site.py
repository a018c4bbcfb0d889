"""The static site: the files of the package, but one, and the headers of `Pages`."""

import re
import subprocess
import sys
from fnmatch import fnmatchcase

import pytest

from counterseal.errors import InvalidField
from counterseal_pwa import Pages, load_assets, nginx_headers, write_site
from counterseal_pwa.__main__ import main
from counterseal_web import Request

SERVICE = "https://auth.example.com"
GOOD = [SERVICE, "https://example.com:8443/auth", "http://localhost:8080", "http://127.0.0.1"]
BAD = [
    "",
    "auth.example.com",
    "https://auth.example.com/",
    "https://AUTH.example.com",
    "https://auth.example.com?x",
    "https://auth.example.com; script-src *",
    "https://user@auth.example.com",
    "https://*",
    "https://[::1]",
    "http://auth.example.com",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "data:text/plain,x",
]


def policy_of(pages):
    policy = pages.headers["Content-Security-Policy"]
    return dict(each.split(" ", 1) for each in policy.split("; "))


def test_only_one_file_differs_from_the_packages(tmp_path):
    names = write_site(tmp_path, SERVICE)
    files = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert files.keys() == {*names}
    package = {name: asset.body for name, asset in load_assets().items()}
    assert {name for name in files if files[name] != package.get(name)} == {
        "_headers",
        "service.json",
    }
    assert package.keys() <= files.keys()
    assert files["service.json"] == b'{"service": "https://auth.example.com"}\n'


def sent_headers(name):
    """Return the headers that `Pages` sends with a file, but those that a web server knows."""
    response = Pages(service=SERVICE).respond(Request(method="GET", path=f"/app/{name}"))
    unsaid = {"Content-Length", "Content-Type", "ETag", "Vary"}
    return {header: value for header, value in response.headers if header not in unsaid}


def headers_of_file(text, path):
    """Return what a host of static sites sends for *path* by the file of headers."""
    headers = {}
    for block in re.findall(r"^(/.*)\n((?:  .*\n)+)", text, re.MULTILINE):
        if fnmatchcase(path, block[0]):
            for line in block[1].splitlines():
                name, value = line.strip().split(": ", 1)
                assert name not in headers  # hosts join what two blocks say
                headers[name] = value
    return headers


def headers_of_nginx(directives, path):
    """Return what nginx sends for *path* by its directives."""
    variables, headers = {}, {}
    for line in directives.splitlines():
        if added := re.fullmatch(r'add_header (\S+) (?:"([^"]*)" always|(\$\w+));', line):
            headers[added[1]] = variables[added[3]] if added[3] else added[2]
        elif chosen := re.fullmatch(r'if \(\$uri ~ "([^"]+)"\) \{ set (\$\w+) "([^"]+)"; \}', line):
            if re.search(chosen[1], path):
                variables[chosen[2]] = chosen[3]
        else:
            variable = re.fullmatch(r'set (\$\w+) "([^"]+)";', line)
            variables[variable[1]] = variable[2]
    return headers


@pytest.mark.parametrize("name", ["", *load_assets()])
def test_the_headers_are_those_of_the_pages(tmp_path, name):
    write_site(tmp_path, SERVICE)
    text = (tmp_path / "_headers").read_text("utf-8")
    assert headers_of_file(text, f"/{name}") == sent_headers(name)
    assert headers_of_nginx(nginx_headers(SERVICE), f"/{name}") == sent_headers(name)


@pytest.mark.parametrize("service", GOOD)
def test_the_policy_lets_the_app_call_its_service_and_nothing_else(service):
    own, far = policy_of(Pages()), policy_of(Pages(service=service))
    web_origin = re.match(r"https?://[^/]+", service)[0]
    changed = {name: value for name, value in far.items() if value != own[name]}
    assert changed == dict.fromkeys(("connect-src", "img-src"), f"'self' {web_origin}")


def test_the_policy_lets_the_app_fetch_documents_from_listed_origins(tmp_path):
    documents = ("https://files.example.com", "https://docs.example.com:8443")
    allowed = (
        "'self' https://auth.example.com https://files.example.com https://docs.example.com:8443"
    )
    far = policy_of(Pages(service=SERVICE))
    listed = policy_of(Pages(service=SERVICE, documents=documents))
    assert listed == {**far, "connect-src": allowed}
    write_site(tmp_path, SERVICE, documents=documents)
    assert f"connect-src {allowed};" in (tmp_path / "_headers").read_text("utf-8")
    assert f"connect-src {allowed};" in nginx_headers(SERVICE, documents=documents)


@pytest.mark.parametrize(
    "documents",
    [
        ["http://files.example.com"],
        ["https://files.example.com/"],
        ["https://files.example.com", "https:"],
        ["https://FILES.example.com"],
        ["https://*.example.com"],
        ["https://files.example.com; script-src *"],
        "https:",
    ],
    ids=str,
)
def test_origins_of_documents_that_are_none_are_refused(documents):
    with pytest.raises(InvalidField) as refusal:
        Pages(documents=documents)
    assert refusal.value.field == "documents"


@pytest.mark.parametrize("service", BAD)
def test_an_address_that_is_none_is_refused(service, tmp_path):
    with pytest.raises(InvalidField) as refusal:
        write_site(tmp_path, service)
    assert refusal.value.field == "service"
    assert not list(tmp_path.iterdir())
    with pytest.raises(InvalidField):
        load_assets(service)


def test_a_newer_package_replaces_the_files_and_keeps_those_of_open_pages(tmp_path):
    write_site(tmp_path, "https://old.example.com")
    older = tmp_path / "0123456789abcdef" / "app.js"
    older.parent.mkdir()
    for path in (older, tmp_path / "worker.js"):
        path.write_text("old")
    write_site(tmp_path, SERVICE)
    assert older.read_text() == "old"
    assert (tmp_path / "worker.js").read_bytes() == load_assets()["worker.js"].body
    assert b"old.example.com" not in (tmp_path / "service.json").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_the_page_is_written_after_all_that_it_names(tmp_path):
    names = write_site(tmp_path, SERVICE)
    page = names.index("index.html")
    assert page == len(names) - 1
    lasting = [name for name, asset in load_assets().items() if asset.lasts]
    assert {*names[: len(lasting)]} == {*lasting}


def test_the_command(tmp_path):
    command = [sys.executable, "-m", "counterseal_pwa", "app", "--service", SERVICE]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    assert ended.stdout == nginx_headers(SERVICE)
    assert ended.stderr == f"{len(load_assets()) + 1} files are in app, for {SERVICE}.\n"
    assert (tmp_path / "app" / "index.html").is_file()
    with_documents = [*command, "--documents", "https://files.example.com"]
    ended = subprocess.run(
        with_documents, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )
    assert ended.stdout == nginx_headers(SERVICE, documents=["https://files.example.com"])
    assert ended.stdout != nginx_headers(SERVICE)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["app"], "--service"),
        (["app", "--service", "http://auth.example.com"], "service: not https"),
        (["file/app", "--service", SERVICE], "file"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path, monkeypatch, capsys, arguments, problem):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    output = capsys.readouterr()
    assert (output.out, problem in output.err) == ("", True)
