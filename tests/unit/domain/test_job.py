"""A job that exists hangs together; every way in which it may not is refused."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from qupersync.domain.job import Flavor, Job
from qupersync.domain.watermark import WatermarkType
from qupersync.domain.watermark_spec import WatermarkSpec

SQL = "SELECT id, ts FROM t WHERE ts >= :low AND ts < :high"


def watermark(**changes):
    return {"column": "ts", "initial": "7d", "overlap": "1h"} | changes


def fields(**changes):
    usual = {
        "name": "events",
        "target": "events",
        "key": ["id"],
        "columns": {"id": "bigint", "ts": "timestamptz"},
        "watermark": watermark(),
        "sql": SQL,
    }
    return {name: value for name, value in (usual | changes).items() if value is not ...}


def a_job(**changes):
    return Job.model_validate(fields(**changes))


def snapshot(**changes):
    return fields(mode="snapshot", watermark=None, sql="SELECT id, ts FROM t") | changes


def numbered(**changes):
    return fields(
        columns={"id": "bigint", "ts": "bigint"},
        watermark=watermark(initial=0, overlap=10) | changes,
        sql="SELECT id, ts FROM t WHERE ts >= :low",
    )


def complaint(data):
    with pytest.raises(ValidationError) as caught:
        Job.model_validate(data)
    return "\n".join(str(error["msg"]) for error in caught.value.errors())


def test_a_job_has_the_documented_defaults():
    job = a_job()

    assert str(job.target) == "quper.events"
    assert (str(job.max_rejects), str(job.max_delete)) == ("100", "50%")
    assert (job.timeout, job.mode, job.delete_missing) == (timedelta(hours=1), "incremental", True)
    assert job.watermark
    assert (job.watermark.lag, job.watermark.chunk) == (timedelta(seconds=30), timedelta(days=1))


@pytest.mark.parametrize("data", [snapshot(), numbered(), fields(columns=...)])
def test_every_kind_of_job_can_exist(data):
    assert Job.model_validate(data).name == "events"


@pytest.mark.parametrize("name", ["", "Events", "1a", "a-b", "a" * 64, "a\n"])
def test_a_name_is_small_letters_digits_and_underscores(name):
    assert "pattern" in complaint(fields(name=name))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": ["id", "id"]}, "'id' stands 2 times in the key"),
        ({"key": ["other"]}, "key column 'other' is not in columns"),
        ({"key": []}, "at least 1 item"),
        ({"watermark": None}, "mode incremental needs a watermark"),
        ({"watermark": ...}, "mode incremental needs a watermark"),
        ({"mode": "snapshot"}, "mode snapshot takes none"),
        ({"sql": ...}, "give either sql or sql_file"),
        ({"sql_file": "x.sql"}, "give either sql or sql_file"),
        ({"sql": {}}, "give the SQL of provisioned"),
        ({"sql": "SELECT 1"}, "the SQL must use :low and :high"),
        ({"sql": {"serverless": "SELECT :low"}}, "the SQL must use :high"),
        ({"retention": "0s"}, "retention must be longer"),
        ({"batch_size": 0}, "greater than or equal to 1"),
        ({"batch_size": True}, "valid integer"),
        ({"colums": {}}, "Extra inputs"),
    ],
)
def test_a_job_that_does_not_hang_together_is_refused(changes, words):
    assert words in complaint(fields(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"column": "other"}, "watermark column 'other' is not in columns"),
        ({"settled": {"column": "s", "values": ["x"]}}, "settled column 's' is not in columns"),
        ({"initial": "soon"}, "expected an age like 7d, an ISO time or a whole number"),
        ({"initial": 1.5}, "expected a duration"),
        ({"initial": 5}, "both times, or both whole numbers"),
        ({"initial": True}, "expected a duration"),
        ({"overlap": True}, "expected a duration"),
        ({"overlap": -1}, "would skip rows"),
        ({"overlap": 5}, "the overlap of a timestamptz watermark is a duration, not 5"),
        ({"chunk": "0s"}, "chunk must be longer than nothing"),
    ],
)
def test_a_watermark_that_does_not_fit_is_refused(changes, words):
    assert words in complaint(fields(watermark=watermark(**changes)))


def test_a_watermark_column_has_an_order_that_redshift_keeps():
    columns = {"id": "bigint", "ts": "text"}

    assert "'ts' is text; a watermark is" in complaint(fields(columns=columns))


def test_a_number_overlaps_by_a_number():
    words = complaint(fields(columns={"id": "bigint", "ts": "bigint"}))

    assert "the overlap of a bigint watermark is a whole number" in words


@pytest.mark.parametrize("name", ["chunk", "lag", "max_hold"])
def test_a_number_has_no_clock(name):
    assert f"takes no {name}" in complaint(numbered(**{name: "1d"}))


def test_a_number_reads_without_an_upper_bound():
    assert "must not use :high" in complaint({**numbered(), "sql": SQL})


@pytest.mark.parametrize("data", [snapshot(), numbered()])
def test_only_a_time_can_be_too_old_to_keep(data):
    assert "retention needs a watermark that is a time" in complaint(data | {"retention": "90d"})


def test_a_snapshot_has_no_window():
    assert "must not use :low and :high" in complaint(snapshot(sql=SQL))


@pytest.mark.parametrize("changes", [{"overlap": "1h"}, {"overlap": "1d", "chunk": "12h"}])
def test_dates_work_in_whole_days(changes):
    columns = {"id": "bigint", "ts": "date"}
    data = fields(columns=columns, watermark=watermark(**changes))

    assert "overlap and chunk are at least 1d" in complaint(data)
    assert Job.model_validate({**data, "watermark": watermark(overlap="1d")}).columns


def test_one_wrong_part_is_not_reported_by_the_parts_that_need_it():
    words = complaint(fields(columns={"id": "bigint", "ts": "tme"}))

    assert words.startswith("Value error, unknown type 'tme'")
    assert "\n" not in words


def test_a_wrong_watermark_leaves_the_sql_alone():
    assert "\n" not in complaint(fields(watermark=watermark(lag=5), sql="SELECT 1"))


def test_sql_may_still_be_in_its_file():
    assert a_job(sql=..., sql_file="events.sql").sql_for(Flavor.PROVISIONED) is None


def test_each_flavor_has_its_sql():
    both, one = a_job(), a_job(sql={"provisioned": SQL})

    assert both.sql_for(Flavor.SERVERLESS) == SQL
    assert one.sql_for(Flavor.PROVISIONED) == SQL
    assert one.sql_for(Flavor.SERVERLESS) is None


@pytest.mark.parametrize(
    ("initial", "kind", "point"),
    [
        ("7d", WatermarkType.DATE, timedelta(days=7)),
        ("2026-01-02", WatermarkType.DATE, date(2026, 1, 2)),
        ("2026-01-02T01:00:00+02:00", WatermarkType.DATE, date(2026, 1, 1)),
        ("2026-01-02", WatermarkType.TIMESTAMP, datetime(2026, 1, 2, tzinfo=UTC)),
        (5, WatermarkType.BIGINT, 5),
    ],
)
def test_initial_is_an_age_or_a_point_of_the_watermark(initial, kind, point):
    spec = WatermarkSpec.model_validate(watermark(initial=initial))

    assert spec.initial_for(kind) == point
