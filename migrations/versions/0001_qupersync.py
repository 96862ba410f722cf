"""State, leases and the run log."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    folder = Path(__file__).parents[1] / "sql"
    op.get_bind().exec_driver_sql((folder / "0001_qupersync.sql").read_text())
