"""The source's side of a proof behind ``ports.Original``: every statement in a read-only one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from qupersync.domain.batch import Row
from qupersync.domain.errors import QueryError
from qupersync.domain.likeness import Form, Likeness
from qupersync.domain.verdict import Content
from qupersync.domain.watermark import Window
from qupersync.infrastructure.redshift import content_sql
from qupersync.infrastructure.redshift.source import Source

# Of other types (documents, intervals, bytes) nobody knows what text a database makes of them.
_FORMS = {
    **dict.fromkeys((20, 21, 23, 1700), Form.NUMBER),
    **dict.fromkeys((25, 1043), Form.TEXT),
    **dict.fromkeys((19, 1042), Form.PADDED),  # name, char
    **dict.fromkeys((1114, 1184), Form.MOMENT),
    16: Form.BOOLEAN,
    1082: Form.DATE,
}


@dataclass(slots=True)
class Original(Source):
    """Keeps the promises of ``ports.Original``."""

    @classmethod
    def of(cls, source: Source) -> Self:
        """Take over an open connection."""
        return cls(source.wire, source.fetch_rows, source.deadline)

    def forms(self, sql: str) -> Mapping[str, Form | None]:
        """Keep the promise of ``ports.Original.forms``."""
        layout = self.layout(sql)
        return {name: _FORMS.get(oid) for name, oid in zip(layout.names, layout.oids, strict=True)}

    def contents(
        self, sql: str, likeness: Likeness, windows: Sequence[Window]
    ) -> Mapping[Window, Content]:
        """Keep the promise of ``ports.Original.contents``."""
        rows = self._rows(content_sql.contents(sql, likeness, windows))
        found = (map(int, map(str, row)) for row in rows)
        return {windows[place]: Content(count, total) for place, count, total in found}

    def _rows(self, sql: str) -> list[Row]:
        self.execute("BEGIN READ ONLY")
        try:
            layout, bodies = self.execute(sql)
        except QueryError:
            self.execute("ROLLBACK")
            raise
        self.execute("ROLLBACK")
        return [layout.decode(body) for body in bodies]
