"""Alembic: the migrations of the shop's own tables."""

from alembic import context
from sqlalchemy import create_engine

from orders import Base, url


def include_name(name, kind, _parents):
    """Leave out Counterseal's tables: `counterseal_sql.upgrade` migrates them."""
    return not (kind == "table" and name.startswith("counterseal_"))


# The driver psycopg serves both: the shop's asynchronous engine, and this one.
with create_engine(url).connect() as connection:
    context.configure(
        connection=connection, target_metadata=Base.metadata, include_name=include_name
    )
    with context.begin_transaction():
        context.run_migrations()
