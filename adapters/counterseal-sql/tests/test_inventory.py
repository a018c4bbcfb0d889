"""All that a database holds: it fits together, or is said not to; and it goes into another one."""

import pytest
from inventory_contract import InventoryContract
from sqlalchemy import text

from counterseal_sql import SqlAudit, SqlInventory, SqlStore, with_sql
from counterseal_sql.prepared import Statement
from counterseal_testing import FrozenClock


def changed(database, statement, **values):
    with database.writing() as connection:
        assert connection.count(Statement(text(statement)), [values])


class TestSqlInventory(InventoryContract):
    @pytest.fixture
    def new_medium(self, server, opened):
        self.opened = opened
        return lambda: opened(server.emptied())

    def ports(self, ports, medium):
        return with_sql(ports, medium)

    def store(self, medium):
        return SqlStore(medium, FrozenClock())

    def audit(self, medium):
        return SqlAudit(medium)

    def inventory(self, medium):
        return SqlInventory(medium, FrozenClock())

    def delete(self, medium, guid):
        changed(medium, "DELETE FROM counterseal_records WHERE guid = :guid", guid=guid)

    def spoil(self, medium, guid):
        update = "UPDATE counterseal_records SET body = '{}' WHERE guid = :guid"
        changed(medium, update, guid=guid)

    def damage(self, medium, guid):
        update = "UPDATE counterseal_records SET account = NULL WHERE guid = :guid"
        changed(medium, update, guid=guid)

    def at_another_address(self, medium):
        return self.opened(medium.engine.url)

    @pytest.mark.parametrize(
        "column", ["account", "due_at", "parent", "natural_key", "dead", "channel", "search_key"]
    )
    def test_a_column_that_differs_from_its_record_is_reported(self, medium, service, column):
        changed(
            medium,
            f"UPDATE counterseal_records SET {column} = NULL WHERE {column} IS NOT NULL",  # noqa: S608
        )

        _, flaws = self.checked(medium)

        assert {flaw.problem for flaw in flaws} == {
            f"the column {column} is not what the record says"
        }

    @pytest.mark.parametrize("change", ["count = count + 1", "count = 0", "gauge = 'active_users'"])
    def test_a_wrong_gauge_is_reported(self, medium, service, change):
        changed(
            medium,
            f"UPDATE counterseal_gauges SET {change} WHERE gauge = 'dead_callbacks'",  # noqa: S608
        )

        _, flaws = self.checked(medium)

        assert flaws
        assert all(flaw.problem.startswith("the gauge ") for flaw in flaws)
