"""A query's result on its way to the target: in batches of the right size, with their rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from qupersync.application.order import Order
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.job import Job
from qupersync.domain.load_path import RAW_BATCH_ROWS, path_of
from qupersync.domain.ports import Source, Table
from qupersync.domain.row_check import Block, RowCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is known of a result once its first rows are there."""

    columns: Mapping[str, ColumnSpec]
    blocks: Iterator[Block]

    @classmethod
    def of(cls, sql: str, job: Job, order: Order, source: Source, table: Table) -> "Reading":
        """Begin to read.

        Raises: as ``ports.Source.read``, ``ports.Table.columns`` and ``RowCheck.compile`` do.
        """
        most = order.batch_rows or job.batch_size or RAW_BATCH_ROWS
        batches = source.read(sql, batch_rows=most)
        first = next(batches)
        columns = table.columns(first.names)
        check = RowCheck.compile(columns, job.key, first.names)
        path = path_of(job, columns, first.names, first.encodings)
        rows = order.batch_rows_of(job, path)
        # No closure: it would keep the first batch in memory to the end.
        parts = (part for batch in chain([first], batches) for part in batch.parts(rows))
        return cls(columns=columns, blocks=map(check.block, parts))
