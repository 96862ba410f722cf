"""Ways to merge that count on it that the target keeps the key unique."""

from collections.abc import Callable

from qupersync.domain.errors import ConflictError, RowAccountingError
from qupersync.domain.ports import Merged
from qupersync.infrastructure.postgres.staging import Staging

UNIQUE_VIOLATION = "23505"


def tried(staging: Staging, way: Callable[[], Merged]) -> Merged | None:
    """Take a way for which the rows may turn out not to be fit: then nothing of it stays."""
    try:
        with staging.connection.transaction():
            merged = way()
            _require_unique(staging)
            return merged
    except RowAccountingError:
        return None
    except ConflictError as error:
        if error.sqlstate != UNIQUE_VIOLATION:
            raise
        return None


def is_unique(staging: Staging) -> bool:
    """Tell it of now; nobody can drop the index any more once rows are written or compared."""
    return bool(staging.value(staging.load_sql.is_unique(staging.key_indexes)))


def _require_unique(staging: Staging) -> None:
    staging.raw_load.keeps_unique = is_unique(staging)
    if not staging.raw_load.keeps_unique:
        raise RowAccountingError("nothing keeps the key unique")
