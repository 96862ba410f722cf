"""Lateness, completed windows and gaps: what proves that no row was missed."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    folder = Path(__file__).parents[1] / "sql"
    op.get_bind().exec_driver_sql((folder / "0003_no_row_missed.sql").read_text())
