"""PostgreSQL: a role that has what the README grants, and no more, runs the whole service."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

import counterseal as cs
from counterseal.errors import StoreUnavailable
from counterseal_sql import forget, upgrade, with_sql
from counterseal_testing import FakeService

README = Path(__file__).parent.parent / "README.md"
ROLES = ("shop_owner", "shop")


@pytest.fixture
def url(postgres_server, opened):
    """Return the address of a database with the roles and the grants of the README."""
    (statements,) = re.findall(
        r"## Create the roles in PostgreSQL\n.*?```sql\n(.*?)```", README.read_text(), re.DOTALL
    )
    url = make_url(postgres_server.bare())
    with opened(url).inspecting() as connection:
        connection.execute(text(statements.replace("DATABASE shop", f"DATABASE {url.database}")))
        yield url
        for role in ROLES:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))


def test_the_grants_of_the_readme_are_enough_for_the_processes(url, opened):
    owner = opened(url.set(username="shop_owner"))
    upgrade(owner)
    database = opened(url.set(username="shop"))
    service = FakeService(adapters=lambda ports: with_sql(ports, database))

    party = service.administration.ensure_tenancy(
        "example.com/shop", company="Example", app_space="Shop", origin="Web shop"
    )
    phone = service.bind("alice", origin=party)
    issued = service.ask("alice", "Pay?", origin=party, show_code=True, idempotency_key="order")
    phone.answer(phone.fetch(issued.challenge.guid), code=issued.code)
    assert service.challenges.status(party, issued.challenge.guid).approved
    service.ask("alice", "Pay again?", origin=party)
    service.clock.advance(timedelta(days=1))
    assert service.sweep() == 1
    chain = cs.AuditChain(service.ports, service.policy)
    assert chain.chain() > 0
    assert chain.sign()
    assert chain.archive(lambda page: None, drop=True) > 0
    assert chain.verify().tamperings == ()
    log = cs.AuditLog(service.ports, service.policy)
    assert log.search(by=cs.OPERATOR).events == ()
    service.clock.advance(timedelta(days=9_000))
    assert forget(database, service.clock.now()) > 0
    upgrade(database)  # which has nothing to do

    for each in (owner, database):
        each.close()


def test_the_processes_cannot_change_the_schema(url, opened):
    database = opened(url.set(username="shop"))
    with pytest.raises(StoreUnavailable):
        upgrade(database)
    owner = opened(url.set(username="shop_owner"))
    upgrade(owner)
    with pytest.raises(cs.Unavailable), database.writing() as connection:
        connection.run("DROP TABLE counterseal_records")

    for each in (owner, database):
        each.close()
