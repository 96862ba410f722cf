"""The tables of the eight built-in jobs."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    folder = Path(__file__).parents[1] / "sql"
    op.get_bind().exec_driver_sql((folder / "0002_targets.sql").read_text())
