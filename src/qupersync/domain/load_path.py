"""Which way a job's rows take into the target: as the bytes that came, or each row checked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from qupersync.domain.column_rules import default_of
from qupersync.domain.columns import INTEGER_BITS, ColumnSpec
from qupersync.domain.job import Job

RAW, CHECKED = "raw", "checked"
RAW_BATCH_ROWS, CHECKED_BATCH_ROWS = 20_000, 1_000
# Below it COPY with its second table costs more than it saves (measured: docs/decisions.md).
COPY_PAYS_FROM = 100
# PostgreSQL's limit is 1,600; one holds the order of arrival.
MOST_COLUMNS = 1_599

_TEXTS = ("text", "varchar")
_NUMBERS = ("numeric", *INTEGER_BITS, *_TEXTS)
_FLOATS = ("real", "double precision")
_MOMENTS = ("timestamp", "timestamptz", *_TEXTS)
# Where PostgreSQL makes the same of the bytes as the row check does. The text of a float is not
# there: Redshift's number of digits is another. What is in doubt is not there either.
_TAKES: Mapping[str, Sequence[str]] = {
    "boolean": ("boolean", *_TEXTS),
    "smallint": (*_NUMBERS, *_FLOATS),
    "integer": (*_NUMBERS, "double precision"),
    "bigint": _NUMBERS,
    "oid": _NUMBERS,
    "real": _FLOATS,
    "double precision": ("double precision",),
    "numeric": (*_NUMBERS, "double precision"),
    "timestamp": _MOMENTS,
    "timestamptz": _MOMENTS,
}


class LoadPath(NamedTuple):
    """The way rows take into the target, why this one, and how many go into one transaction."""

    name: str
    reason: str
    batch_rows: int


def path_of(
    job: Job, specs: Mapping[str, ColumnSpec], names: Sequence[str], encodings: Sequence[str]
) -> LoadPath:
    """Return the way of a query's rows, by the columns that it returns.

    ``encodings`` are those of ``Batch``.
    """
    for obstacle in _obstacles(job, specs, names, encodings):
        return LoadPath(CHECKED, obstacle, CHECKED_BATCH_ROWS)
    reason = "load: copy"
    if job.load == "auto":
        reason = f"as bytes by COPY; fewer than {COPY_PAYS_FROM} rows are checked one by one"
    return LoadPath(RAW, reason, RAW_BATCH_ROWS)


def _obstacles(
    job: Job, specs: Mapping[str, ColumnSpec], names: Sequence[str], encodings: Sequence[str]
) -> Iterator[str]:
    if job.load == "executemany":
        yield "load: executemany"
    elif not encodings:
        yield "the driver's bytes are not those that this version knows"
    elif max(len(specs), len(names)) > MOST_COLUMNS:
        yield f"more than {MOST_COLUMNS:,} columns"
    else:
        by_name = dict(zip(names, encodings, strict=True))
        for name, spec in specs.items():
            for why in _column_obstacles(spec, by_name[spec.source or name]):
                yield f"column {name!r}: {why}"


def _column_obstacles(spec: ColumnSpec, encoding: str) -> Iterator[str]:
    kind = spec.type.name
    if kind not in _TAKES.get(encoding, (kind,)):
        yield f"only the row check makes {kind} of {encoding}"
    if spec.null_if and encoding in {"numeric", *_FLOATS}:
        yield f"only the row check compares {encoding} with null_if"
    if "\0" in "".join((*spec.null_if, str(spec.default))):
        yield "a NUL in its rules"
    try:
        default = default_of(spec)
    except ValueError:
        yield "its default breaks its own rules"
    else:
        if isinstance(default, float) and kind not in _FLOATS:
            yield f"only the row check makes {kind} of a default with a point"
        if isinstance(default, bool) and kind in (*_FLOATS, "numeric"):
            yield f"no {kind} can be made of its default"
