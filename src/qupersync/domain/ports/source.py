"""What the application needs of Redshift."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from qupersync.domain.batch import Batch, Row
from qupersync.domain.job import Flavor
from qupersync.domain.likeness import Form, Likeness
from qupersync.domain.verdict import Content
from qupersync.domain.watermark import Window


class Source(Protocol):
    """One connection to the source, inside one read-only transaction at a time."""

    def clock(self) -> datetime:
        """Return the source's own time in UTC."""

    def flavor(self) -> Flavor:
        """Find out which kind of Redshift answers."""

    def rights(self) -> str:
        """Return which rights decide what this login sees, in words; ``unknown`` if refused."""

    def ask(self, sql: str, *, limit_s: float | None = None) -> Row:
        """Return the one row of a small query.

        Raises:
            QueryError: the source refused the text; the connection is as good as before.
            TimeLimitError: it took longer than ``limit_s`` seconds, and the connection is as good
                as before; or the job's time is over.
        """

    def read(self, sql: str, *, batch_rows: int) -> Iterator[Batch]:
        """Yield the result in batches of at most ``batch_rows`` rows or 4 MiB; at least one.

        Memory does not grow with the result. Rows that cannot be decoded are marked in their
        batch and end nothing.

        Raises:
            QueryError: the source refused the text, or a row has more than 64 MiB.
            SourceUnavailableError: the connection failed; nothing was read that counts.
            TimeLimitError: the job's time is over.
        """

    def abort(self) -> None:
        """Cut the connection, from any thread; a blocked read fails at once."""

    def is_at_work(self) -> bool:
        """Tell whether somebody waits for the source, or has done so lately; from any thread."""


class Original(Source, Protocol):
    """The source's side of a proof: it only reads, also with a query that would write."""

    def forms(self, sql: str) -> Mapping[str, Form | None]:
        """Return the columns of a query's result and the form of each; None for other types."""

    def contents(
        self, sql: str, likeness: Likeness, windows: Sequence[Window]
    ) -> Mapping[Window, Content]:
        """Return what each window holds of the query's rows; one without rows is left out.

        Of each key only the row with the greatest watermark counts, with its target values.

        Raises:
            QueryError: the source cannot wrap the query.
        """
