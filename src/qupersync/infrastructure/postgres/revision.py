"""Which revision the target's schema is at; read without alembic, which is slow to import."""

from dataclasses import dataclass

from qupersync.domain.errors import RevisionError
from qupersync.infrastructure.postgres.session import Session

NEEDED = "0003"
IS_THERE = "SELECT to_regclass('quper.qupersync_version') IS NOT NULL"
NEWER = "install the version of QuperSync that made this schema, or a newer one"
READ = "SELECT version_num FROM quper.qupersync_version"


@dataclass(frozen=True, slots=True)
class Revision:
    """Where the schema is; None means not there at all."""

    current: str | None

    @classmethod
    def of(cls, session: Session) -> "Revision":
        """Ask the database."""
        if not session.rows(IS_THERE)[0][0]:
            return cls(None)
        rows = session.rows(READ)
        return cls(rows[0][0] if rows else None)

    def require(self) -> None:
        """Return if this version can work with the schema.

        Raises:
            RevisionError: it cannot; says which command repairs it.
        """
        if self.current != NEEDED:
            raise RevisionError(
                f"the target's schema is at revision {self.current or 'none'}, "
                f"this version needs {NEEDED}",
                hint=NEWER if self.current and self.current > NEEDED else "",
            )
