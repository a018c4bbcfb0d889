"""Alembic runs this: the migrations, on the connection whose transaction `upgrade` has begun."""

from alembic import context

from counterseal_sql.indexes import INDEXED_METADATA
from counterseal_sql.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=INDEXED_METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
