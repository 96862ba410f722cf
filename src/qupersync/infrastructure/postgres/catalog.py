"""What PostgreSQL's catalog says about a target table, and whether a job fits it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg.sql import Literal

from qupersync.domain.columns import ColumnSpec, ColumnType
from qupersync.domain.errors import (
    ColumnMissingError,
    PermissionDeniedError,
    TargetMismatchError,
)
from qupersync.domain.job import Job
from qupersync.domain.watermark import WatermarkType
from qupersync.infrastructure.postgres.rows_sql import IDENTITY
from qupersync.infrastructure.postgres.session import Session

FIND = """
SELECT c.oid, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND c.relname = %(table)s
"""
COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN l.oid IS NOT NULL THEN ARRAY[n.nspname::text, l.collname::text] END,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', a.attgenerated <> ''
  FROM pg_attribute a
  LEFT JOIN (pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace)
    ON l.oid = a.attcollation
 WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
"""
UNIQUE_INDEXES = """
SELECT array_agg(a.attname::text ORDER BY a.attname),
       ARRAY(SELECT p.relname::text FROM pg_partition_tree(i.indexrelid) AS t
               JOIN pg_class AS p ON p.oid = t.relid) || c.relname::text
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
 WHERE i.indrelid = %(oid)s AND i.indisunique AND i.indisvalid
   AND i.indpred IS NULL AND i.indexprs IS NULL
 GROUP BY i.indexrelid, c.relname, i.indnkeyatts HAVING count(*) = i.indnkeyatts
"""
MISSING_RIGHTS = """
SELECT r FROM unnest(%(rights)s::text[]) AS r WHERE NOT has_table_privilege(%(oid)s::oid, r)
"""
TABLES = {"r": "table", "p": "partitioned table"}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of the target, its type as ``format_type`` writes it.

    ``collation`` is the name of its collation and its schema's, None where texts are not compared.
    """

    name: str
    type: str
    collation: Sequence[str] | None
    must_be_given: bool
    is_generated: bool

    @property
    def kind(self) -> ColumnType | None:
        """Return the type as jobs.yaml writes it; None for one that QuperSync does not load."""
        try:
            return ColumnType.parse(self.type)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class TargetTable:
    """A table that fits its job.

    ``key_indexes`` are the names of the key's unique index, in each partition another. It is still
    the same table, with the same columns, for as long as ``IDENTITY`` says ``identity`` of it.
    """

    job: Job
    columns: Mapping[str, TableColumn]
    key_indexes: frozenset[str]
    identity: str

    @classmethod
    def of(cls, job: Job, session: Session) -> "TargetTable":
        """Look the job's target up and check that the job can load it.

        Raises:
            TargetMismatchError: it cannot; every reason at once.
            PermissionDeniedError: a right is missing; says which GRANT helps.
        """
        name = {"schema": job.target.schema, "table": job.target.table}
        found = session.rows(FIND, name)
        if not found:
            raise TargetMismatchError(
                f"{job.target} does not exist", hint=f"qupersync db create {job.name}"
            )
        oid, kind = found[0]
        if kind not in TABLES:
            hint = "only a table can be loaded: name another target in the job"
            raise TargetMismatchError(f"{job.target} is not a table", hint=hint)
        # First of all: what changes after it will show.
        [(identity,)] = session.rows(IDENTITY.format(Literal(oid)))
        columns = {row[0]: TableColumn(*row) for row in session.rows(COLUMNS, {"oid": oid})}
        indexes = {tuple(row[0]): row[1] for row in session.rows(UNIQUE_INDEXES, {"oid": oid})}
        key_indexes = frozenset(indexes.get(tuple(sorted(job.key, key=str.encode)), ()))
        if problems := [*_problems(job, columns, has_index=bool(key_indexes))]:
            raise TargetMismatchError(f"{job.target} does not fit: {'; '.join(problems)}")
        _require_rights(job, oid, session)
        return cls(job, columns, key_indexes, identity)

    @property
    def watermark_type(self) -> WatermarkType | None:
        """Return the type of the watermark column; None without one, or if it can be none."""
        spec = self.job.watermark
        kind = str(self.columns[spec.column].kind) if spec and spec.column in self.columns else ""
        return WatermarkType(kind) if kind in set(WatermarkType) else None

    def specs(self, names: Sequence[str]) -> Mapping[str, ColumnSpec]:
        """Keep the promise of ``ports.Table.columns``."""
        if self.job.columns:
            return self.job.columns
        needed = {*self.job.key, *_watched(self.job)}
        needed |= {column.name for column in self.columns.values() if column.must_be_given}
        wanted = {*names} or needed | {c.name for c in self.columns.values() if c.kind}
        specs = {
            column.name: ColumnSpec(type=_loadable(column))
            for column in self.columns.values()
            if column.name in wanted and not column.is_generated
        }
        if missing := sorted(needed - set(specs)):
            raise ColumnMissingError(f"the query does not return: {', '.join(missing)}")
        if unknown := sorted(set(names) - set(self.columns)):
            raise TargetMismatchError(f"{self.job.target} has no column {', '.join(unknown)}")
        return specs


def _watched(job: Job) -> Iterator[str]:
    if job.watermark:
        yield job.watermark.column
    if job.watermark and job.watermark.settled:
        yield job.watermark.settled.column


def _loadable(column: TableColumn) -> ColumnType:
    if column.kind is None:
        raise TargetMismatchError(
            f"column {column.name!r} is {column.type}, which QuperSync does not load"
        )
    return column.kind


def _problems(job: Job, columns: Mapping[str, TableColumn], *, has_index: bool) -> Iterator[str]:
    for name, spec in job.columns.items():
        if name not in columns:
            yield f"column {name!r} is missing"
        elif (kind := columns[name].kind) != spec.type:
            yield f"column {name!r} is {kind or columns[name].type}, the job says {spec.type}"
        elif columns[name].is_generated:
            yield f"column {name!r} is generated by the table"
    for column in columns.values():
        if job.columns and column.must_be_given and column.name not in job.columns:
            yield f"column {column.name!r} is NOT NULL without a default, and the job has none"
    if not has_index:
        yield f"no unique index on exactly ({', '.join(job.key)})"


def _require_rights(job: Job, oid: int, session: Session) -> None:
    rights = ["SELECT", "INSERT", "UPDATE"]
    if job.retention or (job.mode == "snapshot" and job.delete_missing):
        rights.append("DELETE")
    missing = [row[0] for row in session.rows(MISSING_RIGHTS, {"oid": oid, "rights": rights})]
    if missing:
        user = session.connection.info.user
        raise PermissionDeniedError(
            f"{user} lacks {', '.join(missing)} on {job.target}",
            hint=f'GRANT {", ".join(missing)} ON {job.target} TO "{user}"',
        )
