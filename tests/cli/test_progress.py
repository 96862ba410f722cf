"""What is told of runs under way: live lines on a terminal, elsewhere a record now and then."""

import logging
import os
import pty
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from uuid import UUID

import pytest
from rich.console import Console

from qupersync.bootstrap.working import Listener
from qupersync.demo.faults import AtSql, Cut, Delay, Fault
from qupersync.domain.batch import Tally
from qupersync.domain.errors import SourceUnavailableError, TargetUnavailableError
from qupersync.domain.run import Run, Trigger
from qupersync.domain.watermark import Window
from qupersync.interface.live import lines
from qupersync.interface.progress import Progress, told
from tests.cli.shell import JOBS, World, seen

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENTS = """\
version: 1
jobs:
  events:
    sql: SELECT id, at FROM events WHERE at >= :low AND at < :high
    target: public.events
    key: [id]
    watermark: {column: at, initial: 4d, overlap: 1h, chunk: 1d}
"""
TABLE = "CREATE TABLE events (id int PRIMARY KEY, at timestamp)"
ROWS = """
INSERT INTO events SELECT i, localtimestamp - i * interval '1 hour' - interval '90 min'
  FROM generate_series(0, 71) AS i
"""
SLOW = JOBS.replace("broken", "slow").replace(", nothing FROM items", " FROM items ORDER BY id")
HIDE_CURSOR = "\x1b[?25l"


@pytest.fixture
def events(world: World) -> World:
    """The job events has four days to read, a day at a time."""
    world.shell.write_jobs(EVENTS)
    world.at_source(TABLE, ROWS)
    world.at_target(TABLE)
    return world


@dataclass
class Watcher:
    """Lets a run that is held at a statement go on once the terminal shows what is waited for."""

    text: str
    columns: int
    screen: list[str] = field(default_factory=list)
    delay: Delay = field(default_factory=lambda: Delay(seconds=20))

    def hold(self, world: World, sql: str, count: int = 1) -> "Watcher":
        world.stand_in.faults.arm(Fault(when=AtSql(sql, count), what=self.delay))
        return self

    def __call__(self, shown: str) -> None:
        if self.text in shown and not self.screen:
            self.screen = seen(shown.replace("\r\n", "\n"), self.columns)
            self.delay.until.set()


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"LC_ALL": "C", "LANG": "C"}])
def test_a_terminal_has_a_line_for_the_run_under_way_and_none_at_the_end(
    events: World, columns: int, variables: dict[str, str]
):
    events.shell.variables |= variables
    watcher = Watcher("left", columns).hold(events, "FROM events", count=4)

    shown = events.shell.on_a_terminal("run", "--all", columns=columns, meanwhile=watcher)

    [live] = watcher.screen
    assert re.fullmatch(
        r"events  \d+ rows  +\d+/s  \[#+\.+\]  (25|50)%  \d+ s left  +[\d.]+ m?s", live
    ), live
    result, *_, title, row, _next = seen(shown, columns)
    assert result.startswith("success  events in ")
    assert [title.split()[0], row.split()[0]] == ["JOB", "events"]


def test_the_cursor_is_never_hidden(events: World):
    watcher = Watcher("reading", 80).hold(events, "FROM events")

    shown = events.shell.on_a_terminal("run", "--all", columns=80, meanwhile=watcher)

    assert (HIDE_CURSOR in shown, watcher.screen == []) == (False, False)


def test_results_scroll_above_the_live_lines(world: World):
    world.shell.write_jobs(SLOW)
    watcher = Watcher("slow ", 200).hold(world, "ORDER BY id")

    shown = world.shell.on_a_terminal("run", "--all", columns=200, meanwhile=watcher)

    above, live = watcher.screen
    assert above.startswith("success  items in ")
    assert re.fullmatch(r"slow  reading +[\d.]+ m?s", live)
    told_at_the_end = [line.split()[0] for line in seen(shown, 200)]
    assert told_at_the_end == ["success", "success", "JOB", "items", "slow", "next:"]


@pytest.mark.parametrize("words", [["backfill", "--since", "1d"], ["retry"], ["replay"]])
def test_what_reads_again_has_a_live_line_too(events: World, words: list[str]):
    run_id = events.shell.type("run", "--all", "-o", "json").document["runs"][0]["run_id"]
    if words == ["retry"]:
        events.at_target("UPDATE quper.sync_logs SET status = 'failed'")
    watcher = Watcher("0%", 80).hold(events, "FETCH")
    words = [*words, run_id] if words == ["replay"] else words

    events.shell.on_a_terminal(*words, columns=80, meanwhile=watcher)

    assert watcher.screen[-1].startswith("events  reading    [..........]   0%    ")


def test_a_long_result_is_left_for_the_terminal_to_break(world: World):
    shown = world.shell.on_a_terminal("run", "items", columns=40)

    assert ": 3 read: 3 new" in shown


def test_a_terminal_that_goes_away_fails_no_run(events: World):
    watcher = Watcher("reading", 80).hold(events, "FROM events")
    ours, theirs = pty.openpty()
    # A session of its own: the kernel's SIGHUP is for the session of the terminal.
    process = events.shell.start(
        "run", "--all", stdin=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = ""
    while not watcher.screen:
        shown += os.read(ours, 65_536).decode()
        if "reading" in shown:
            os.close(ours)
            watcher(shown)
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert events.rows("SELECT status FROM quper.sync_logs") == [("success",)]


def test_with_q_a_terminal_stays_empty(events: World):
    assert events.shell.on_a_terminal("run", "--all", "-q", columns=80) == ""


@pytest.mark.parametrize("variables", [{"LANG": "", "LC_ALL": ""}, {"FORCE_COLOR": "1"}])
def test_a_pipe_gets_nothing_of_it(events: World, variables: dict[str, str]):
    events.shell.variables |= variables | {"QUPERSYNC_LOG_FORMAT": "text"}

    done = events.shell.execute("run", "--all")

    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"success  events in .*\n", done.err)


def began(number: int = 1, job: str = "events") -> Run:
    return Run(
        run_id=UUID(int=number), source="default", job=job, trigger=Trigger.CRON,
        correlation_id=UUID(int=0), started_at=NOON,
    )  # fmt: skip


def loaded(run: Run, rows: int, days: int) -> Run:
    """The run when so many of the window's four days are stored."""
    window = Window(NOON, NOON + timedelta(days=4))
    run = replace(run, window=window, done_until=NOON + timedelta(days=days))
    return run.loaded(Tally(extracted=rows, inserted=rows))


def test_a_log_record_scrolls_above_the_live_lines_and_logs_go_on_after_them(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    shown = b""
    with os.fdopen(theirs, "w") as terminal, redirect_stderr(terminal):
        logging.getLogger().addHandler(handler := logging.StreamHandler(terminal))
        with told(Listener(), for_people=True, quiet=False) as listener:
            listener.on_begin(began())
            while b"reading" not in shown:
                shown += os.read(ours, 65_536)
            logging.warning("odd")  # noqa: LOG015
        logging.warning("at the end")  # noqa: LOG015
        assert handler.stream is terminal
    with suppress(OSError):  # Linux says so when the last writer is gone
        while chunk := os.read(ours, 65_536):
            shown += chunk
    os.close(ours)

    assert seen(shown.decode().replace("\r\n", "\n"), 80) == ["odd", "at the end"]


class Records(logging.Handler):
    """Keeps records, and tells when there are enough."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []
        self.are_enough = Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)
        if len(self.kept) == 4:
            self.are_enough.set()


@pytest.fixture
def beats() -> Iterator[Records]:
    """What is logged of progress."""
    logger, records = logging.getLogger("qupersync.interface.progress"), Records()
    level = logger.level
    logger.addHandler(records)
    logger.setLevel(logging.INFO)
    yield records
    logger.removeHandler(records)
    logger.setLevel(level)


@pytest.mark.parametrize("for_people", [False, True])
def test_without_a_terminal_each_run_under_way_is_a_record_now_and_then(
    beats: Records, *, for_people: bool
):
    with told(Listener(), for_people=for_people, quiet=False, every_s=0.001) as listener:
        listener.on_begin(one := began(1, "one"))
        listener.on_begin(began(2, "two"))
        listener.on_step(loaded(one, rows=100, days=1))
        assert beats.are_enough.wait(timeout=30)
        listener.on_end(one)
        kept = vars(beats.kept[-1])
    count = len(beats.kept)

    assert {record.getMessage() for record in beats.kept} == {"still running"}
    assert [vars(record)["job"] for record in beats.kept[2:4]] == ["one", "two"]
    assert {"run_id", "rows_extracted", "rows_per_s", "share", "elapsed_s", "left_s"} <= set(kept)
    assert len(beats.kept) == count


def test_quiet_tells_nothing(beats: Records):
    with told(Listener(), for_people=False, quiet=True, every_s=0.0) as listener:
        listener.on_begin(began())
        assert not beats.are_enough.wait(timeout=0.05)


def test_the_rate_and_the_time_left_are_of_the_whole_run():
    ticks = iter([100.0, 110.0, 110.0])
    progress = Progress(clock=lambda: next(ticks))
    listener = progress.heard(Listener())
    listener.on_begin(run := began())
    listener.on_step(loaded(run, rows=55, days=1))

    [record] = progress.records()

    assert record == {
        "job": "events", "run_id": run.run_id, "rows_extracted": 55, "rows_per_s": 5.5,
        "share": 0.25, "elapsed_s": 10.0, "left_s": 30, "attempt": 1, "error_code": None,
        "backoff_ms": None,
    }  # fmt: skip


def test_of_a_snapshot_neither_share_nor_time_left_are_known():
    progress = Progress(clock=lambda: 7.0)
    progress.heard(Listener()).on_begin(began())

    [record] = progress.records()

    assert (record["rows_per_s"], record["share"], record["left_s"]) == (0.0, None, None)


def test_all_that_is_told_is_passed_on():
    heard: list[tuple[str, Run]] = []
    listener = Progress().heard(
        Listener(
            on_begin=lambda run: heard.append(("begin", run)),
            on_step=lambda run: heard.append(("step", run)),
            on_end=lambda run: heard.append(("end", run)),
        )
    )
    run = began()
    listener.on_begin(run)
    listener.on_step(run)
    listener.on_end(run)
    listener.on_end(run)  # a held job ends without a beginning

    assert heard == [("begin", run), ("step", run), ("end", run), ("end", run)]


def test_a_run_that_waits_for_its_next_attempt_says_how_long_and_why():
    progress = Progress(clock=iter([0.0, 2.5, 3.0]).__next__)
    listener = progress.heard(Listener())
    listener.on_begin(run := loaded(began(), rows=100, days=2))
    console = Console(width=80, color_system=None)

    with console.capture() as drawn:
        listener.on_step(waiting := run.waiting(SourceUnavailableError(), 1.25))
        console.print(lines(progress.records()))
        listener.on_step(waiting.tried_again())
        console.print(lines(progress.records()))

    waits, works = drawn.get().rstrip().split("\n")
    assert " ".join(waits.split()) == (
        "events source-unavailable, waits 1.2 s [#####.....] 50% 2.5 s"
    )
    assert works.split()[:3] == ["events", "100", "rows"]


def test_a_run_that_could_not_begin_yet_waits_too():
    progress = Progress(clock=iter([0.0, 1.0]).__next__)
    progress.heard(Listener()).on_step(began().waiting(TargetUnavailableError(), 2))

    [record] = progress.records()

    assert (record["error_code"], record["backoff_ms"]) == ("target-unavailable", 2000)


def test_an_attempt_that_failed_is_one_line_for_people(world: World):
    world.stand_in.faults.arm(Fault(when=AtSql("FETCH"), what=Cut()))

    shown = world.shell.on_a_terminal("run", "items", columns=200)

    failed, ended, *_ = seen(shown, 200)
    assert re.fullmatch(r"items: attempt 1 failed: .+; the next one in [\d.]+ m?s", failed), shown
    assert ended.startswith("success  items in ")


def test_an_attempt_that_failed_is_a_record_for_programs(world: World):
    world.stand_in.faults.arm(Fault(when=AtSql("FETCH"), what=Cut()))

    failed, ended = world.shell.type("run", "items").records

    assert (failed["event"], failed["level"], failed["attempt"]) == ("attempt failed", "warning", 1)
    assert (failed["job"], failed["error_code"]) == ("items", "source-unavailable")
    assert failed.keys() >= {"error", "backoff_ms"}
    assert {failed[name] for name in ("run_id", "correlation_id")} == {
        ended[name] for name in ("run_id", "correlation_id")
    }


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_long_name_is_cut_short_where_numbers_are_not(columns: int):
    progress = Progress(clock=iter([0.0, 0.0, 100.0]).__next__)
    listener = progress.heard(Listener())
    listener.on_begin(run := began(1, "j" * 63))
    listener.on_begin(began(2, "short"))
    listener.on_step(loaded(run, rows=1_234_567, days=3))
    console = Console(width=columns, color_system=None)

    with console.capture() as drawn:
        console.print(lines(progress.records()))

    long, short = drawn.get().rstrip().split("\n")
    assert (max(len(long), len(short)) <= columns, drawn.get().isascii()) == (True, True)
    facts = "1234567 rows  12346/s  [#######...]  75%  33 s left  1 m 40 s"
    assert long.endswith(facts) or columns == 40
