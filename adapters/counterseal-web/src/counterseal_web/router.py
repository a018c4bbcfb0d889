"""Router: which operation a method and a path name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import attrs

from counterseal_web.inputs import Inputs
from counterseal_web.operations import NAME, Operation, OperationMethodError
from counterseal_web.problems import NoSuchEndpointError


class Route(NamedTuple):
    """
    An operation that was found.

    Attributes:
        inputs: What the operation takes.
        names: What the path holds, by name.
    """

    inputs: Inputs
    names: Mapping[str, str]


@attrs.define
class _Node:
    """
    The end of some first segments of paths.

    Attributes:
        inputs: Of the operations whose path ends here, by method.
        segments: What may follow, by the next segment.
        variable: What follows any segment that is not empty.
    """

    inputs: dict[str, Inputs] = attrs.field(factory=dict)
    segments: dict[str, _Node] = attrs.field(factory=dict)
    variable: _Node | None = None

    def below(self, segment: str) -> _Node:
        """Return the node after *segment*, a new one if there is none."""
        if NAME.fullmatch(segment) is None:
            return self.segments.setdefault(segment, _Node())
        if self.variable is None:
            self.variable = _Node()
        return self.variable

    def end(self, segments: list[str], values: tuple[str, ...]) -> _End | None:
        """
        Return where *segments* lead, by fixed segments sooner than by variable ones.

        Args:
            segments: The rest of a path.
            values: Those of the variable segments before it.
        """
        if not segments:
            return _End(self.inputs, values) if self.inputs else None
        segment, rest = segments[0], segments[1:]
        if segment in self.segments:
            end = self.segments[segment].end(rest, values)
            if end is not None:
                return end
        if self.variable is None or not segment:
            return None
        return self.variable.end(rest, (*values, segment))


class _End(NamedTuple):
    inputs: Mapping[str, Inputs]
    values: tuple[str, ...]


class Router:
    """
    Operations by method and path; a variable segment of a path is any that is not empty.

    A fixed path hides the variable ones that it fits, for every method.

    Args:
        operations: Each with the prefix under which it is served.
    """

    def __init__(self, operations: Iterable[tuple[str, Operation]]) -> None:
        self._root = _Node()
        for prefix, operation in operations:
            node = self._root
            for segment in (prefix + operation.path).split("/"):
                node = node.below(segment)
            node.inputs[operation.method] = Inputs.of(operation)

    def find(self, method: str, path: str) -> Route:
        """
        Return the operation that *method* and *path* name; `HEAD` names what `GET` does.

        Args:
            method: Upper case.
            path: Percent-decoded.

        Raises:
            NoSuchEndpointError: There is none with this path.
            OperationMethodError: There is, with another method.
        """
        end = self._root.end(path.split("/"), ())
        if end is None:
            raise NoSuchEndpointError
        inputs = end.inputs.get("GET" if method == "HEAD" else method)
        if inputs is None:
            raise OperationMethodError(
                [*end.inputs, *(["HEAD"] if "GET" in end.inputs else [])],
                [each.operation for each in end.inputs.values()],
            )
        names = NAME.findall(inputs.operation.path)
        return Route(inputs, dict(zip(names, end.values, strict=True)))
