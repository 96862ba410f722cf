"""A job's table behind ``ports.Table``: what is in it, and fenced transactions on it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from qupersync.domain.columns import ColumnSpec
from qupersync.domain.errors import TargetUnavailableError
from qupersync.domain.ports import Doubt, InDoubtError, Staged, Terms
from qupersync.domain.row_check import Block
from qupersync.domain.watermark import Window
from qupersync.infrastructure.postgres.ahead import Ahead, Spare
from qupersync.infrastructure.postgres.job_memory import JobMemory
from qupersync.infrastructure.postgres.merge_sql import LoadSql
from qupersync.infrastructure.postgres.raw_load import RawLoad
from qupersync.infrastructure.postgres.staging import Staging
from qupersync.infrastructure.postgres.unit import Unit


@dataclass(slots=True)
class Table(JobMemory):
    """Keeps the promises of ``ports.Table``."""

    raw_load: RawLoad
    spare: Spare | None = None
    known: dict[Terms, LoadSql] = field(default_factory=dict)

    def columns(self, names: Sequence[str]) -> Mapping[str, ColumnSpec]:
        """Keep the promise of ``ports.Table.columns``."""
        return self.target.specs(names)

    def merge_statement(
        self, block: Block, late: Window | None, *, is_raw: bool, keeps_newer: bool
    ) -> str:
        """Keep the promise of ``ports.Table.merge_statement``."""
        terms = Terms(columns=tuple(block.specs), idle_limit_s=0, keeps_newer=keeps_newer)
        sql = self._load_sql(terms)
        if is_raw:
            sql = sql.over(self.raw_load.sql_for(block, sql.collations).rows())
        merge = sql.merge(late, folds=not is_raw, is_unique=is_raw)
        return merge.as_string(self.session.connection).strip()

    def is_empty(self) -> bool:
        """Keep the promise of ``ports.Table.is_empty``."""
        look = self._load_sql(Terms(columns=self.target.job.key, idle_limit_s=0)).is_empty()
        with self.session.transaction() as cursor:
            row = cursor.execute(look).fetchone()
        return bool(row and row[0])

    @contextmanager
    def unit(self, terms: Terms) -> Iterator[Unit]:
        """Keep the promise of ``ports.Table.unit``."""
        with self.unfenced(terms) as unit:
            unit.fence()
            yield unit

    @contextmanager
    def unfenced(self, terms: Terms) -> Iterator[Unit]:
        """Open a unit that may only stage until its fence: it holds nobody up, however long."""
        whole = f"{round(self.target.job.timeout.total_seconds() * 1000)}ms"
        limits = {"idle_in_transaction_session_timeout": whole, "statement_timeout": whole}
        with self._in_doubt() as commits, self.session.transaction(**limits) as cursor:
            staging = Staging(
                self.session.connection,
                cursor,
                self._load_sql(terms),
                self.target.key_indexes,
                self.target.job.max_rejects,
                self.raw_load,
                terms.look,
            )
            unit = Unit(self.standing, cursor, staging, terms)
            yield unit
            commits.append(unit)
        self.standing.batch_seq += unit.entries

    def staged(
        self, blocks: Iterator[Block], terms: Terms
    ) -> AbstractContextManager[Iterator[Staged]]:
        """Keep the promise of ``ports.Table.staged``."""
        ahead = Ahead(
            writer=self,
            writers=lambda session: replace(self, session=session),
            spare=self.spare,
            is_raw=self.raw_load.takes,
            terms=terms,
        )
        return ahead(blocks)

    @contextmanager
    def _in_doubt(self) -> Iterator[list[Unit]]:
        """Tell a connection that broke during the commit of a unit from one that broke before."""
        commits: list[Unit] = []
        pid = self.session.connection.info.backend_pid
        try:
            yield commits
        except TargetUnavailableError as error:
            for unit in filter(lambda unit: unit.xid, commits):
                doubt = Doubt(xid=unit.xid, pid=pid, ended=unit.ended)
                raise InDoubtError(str(error), doubt) from error
            raise

    def _load_sql(self, terms: Terms) -> LoadSql:
        job, known = self.target.job, self.target.columns
        spec = job.watermark
        terms = replace(terms, look=None)  # every piece has another, and none other statements
        if terms not in self.known:
            self.known[terms] = LoadSql(
                target=job.target,
                columns=terms.columns,
                collations={n: c for n in terms.columns if (c := known[n].collation)},
                key=job.key,
                watermark=spec.column if spec else None,
                kind=self.standing.kind,
                settled=spec.settled if spec else None,
                identity=self.target.identity,
                keeps_newer=terms.keeps_newer,
                keeps_same=terms.keeps_same,
            )
        return self.known[terms]
