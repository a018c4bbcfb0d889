"""A process of a release that knows no index of the parts of ids."""

from attrs import evolve

from counterseal_sql.commits import prepare_commit
from counterseal_testing import START


def commit_without_parts(database, change):
    """Commit *change* as such a process does."""
    operation = f"{change.new.guid} {change.new.version}"
    commit = prepare_commit((change,), (), operation, START)
    database.dialect.commit(evolve(commit, parts=[]))
