"""Router: what a method and a path name; every face finds by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

import attrs

from counterseal_web.problems import MethodNotAllowedError, NoSuchEndpointError

T = TypeVar("T")

NAME = re.compile(r"\{([a-z_]+)\}")
"""A variable segment of a path: any that is not empty."""

SEGMENTS = re.compile(r"\{([a-z_]+)\.\.\.\}")
"""One variable segment or more, as many as fit; they are a text that is not empty."""


class Route(NamedTuple, Generic[T]):
    """
    What was found.

    Attributes:
        endpoint: What the method and the path name.
        names: What the path holds, by name.
    """

    endpoint: T
    names: Mapping[str, str]


@attrs.frozen
class _Endpoint(Generic[T]):
    value: T
    names: tuple[str, ...]


@attrs.define
class _Node(Generic[T]):
    """
    The end of some first segments of paths.

    Attributes:
        endpoints: Those whose path ends here, by method.
        segments: What may follow, by the next segment.
        variable: What follows any segment that is not empty.
        several: What follows one segment or more.
        tail: How many segments follow those at most.
    """

    endpoints: dict[str, _Endpoint[T]] = attrs.field(factory=dict)
    segments: dict[str, _Node[T]] = attrs.field(factory=dict)
    variable: _Node[T] | None = None
    several: _Node[T] | None = None
    tail: int = 0

    def below(self, segment: str) -> _Node[T]:
        """Return the node after *segment*, a new one if there is none."""
        if SEGMENTS.fullmatch(segment):
            self.several = self.several or _Node()
            return self.several
        if NAME.fullmatch(segment):
            self.variable = self.variable or _Node()
            return self.variable
        return self.segments.setdefault(segment, _Node())

    def end(self, segments: list[str], values: tuple[str, ...]) -> _End[T] | None:
        """
        Return where *segments* lead, by fixed segments sooner than by variable ones.

        Args:
            segments: The rest of a path.
            values: Those of the variable segments before it.
        """
        if not segments:
            return _End(self.endpoints, values) if self.endpoints else None
        segment, rest = segments[0], segments[1:]
        if segment in self.segments:
            end = self.segments[segment].end(rest, values)
            if end is not None:
                return end
        if self.variable is not None and segment:
            end = self.variable.end(rest, (*values, segment))
            if end is not None:
                return end
        return (
            None if self.several is None else self._end_of_several(self.several, segments, values)
        )

    def _end_of_several(
        self, several: _Node[T], segments: list[str], values: tuple[str, ...]
    ) -> _End[T] | None:
        # From the end: a path has as many segments as a stranger likes, and few of them can follow.
        for tail in range(min(self.tail, len(segments) - 1) + 1):
            count = len(segments) - tail
            end = several.end(segments[count:], (*values, ""))
            if end is not None:
                text = "/".join(segments[:count])
                values = (*values, text, *end.values[len(values) + 1 :])
                return _End(end.endpoints, values) if text else None
        return None


class _End(NamedTuple, Generic[T]):
    endpoints: Mapping[str, _Endpoint[T]]
    values: tuple[str, ...]


class Router(Generic[T]):
    """
    Endpoints by method and path.

    A fixed path hides the variable ones that it fits, for every method.

    Args:
        endpoints: Each with its method, in upper case, and its path.

    Raises:
        ValueError: Two have the same method and path.
    """

    def __init__(self, endpoints: Iterable[tuple[str, str, T]]) -> None:
        self._root: _Node[T] = _Node()
        self._fixed: dict[str, _End[T]] = {}
        for method, path, endpoint in endpoints:
            node = self._root
            segments = path.split("/")
            for number, segment in enumerate(segments, start=1):
                if SEGMENTS.fullmatch(segment):
                    node.tail = max(node.tail, len(segments) - number)
                node = node.below(segment)
            if method in node.endpoints:
                raise ValueError(f"two endpoints: {method} {path}")
            names = tuple(first or other for first, other in _NAMES.findall(path))
            node.endpoints[method] = _Endpoint(endpoint, names)
            if not names:
                self._fixed[path] = _End(node.endpoints, ())

    def serves(self, path: str) -> bool:
        """Return whether any method has an endpoint at *path*, which is percent-decoded."""
        return self._end(path) is not None

    def find(self, method: str, path: str) -> Route[T]:
        """
        Return the endpoint that *method* and *path* name; `HEAD` names what `GET` does.

        Args:
            method: Upper case.
            path: Percent-decoded.

        Raises:
            NoSuchEndpointError: There is none with this path.
            MethodNotAllowedError: There is, with another method.
        """
        end = self._end(path)
        if end is None:
            raise NoSuchEndpointError
        endpoint = end.endpoints.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            allowed = [*end.endpoints, *(["HEAD"] if "GET" in end.endpoints else [])]
            raise MethodNotAllowedError(allowed, [each.value for each in end.endpoints.values()])
        return Route(endpoint.value, dict(zip(endpoint.names, end.values, strict=True)))

    def _end(self, path: str) -> _End[T] | None:
        return self._fixed.get(path) or self._root.end(path.split("/"), ())


_NAMES = re.compile(f"{NAME.pattern}|{SEGMENTS.pattern}")
