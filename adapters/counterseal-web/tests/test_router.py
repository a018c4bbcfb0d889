"""The router finds what Werkzeug's finds with the rules of the Flask face, for every path."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule

from counterseal_web import ADMIN_API, Settings
from counterseal_web.application import served
from counterseal_web.problems import MethodNotAllowedError, NoSuchEndpointError
from counterseal_web.router import NAME, Router

EVERYTHING = list(served(Settings(public_url="https://a.example", administration=True)))
ROUTER = Router((each.method, prefix + each.path, each) for prefix, each in EVERYTHING)
RULES = {prefix + NAME.sub(r"<\1>", each.path) for prefix, each in EVERYTHING}
WERKZEUG = Map(
    [
        *(
            Rule(
                prefix + NAME.sub(r"<\1>", operation.path),
                endpoint=operation.id,
                methods=[operation.method],
            )
            for prefix, operation in EVERYTHING
        ),
        *(Rule(rule, endpoint=None) for rule in RULES),
    ],
    merge_slashes=False,
).bind("a.example")

SEGMENTS = sorted({part for _, each in EVERYTHING for part in each.path.split("/")} | {"api", "x"})
METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "BREW")


def by_router(method, path):
    try:
        route = ROUTER.find(method, path)
    except NoSuchEndpointError:
        return None
    except MethodNotAllowedError as error:
        return error.allowed
    return route.endpoint.id, route.names


def by_werkzeug(method, path):
    try:
        endpoint, names = WERKZEUG.match(path, method)
    except NotFound:
        return None
    if endpoint is not None:
        return endpoint, names
    return tuple(sorted(each for each in METHODS if WERKZEUG.match(path, each)[0] is not None))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("prefix", "operation"), EVERYTHING, ids=lambda each: str(each)[:20])
def test_each_path_of_the_table_is_found(prefix, operation, method):
    names = {name: f"{name}-{index}" for index, name in enumerate(NAME.findall(operation.path))}
    path = prefix + operation.filled(names)
    assert by_router(method, path) == by_werkzeug(method, path)
    if method == operation.method:
        assert by_router(method, path) == (operation.id, names)


@given(st.sampled_from(METHODS), st.lists(st.sampled_from(SEGMENTS), max_size=8))
def test_any_other_path_is_found_or_not_found_alike(method, segments):
    path = f"/{'/'.join(segments)}"
    if not path.startswith("//"):  # Werkzeug would take one away
        assert by_router(method, path) == by_werkzeug(method, path)


@pytest.mark.parametrize("path", ["", "*", "request/add", "/", "//request/add", "/request/add/"])
def test_what_is_no_path_of_ours_is_not_found(path):
    assert by_router("POST", path) is None


def test_administrators_are_served_by_the_setting_only():
    settings = Settings(public_url="https://a.example")
    ids = {operation.id for _, operation in served(settings)}
    assert ids.isdisjoint(each.id for each in ADMIN_API)


PATHS = [("/a/{x...}/b", r"/a/(?P<x>.+)/b"), ("/a/{x...}/b/{y}", r"/a/(?P<x>.+)/b/(?P<y>[^/]+)")]


@given(st.lists(st.sampled_from(["", "a", "b", "c\n"]), max_size=7))
def test_several_segments_are_as_many_as_fit(segments):
    path = f"/a/{'/'.join(segments)}/b"
    for end in ("", "/c"):
        router = Router(("GET", template, pattern) for template, pattern in PATHS)
        matches = [re.fullmatch(pattern, path + end, re.DOTALL) for _, pattern in PATHS]
        names = [match.groupdict() for match in matches if match]
        try:
            route = router.find("GET", path + end)
        except NoSuchEndpointError:
            assert names == []
        else:
            assert route.names in names


def test_a_path_of_many_segments_is_looked_at_a_few_times(monkeypatch):
    """Nobody has said who they are yet, and a server takes paths of 64 KB."""
    router = Router(("GET", template, pattern) for template, pattern in PATHS)
    lengths, end = [], type(router._root).end

    def counted_end(node, segments, values):
        lengths.append(len(segments))
        return end(node, segments, values)

    monkeypatch.setattr(type(router._root), "end", counted_end)
    with pytest.raises(NoSuchEndpointError):
        router.find("GET", "/a" + "/" * 60_000)
    assert len(lengths) < 10
    assert router.find("GET", "/a" + "/" * 60_000 + "b").names == {"x": "/" * 59_998}


def test_two_endpoints_with_one_method_and_path_are_refused():
    with pytest.raises(ValueError, match="two endpoints: GET /a"):
        Router([("GET", "/a/{x}", 1), ("GET", "/a/{y}", 2)])
