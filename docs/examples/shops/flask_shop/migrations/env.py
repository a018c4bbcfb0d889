"""Alembic: the migrations of the shop's own tables."""

from alembic import context

from orders import Base, sessions


def include_name(name, kind, _parents):
    """Leave out Counterseal's tables: `counterseal_sql.upgrade` migrates them."""
    return not (kind == "table" and name.startswith("counterseal_"))


with sessions.kw["bind"].connect() as connection:
    context.configure(
        connection=connection, target_metadata=Base.metadata, include_name=include_name
    )
    with context.begin_transaction():
        context.run_migrations()
