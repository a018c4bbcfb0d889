"""Prepare the database and the keys: a step of each deployment, before the processes start."""

from alembic import command
from alembic.config import Config

from approvals import database, keys
from counterseal_sql import upgrade

command.upgrade(Config("alembic.ini"), "head")  # the shop's tables
upgrade(database)  # Counterseal's tables
# Only for a new shop: new keys open nothing that lost keys have sealed.
keys.create_missing()
