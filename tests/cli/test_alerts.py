"""People hear when a job's state changes, and only then; the run log is all that remembers."""

import pytest

from qupersync.infrastructure.postgres.changes import changes
from qupersync.infrastructure.postgres.session import connected
from tests.cli.shell import Done, World
from tests.monitor import Monitor, monitoring, nobody

# Apprise asks Python up to 3.12 for a module that the next one has no more.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

PASSES = "SELECT correlation_id FROM quper.sync_logs ORDER BY started_at"


def run(world: World, url: str, *words: str) -> Done:
    urls = url.replace("http://", "json://") + "/key"
    return world.shell.type("run", *words, QUPERSYNC_ALERT_URLS=urls, no_proxy="*")


def told(monitor: Monitor) -> list[tuple[str, str, str]]:
    """The messages without the name of this machine."""
    return [
        (message["type"], message["title"].partition(": ")[2], message["message"])
        for message in monitor.messages
    ]


def break_items(world: World) -> None:
    world.at_source("ALTER TABLE items RENAME TO gone")


def mend_items(world: World) -> None:
    world.at_source("ALTER TABLE gone RENAME TO items")


def test_a_job_that_works_for_the_first_time_or_again_is_no_news(world: World):
    with monitoring() as monitor:
        codes = [run(world, monitor.url, "items").code for _ in range(2)]

    assert (codes, monitor.messages) == ([0, 0], [])


def test_a_failure_is_told_once_and_its_end_once(world: World):
    with monitoring() as monitor:
        run(world, monitor.url, "items")
        break_items(world)
        codes = [run(world, monitor.url, "items").code for _ in range(2)]
        mend_items(world)
        codes += [run(world, monitor.url, "items").code for _ in range(2)]

    failed, cured = told(monitor)
    assert codes == [1, 1, 0, 0]
    assert failed[:2] == ("failure", "items failed")
    assert failed[2].startswith("failed: items: ")
    assert 'relation "items" does not exist' in failed[2]
    assert failed[2].endswith(
        "-> try it with: qupersync plan items; once it is repaired: qupersync retry"
    )
    assert cured == ("success", "items ok again", "ok again: items")


def test_a_job_that_fails_on_its_first_run_is_news(world: World):
    with monitoring() as monitor:
        run(world, monitor.url, "--all")
        run(world, monitor.url, "--all")

    assert [title for _, title, _ in told(monitor)] == ["broken failed"]


def test_one_message_tells_of_all_that_changed_in_a_pass(world: World):
    with monitoring() as monitor:
        break_items(world)
        run(world, monitor.url, "items")
        mend_items(world)
        run(world, monitor.url, "--all")
        world.at_source("ALTER TABLE items ADD nothing text")
        world.at_target("ALTER TABLE others ADD nothing text")
        break_items(world)
        run(world, monitor.url, "items", "broken")

    assert [title for _, title, _ in told(monitor)] == [
        "items failed",
        "broken failed, items ok again",
        "items failed",
    ]


@pytest.mark.parametrize("status", ["skipped", "canceled"])
def test_a_run_that_decided_nothing_is_neither_news_nor_a_state(world: World, status: str):
    with monitoring() as monitor:
        run(world, monitor.url, "items")
        world.at_target(f"UPDATE quper.sync_logs SET status = '{status}'")
        run(world, monitor.url, "items")
    [(of_none,), (of_success,)] = world.rows(PASSES)

    assert monitor.messages == []
    with connected(world.target) as session:
        assert [changes(session, of_none), changes(session, of_success)] == [[], []]


def test_no_secret_is_told_to_anybody(world: World):
    world.shell.write_jobs(
        (world.shell.folder / "jobs.yaml").read_text().replace("nothing", '"canary-of-aws"')
    )
    world.shell.variables["AWS_SESSION_TOKEN"] = "canary-of-aws"  # noqa: S105 - of nothing
    with monitoring() as monitor:
        run(world, monitor.url, "broken")

    [(_, _, text)] = told(monitor)
    assert "canary" not in text
    assert "***" in text


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense://canary"])
def test_an_alert_that_cannot_be_sent_is_told_without_its_url(world: World, url: str):
    done = run(world, url, "broken", "-q")

    [failed] = [record for record in done.records if record["event"] == "alert not sent"]
    assert done.code == 1
    assert failed["level"] == "error"
    assert not any(word in done.err for word in ("/key", "canary", ":1/", "nonsense"))


def test_an_alert_that_is_refused_changes_no_exit_code(world: World):
    with monitoring(status=500) as monitor:
        break_items(world)
        run(world, nobody(), "items")
        mend_items(world)
        done = run(world, monitor.url, "items")

    [record] = [record for record in done.records if record["event"] == "alert not sent"]
    assert (done.code, len(monitor.messages)) == (0, 1)
    assert record["reason"] == "a receiver refused it or was silent"


def test_a_target_that_cannot_be_asked_tells_nobody(world: World):
    with monitoring() as monitor:
        world.shell.variables["POSTGRES_PORT"] = nobody().rpartition(":")[2]
        done = run(world, monitor.url, "items")

    assert (done.code, monitor.messages) == (4, [])
    assert [r["reason"] for r in done.records if r["event"] == "not sent"] == [
        "TargetUnavailableError"
    ]
