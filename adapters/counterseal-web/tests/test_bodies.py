"""A `Content-Length` means the same to every face."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from counterseal_web.bodies import LONGEST, read_length, require_length
from counterseal_web.problems import BodyTooLargeError, BrokenBodyError

pytestmark = pytest.mark.each_host

LIMIT = 131_072


def ask_with(app, shop, length):
    """Ask a question whose body is announced by *length*, and return the response."""
    body = json.dumps({"accountId": "user-42", "content": "Pay?"}).encode()
    environ = EnvironBuilder(
        "/request/add",
        method="POST",
        data=body,
        content_type="application/json",
        headers=shop.headers,
    ).get_environ()
    environ["CONTENT_LENGTH"] = length(body)
    pieces, status, _ = run_wsgi_app(app, environ)
    return int(status[:3]), json.loads(b"".join(pieces))


@pytest.mark.parametrize("zeros", [1, 18])
def test_leading_zeros_change_no_length(app, shop, device_client, zeros):
    status, _ = ask_with(app, shop, lambda body: "0" * zeros + str(len(body)))
    assert status == 201


@pytest.fixture
def announced_to_us(app):
    if app.port is not None:
        pytest.skip("over a socket, the server reads the length: see its own tests")


@pytest.mark.usefixtures("announced_to_us")
@pytest.mark.parametrize("length", [str(LIMIT + 1), "9" * 19])
def test_a_longer_body_is_refused_by_what_it_announces(app, shop, length):
    status, problem = ask_with(app, shop, lambda _: length)
    assert (status, problem["code"]) == (413, "too_large")


@pytest.mark.usefixtures("announced_to_us")
@pytest.mark.parametrize("length", ["x", "-1", "+5", "1.0", "5, 5", " 5", "5_0", "\xb2", "0x10"])
def test_a_malformed_length_is_refused(app, shop, length):
    status, problem = ask_with(app, shop, lambda _: length)
    assert (status, problem["code"]) == (400, "bad_request")


@given(st.integers(0, LONGEST - 1), st.integers(0, 9))
def test_a_number_is_read_with_any_zeros_before_it(number, zeros):
    assert read_length("0" * zeros + str(number)) == number


@given(st.text())
def test_what_is_no_number_is_malformed(text):
    if text and not (text.isascii() and text.isdigit()):
        with pytest.raises(BrokenBodyError):
            read_length(text)


def test_thousands_of_digits_are_read_too():
    assert read_length("0" * 5_000 + "7") == 7
    assert read_length("9" * 5_000) == LONGEST


def test_no_length_is_none_and_fits():
    assert read_length("") is None
    require_length(None, 0)
    require_length(5, 5)
    with pytest.raises(BodyTooLargeError):
        require_length(6, 5)


READERS = re.compile(r"\.read_body\(|wsgi\.input|content-length|CONTENT_LENGTH|\.get_data\(")
FACES = {
    "counterseal-asgi/src/counterseal_asgi/application.py",
    "counterseal-asgi/src/counterseal_asgi/bodies.py",
    "counterseal-django/src/counterseal_django/views.py",
    "counterseal-flask/src/counterseal_flask/blueprints.py",
    "counterseal-server/src/counterseal_server/gateway.py",
    "counterseal-web/src/counterseal_web/bodies.py",
    "counterseal-web/src/counterseal_web/wsgi.py",
}
"""Where a request comes from a server, and the one reader of its body."""
OTHERS = {
    "counterseal-demo/src/counterseal_demo/device_cli/push_receiver.py",
    "counterseal-demo/src/counterseal_demo/login_demo/world.py",
    "counterseal-demo/src/counterseal_demo/relay.py",
    "counterseal-demo/src/counterseal_demo/web_demo/site.py",
    "counterseal-http/src/counterseal_http/posts.py",
    "counterseal-server/src/counterseal_server/receiving.py",
}
"""Servers of demos and commands, and clients that read replies."""


def test_one_function_reads_the_bodies_of_all_faces():
    adapters = Path(__file__).parents[2]
    readers = {
        str(path.relative_to(adapters))
        for path in adapters.glob("*/src/**/*.py")
        if READERS.search(path.read_text("utf-8"))
    }
    assert readers == FACES | OTHERS
