"""All that a database holds: it fits together, or is said not to; and it goes into another one."""

import pytest
from inventory_contract import InventoryContract
from older_process import commit_without_parts
from sqlalchemy import text

from counterseal.invariants import Violation
from counterseal.models import Change
from counterseal_sql import SqlAudit, SqlInventory, SqlStore, upgrade, with_sql
from counterseal_sql.prepared import Statement
from counterseal_testing import START, FrozenClock
from counterseal_testing.contracts.record_factory import RecordFactory, next_version


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

    def test_an_account_that_is_not_in_the_index_of_parts_is_reported(self, medium, monkeypatch):
        monkeypatch.setattr("counterseal_sql.inventory.PAGE", 2)
        store, records = self.store(medium), RecordFactory()
        accounts = [records.account(f"zoe {number}") for number in range(5)]
        for account in accounts:
            commit_without_parts(medium, Change(None, account))
        commit_without_parts(medium, Change(None, records.account("erased", erased_at=START)))
        store.commit((Change(None, records.account("adam@example")),), (), "create")

        _, flaws = self.checked(medium)

        problem = (
            'a search by a part of its id does not find it: see "Parts of ids" in'
            " docs/how-to/upgrade.md"
        )
        guids = {account.guid for account in accounts}
        assert {flaw for flaw in flaws if "part" in flaw.problem} == {
            Violation(guid, problem) for guid in guids
        }

    def test_the_index_of_parts_is_made_again_as_the_page_about_upgrades_says(self, medium):
        records = RecordFactory()
        account = records.account("zoe@example")
        commit_without_parts(medium, Change(None, account))
        name = "texts" if medium.engine.dialect.name == "sqlite" else "parts"
        with medium.writing() as connection:
            connection.run(f"DROP TABLE counterseal_id_{name}")
        changed(medium, "UPDATE counterseal_schema SET version_num = '0004'")

        upgrade(medium)

        _, flaws = self.checked(medium)
        assert not [flaw for flaw in flaws if "part" in flaw.problem]
        assert self.store(medium).search_part(records.space, "EXAMPLE", None, 9) == (account,)

    def test_an_account_of_which_the_index_lacks_one_part_is_reported(
        self, postgres_server, opened
    ):
        medium, records = opened(postgres_server.emptied()), RecordFactory()
        account = records.account("zoe@example")
        self.store(medium).commit((Change(None, account),), (), "create")
        row = "SELECT max(part) FROM counterseal_id_parts"
        changed(medium, f"DELETE FROM counterseal_id_parts WHERE part = ({row})")  # noqa: S608

        _, flaws = self.checked(medium)

        assert [flaw.subject for flaw in flaws if "part" in flaw.problem] == [account.guid]

    def test_an_erased_account_that_is_in_the_index_of_sqlite_is_reported(
        self, sqlite_server, opened
    ):
        medium, records = opened(sqlite_server.emptied()), RecordFactory()
        accounts = [records.account(f"zoe {number}") for number in range(3)]
        store = self.store(medium)
        for account in accounts:
            store.commit((Change(None, account),), (), account.guid)
        erased = [next_version(one, account_id=one.guid, erased_at=START) for one in accounts]
        commit_without_parts(medium, Change(accounts[0], erased[0]))
        store.commit((Change(accounts[1], erased[1]),), (), "erase")

        _, flaws = self.checked(medium)

        assert [flaw for flaw in flaws if "parts" in flaw.problem] == [
            Violation(
                accounts[0].guid,
                'it is erased, and the index of parts of ids has it: see "Parts of ids" in'
                " docs/how-to/upgrade.md",
            )
        ]
