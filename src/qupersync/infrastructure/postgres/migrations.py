"""Brings the target's schema to the revision that this version needs."""

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.pool import NullPool

from qupersync.domain.errors import RevisionError
from qupersync.infrastructure.postgres.errors import translated
from qupersync.infrastructure.postgres.revision import NEWER
from qupersync.infrastructure.postgres.session import PARAMETERS, SEARCH_PATH
from qupersync.infrastructure.shipped import shipped

# Taken inside the migrations' transaction: of twenty upgrades at once one works, the rest wait
# and find nothing to do. A session lock would not exclude anybody behind a pooler.
LOCK = "SELECT pg_advisory_xact_lock(7101944263812)"
PATH = f"SET LOCAL search_path TO {SEARCH_PATH}"
SCHEMA = "CREATE SCHEMA IF NOT EXISTS quper"


def upgrade(conninfo: str) -> None:
    """Run every migration that is missing, all in one transaction.

    Raises:
        RevisionError: the schema is at a revision that this version does not know.
        QuperSyncError: the server is not reachable, or refused a statement.
    """
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(conninfo, application_name="qupersync", **PARAMETERS),
        poolclass=NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    with translated():
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(PATH)
                connection.exec_driver_sql(LOCK)
                connection.exec_driver_sql(SCHEMA)
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as error:
            raise RevisionError(f"no way for the target's schema: {error}", hint=NEWER) from error
        except sqlalchemy.exc.DBAPIError as error:
            if isinstance(error.orig, psycopg.Error):
                raise error.orig from error
            raise
