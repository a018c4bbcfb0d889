"""Alembic: the migrations of the shop's own tables."""

import asyncio

from alembic import context
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from orders import Base, url


def include_name(name, kind, _parents):
    """Leave out Counterseal's tables: `counterseal_sql.upgrade` migrates them."""
    return not (kind == "table" and name.startswith("counterseal_"))


def migrate(connection):
    """Run the migrations; Alembic itself is synchronous."""
    context.configure(
        connection=connection, target_metadata=Base.metadata, include_name=include_name
    )
    with context.begin_transaction():
        context.run_migrations()


async def main():
    """Connect with the driver of the shop; asyncpg works as well as psycopg."""
    async with create_async_engine(url, poolclass=NullPool).connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()


asyncio.run(main())
