"""Source rows to target rows under a job's column rules; compiled once, run per batch."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import Any

from pydantic import TypeAdapter, ValidationError

from qupersync.domain.batch import Batch, Checked, Refusal, Reject, Row
from qupersync.domain.column_rules import field, spelled, trimmed
from qupersync.domain.columns import ColumnSpec
from qupersync.domain.errors import ColumnMissingError, QueryError

# What pydantic calls a number that is no integer; the other names are the rules' own reasons.
_REASONS = {
    "int_type": "invalid-value",
    "int_parsing": "invalid-value",
    "finite_number": "invalid-value",
    "int_from_float": "lossy-cast",
    "int_parsing_size": "out-of-range",
    "greater_than_equal": "out-of-range",
    "less_than_equal": "out-of-range",
}


def _list_of_rows(types: tuple[Any, ...]) -> Any:
    return list[tuple[types]]  # type: ignore[valid-type]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A batch under its job's rules; its rows are checked when that is first asked for."""

    batch: Batch
    specs: Mapping[str, ColumnSpec]
    key: tuple[str, ...]
    check: Callable[[Batch], Checked]

    @cached_property
    def checked(self) -> Checked:
        """Return the rows that keep the rules, and those that do not."""
        return self.check(self.batch)

    def keys(self) -> list[str]:
        """Return the key of each row that keeps the rules."""
        return self.checked.keys()

    def ends(self, name: str) -> list[Any]:
        """Return what the first row and the last have in a column, nothing if one breaks a rule."""
        ends = [self.batch.payloads[0], self.batch.payloads[-1]]
        rows, at = self.check(replace(self.batch, payloads=ends)).rows, list(self.specs).index(name)
        return [row[at] for row in rows] if len(rows) == len(ends) else []

    def rejected(self, payload: bytes, refusal: Refusal) -> Reject:
        """Make a reject of a good row's bytes, which another batch of the same query held."""
        return self.check(replace(self.batch, payloads=[payload])).reject(0, refusal)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """A job's column rules, compiled for the columns that its query returns."""

    specs: Mapping[str, ColumnSpec]
    key: tuple[str, ...]
    picked: Callable[[Row], Row]
    adapter: TypeAdapter[list[Row]]

    @classmethod
    def compile(
        cls, specs: Mapping[str, ColumnSpec], key: Sequence[str], names: Sequence[str]
    ) -> "RowCheck":
        """Prepare the check of rows whose values come in the order of ``names``.

        Raises:
            ColumnMissingError: the query does not return a column that the job needs.
            QueryError: the query returns it twice.
        """
        sources = [spec.source or name for name, spec in specs.items()]
        if missing := sorted(set(sources) - set(names)):
            raise ColumnMissingError(f"the query does not return: {', '.join(missing)}")
        if twice := sorted(n for n, count in Counter(names).items() if count > 1 and n in sources):
            raise QueryError(f"the query returns more than once: {', '.join(twice)}")
        at = [names.index(source) for source in sources]
        types = tuple(field(spec, is_key=name in key) for name, spec in specs.items())
        return cls(
            specs=specs,
            key=tuple(key),
            picked=itemgetter(*at) if len(at) > 1 else lambda row: (row[at[0]],),
            adapter=TypeAdapter(_list_of_rows(types)),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the target columns, in the order of a checked row's values."""
        return tuple(self.specs)

    def block(self, batch: Batch) -> Block:
        """Return the batch with its rules, not checked yet."""
        return Block(batch=batch, specs=self.specs, key=self.key, check=self)

    def __call__(self, batch: Batch) -> Checked:
        """Split a batch into rows that keep the rules, as target values, and rejects."""
        source, refused = batch.decoded.rows, dict(batch.decoded.unreadable)
        at = [place for place in range(len(batch)) if place not in refused]
        rows = [self.picked(source[place]) for place in at]
        while rows:
            try:
                rows = self.adapter.validate_python(rows)
                break
            except ValidationError as error:
                broken = self._broken(error)
            refused |= {at[row]: refusal for row, refusal in broken.items()}
            rows = [row for place, row in enumerate(rows) if place not in broken]
            at = [place for place in at if place not in refused]
        return Checked(
            rows=rows,
            rejects=[self._reject(batch, *fault) for fault in sorted(refused.items(), key=_place)],
            reject=lambda row, refusal: self._reject(batch, at[row], refusal),
            keys=lambda: [self._key_of(self.picked(source[place])) for place in at],
            payloads=lambda: [batch.payloads[place] for place in at],
        )

    def _broken(self, error: ValidationError) -> dict[int, Refusal]:
        broken: dict[int, Refusal] = {}
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            row, column = int(item["loc"][0]), int(item["loc"][1])
            reason = _REASONS.get(item["type"], item["type"])
            broken.setdefault(row, Refusal(reason, self.columns[column]))
        return broken

    def _reject(self, batch: Batch, place: int, refusal: Refusal) -> Reject:
        decoded = batch.decoded
        row = () if place in decoded.unreadable else self.picked(decoded.rows[place])
        return Reject(
            payload=batch.payloads[place],
            payload_format=batch.payload_format,
            refusal=refusal,
            key=self._key_of(row) if row else "",
            values={name: _text(value) for name, value in zip(self.columns, row, strict=False)},
        )

    def _key_of(self, row: Row) -> str:
        values = dict(zip(self.columns, row, strict=True))
        return json.dumps([trimmed(_text(values[name])) for name in self.key])


def _place(fault: tuple[int, Refusal]) -> int:
    return fault[0]


def _text(value: object) -> str | None:
    text = spelled(value)
    return text and text.replace("\0", "\N{SYMBOL FOR NULL}")
