"""SQLAlchemy's engine, without a pool: it opens connections and runs migrations."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Engine, NullPool

LOGGING_NAME = "counterseal"


def create_engine(url: URL, options: dict[str, Any]) -> Engine:
    """
    Return the engine of *url*; nothing is opened yet.

    Args:
        url: The address, with the driver.
        options: Arguments of the driver.

    Raises:
        ModuleNotFoundError: The driver is not installed.
    """
    engine = sqlalchemy.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        connect_args=options,
        poolclass=NullPool,
        hide_parameters=True,
        logging_name=LOGGING_NAME,
    )
    logging.getLogger(f"sqlalchemy.engine.Engine.{LOGGING_NAME}").addFilter(_is_without_rows)
    return engine


def open_driver(engine: Engine) -> Any:
    """
    Open a connection, with the events of *engine*, and return the driver's own.

    Raises:
        Exception: One of the driver's errors: there is no connection.
    """
    connection = engine.raw_connection()
    driver = connection.driver_connection
    connection.detach()
    return driver


def _is_without_rows(record: logging.LogRecord) -> bool:
    # At DEBUG, SQLAlchemy logs the rows that are read, with what is secret in records.
    return record.levelno > logging.DEBUG
