"""What a snapshot may delete: a row that was not read is not always a row that is gone."""

from dataclasses import dataclass

from qupersync.domain.errors import DeletionGuardError, RowAccountingError
from qupersync.domain.job import Job
from qupersync.domain.ports import Unit
from qupersync.domain.visibility import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How many rows were deleted; ``seen`` is what to remember, None if rows were kept."""

    rows: int = 0
    seen: Visibility | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """Deletes what one snapshot of a job did not read, unless something speaks against it.

    ``before`` is what the last snapshot saw that kept nothing back; ``rights`` are today's.
    """

    job: Job
    are_allowed: bool
    before: Visibility | None
    rights: str

    def __call__(self, unit: Unit, *, extracted: int, skipped: int, inserted: int) -> Deleted:
        """Delete and return what became of it; the rows are staged and merged.

        Raises:
            DeletionGuardError: so many rows would go that people must say so.
            RowAccountingError: the target let another number of rows go.
        """
        if not self.job.delete_missing:
            return Deleted()
        rows, owners = unit.seen()
        seen = Visibility(rights=self.rights, rows=rows, owners=owners)
        gone, total = unit.missing()
        if gone == 0:
            return Deleted(seen=None if skipped else seen)
        doubt = self._doubt(unit, seen, extracted, skipped)
        if doubt:
            return Deleted(
                warnings=(f"{gone} rows that this read does not confirm were kept: {doubt}",)
            )
        if not self.are_allowed:
            self._guard(gone, total - inserted, extracted)
        deleted = unit.delete_missing()
        if deleted != gone:
            raise RowAccountingError(
                f"{gone} rows were to be deleted, but the target let go {deleted}"
            )
        return Deleted(rows=deleted, seen=seen)

    def _guard(self, gone: int, total: int, extracted: int) -> None:
        if extracted == 0:
            why = "the query returned no row"
        elif self.job.max_delete.is_exceeded(gone, total):
            why = f"max_delete is {self.job.max_delete}"
        else:
            return
        raise DeletionGuardError(
            f"{gone} of {total} rows of {self.job.target} would be deleted, and {why}",
            hint=self._way_out,
        )

    def _doubt(self, unit: Unit, seen: Visibility, extracted: int, skipped: int) -> str:
        """Say why rows that were not read may well be there; nothing if they are gone."""
        if skipped:
            return "rows were rejected"
        if self.are_allowed or extracted == 0:  # an empty result is an error below
            return ""
        before = self.before
        if before is None or before.rights == seen.rights:
            return ""
        # Not by how many it saw: what is new would hide what is lost.
        gone = unit.owners_gone()
        return self._less(before, seen, gone) if gone else ""

    def _less(self, before: Visibility, seen: Visibility, gone: int) -> str:
        owners = ", ".join(self.job.key[:-1])
        counts = f" of {before.owners} -> {seen.owners} different ({owners}), nothing of {gone}"
        of_owners = counts if owners else ""
        return (
            f"the login may see less than before. Its rights were {before.rights!r} and are "
            f"{seen.rights!r}; it saw {before.rows} -> {seen.rows} rows{of_owners}. Give the right "
            f"back, or if the rows are really gone: {self._way_out}"
        )

    @property
    def _way_out(self) -> str:
        return f"qupersync run {self.job.name} --allow-deletes"
