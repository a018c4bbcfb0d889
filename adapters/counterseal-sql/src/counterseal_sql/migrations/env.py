"""Alembic runs this: the migrations, on the connection whose transaction `upgrade` has begun."""

from alembic import context

from counterseal_sql.migrations import VERSION_TABLE
from counterseal_sql.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
