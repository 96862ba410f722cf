"""The raw path of a run: which batches take it, and what is known from one to the next."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qupersync.domain.errors import RowsRefusedError
from qupersync.domain.job import Job
from qupersync.domain.load_path import COPY_PAYS_FROM, RAW, path_of
from qupersync.domain.row_check import Block
from qupersync.infrastructure.postgres.raw_sql import RawSql

logger = logging.getLogger(__name__)
MOST_REFUSALS = 3
NEW, SAME = "new", "same"


@dataclass(slots=True)
class RawLoad:
    """The raw path of one run; left for good after ``MOST_REFUSALS`` batches that it refused.

    ``finds`` says what all rows of the last batch were, ``NEW`` or ``SAME``; empty if they were
    neither, None before the first. ``keeps_unique`` is false once nothing of the target kept
    the key unique, ``goes_early`` once rows could not be written before their turn, ``glances``
    once the target was found to be none whose rows can be read in one go. ``is_sorted`` says that
    the last batch whose keys were looked at began with the least and ended with the greatest.
    ``refused`` is the last batch that could not pass. ``sql`` are the statements for it, which are
    the same from batch to batch.
    """

    job: Job
    refusals: int = 0
    finds: str | None = None
    keeps_unique: bool = True
    goes_early: bool = True
    glances: bool = True
    is_sorted: bool = False
    refused: Block | None = None
    sql: RawSql | None = None

    def takes(self, block: Block, *, is_alone: bool = True) -> bool:
        """Tell whether it is worth a try with this batch, or with one behind others."""
        if self.refusals >= MOST_REFUSALS or block is self.refused or not len(block.batch):
            return False
        if is_alone and self.job.load == "auto" and len(block.batch) < COPY_PAYS_FROM:
            return False
        batch = block.batch
        return path_of(self.job, block.specs, batch.names, batch.encodings).name == RAW

    def sql_for(self, block: Block, collations: Mapping[str, Sequence[str]]) -> RawSql:
        """Return the statements for a batch that ``takes`` let through."""
        batch = block.batch
        sql = self.sql
        layout = batch.names, batch.encodings, block.specs
        if sql is None or (sql.names, sql.encodings, sql.specs) != layout:
            self.sql = sql = RawSql.of(block, collations)
        return sql

    def note_refusal(self, block: Block, error: RowsRefusedError) -> None:
        """Count a batch that was refused."""
        self.refused = block
        self.refusals += 1
        if self.refusals == MOST_REFUSALS:
            logger.warning(
                "raw path left: each row of the rest of this run is checked, which is slower",
                extra={"job": self.job.name, "sqlstate": error.sqlstate},
            )
