"""Source text as trees: a dozen tests read all of the core."""

import ast
from functools import cache


@cache
def tree_of(source):
    """Return the tree of *source*, which nobody changes: it is made once in a process."""
    return ast.parse(source)
