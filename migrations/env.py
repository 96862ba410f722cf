"""Runs migrations over the connection that ``qupersync db`` hands in; nothing else may call it."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table="qupersync_version",
    version_table_schema="quper",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
