"""Track records as Prometheus metrics: their names, labels, meanings and text."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from qupersync.domain.track_record import ROW_KINDS, TrackRecord

PREFIX = "qupersync_"
# Not `job`: Prometheus gives that one to whatever it scrapes.
LABELS = ("source", "sync_job")
ENDINGS = ("success", "failed", "dead", "canceled")


def exposition(records: Iterable[TrackRecord], source: str, now: datetime) -> str:
    """Return the metrics of some jobs as the content of a textfile; ``now`` is when they were read.

    A time that never came is 0; missing are only the duration of a job that never ran and the lag
    of one whose watermark is no time. Counts are gauges of the last day and not counters: who
    deletes old runs would make a counter go down, which reads as a restart.
    """
    registry = CollectorRegistry()
    registry.register(_Exposition(tuple(records), source, now))
    return generate_latest(registry).decode()


@dataclass(frozen=True, eq=False)
class _Exposition(Collector):
    records: tuple[TrackRecord, ...]
    source: str
    now: datetime

    def collect(self) -> Iterator[GaugeMetricFamily]:
        meaning = "When these metrics were read from the run log, in Unix time."
        read = GaugeMetricFamily(f"{PREFIX}metrics_timestamp_seconds", meaning, labels=LABELS[:1])
        read.add_metric((self.source,), self.now.timestamp())
        yield read
        for metric in METRICS:
            yield metric.family(self.records, self.source)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of every job; with ``label`` it has a value for each of that label's values."""

    name: str
    meaning: str
    read: Callable[[TrackRecord], float | Mapping[str, float] | None]
    label: str = ""

    def family(self, records: Iterable[TrackRecord], source: str) -> GaugeMetricFamily:
        """Return the metric's samples; a value of None is none."""
        labels = (*LABELS, self.label) if self.label else LABELS
        family = GaugeMetricFamily(PREFIX + self.name, self.meaning, labels=labels)
        for record in records:
            for further, value in self._samples(record):
                family.add_metric((source, record.status.job, *further), value)
        return family

    def _samples(self, record: TrackRecord) -> Iterator[tuple[tuple[str, ...], float]]:
        value = self.read(record)
        if isinstance(value, Mapping):
            yield from (((key,), number) for key, number in value.items())
        elif value is not None:
            yield (), value


def _unix(moment: datetime | None) -> float:
    return 0 if moment is None else moment.timestamp()


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _last_end(record: TrackRecord) -> float:
    last = record.status.last_run
    return _unix(last.completed_at if last else None)


def _last_duration(record: TrackRecord) -> float | None:
    last = record.status.last_run
    return None if last is None or last.duration_ms is None else last.duration_ms / 1000


def _last_status(record: TrackRecord) -> Mapping[str, float]:
    last = record.status.last_run
    status = last.status if last else None
    return {ending: status == ending for ending in ENDINGS}


METRICS = (
    Metric(
        "last_success_timestamp_seconds",
        "When the job last succeeded, in Unix time; 0 if never.",
        lambda record: _unix(record.status.last_success_at),
    ),
    Metric(
        "last_run_timestamp_seconds",
        "When the job's last run ended, in Unix time; 0 if never.",
        _last_end,
    ),
    Metric("last_run_duration_seconds", "How long the job's last run took.", _last_duration),
    Metric(
        "last_run_status",
        "1 for the status with which the job's last run ended, 0 for the others.",
        _last_status,
        "status",
    ),
    Metric(
        "consecutive_failures",
        "Runs that failed since the job last succeeded.",
        lambda record: record.consecutive_failures,
    ),
    Metric(
        "stale_after_seconds",
        "From which age of its last success on the job is stale.",
        lambda record: _seconds(record.stale_after),
    ),
    Metric(
        "timeout_seconds",
        "How long a run of the job may take.",
        lambda record: _seconds(record.timeout),
    ),
    Metric(
        "running",
        "1 while a run of the job is at work, else 0.",
        lambda record: record.status.is_running,
    ),
    Metric(
        "running_since_timestamp_seconds",
        "When the run that is at work began, in Unix time; 0 if none is.",
        lambda record: _unix(record.running_since),
    ),
    Metric(
        "watermark_lag_seconds",
        "How far the job's watermark is behind the target's clock.",
        lambda record: _seconds(record.watermark_lag),
    ),
    Metric(
        "open_rejects",
        "Rows in quper.sync_rejects that nobody resolved.",
        lambda record: record.open_rejects,
    ),
    Metric(
        "last_day_runs",
        "Runs of the job that began in the last 24 hours, by status.",
        lambda record: {
            ending: record.runs_last_day.get(ending, 0) for ending in (*ENDINGS, "skipped")
        },
        "status",
    ),
    Metric(
        "last_day_rows",
        "Rows of the job's runs that began in the last 24 hours, by kind.",
        lambda record: {kind: record.rows_last_day.get(kind, 0) for kind in ROW_KINDS},
        "kind",
    ),
)
