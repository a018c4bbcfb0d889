"""
Only the transaction commits: a look at the source of the core.

Any mention of a member `commit` counts, also one that calls nothing, and so does the word alone
as a text, which `getattr` would take. The transaction's own function is private, and counts, too.
An observed store passes the transaction's commit on to another store.
"""

import ast
from pathlib import Path

import pytest
from trees import tree_of

import counterseal

pytestmark = pytest.mark.one_python

ROOT = Path(counterseal.__file__).parent
TRANSACTION, OBSERVED = "_transaction.py", "observed_store.py"
COMMITS = ("commit", "_commit")


def mentions(source):
    """The lines of *source* that name a member `commit`, or the transaction's `_commit`."""
    return [
        node.lineno
        for node in ast.walk(tree_of(source))
        if (isinstance(node, ast.Attribute) and node.attr in COMMITS)
        or (isinstance(node, ast.Constant) and node.value in COMMITS)
        or (isinstance(node, ast.alias) and node.name in COMMITS)
    ]


def committing():
    """The modules that name a member `commit`."""
    return {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if mentions(path.read_text("utf-8"))
    }


def test_only_the_transaction_commits():
    assert committing() == {TRANSACTION, OBSERVED}


def test_the_transaction_commits_in_one_place():
    assert len(mentions((ROOT / TRANSACTION).read_text("utf-8"))) == 1


@pytest.mark.parametrize(
    "planted",
    [
        "ports.store.commit(changes, audit, operation)",
        "self.ports.store.commit(*attempt)",
        "run(store.commit, changes)",
        "commit = store.commit",
        "getattr(store, 'commit')(changes, (), 'operation')",
        "methodcaller('commit', changes)(store)",
        "from counterseal._transaction import _commit",
        "from counterseal._transaction import _commit as store_all",
        "_transaction._commit(ports, policy, changes, ())",
        "from counterseal._transaction import commit",
    ],
)
@pytest.mark.parametrize(
    "module", ["challenges/decisions/answers.py", "challenges/usecases.py", "memory.py"]
)
def test_a_commit_elsewhere_is_found(module, planted):
    source = (ROOT / module).read_text("utf-8")
    assert mentions(source) == []
    assert len(mentions(f"{source}\n{planted}\n")) == 1
