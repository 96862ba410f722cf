"""`report`: a page for people that loads nothing, runs nothing and believes no text."""

import re
import shutil
import subprocess
from html import escape
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.reading import Seen, read_page
from tests.cli.shell import JOBS, Done, World

HOSTILE = "<script>alert('x')</script> \"'& </title></style> \x1b[2J\u202e\u200f " + "w" * 5_000
SHOWN = "<script>alert('x')</script> \"'& </title></style> \\x1b[2J\\u202e\\u200f www"
EVERY_TEXT = f"""
UPDATE quper.sync_logs SET error = $${HOSTILE}$$ WHERE error IS NOT NULL;
UPDATE quper.sync_logs SET warnings = jsonb_build_array($${HOSTILE}$$);
INSERT INTO quper.sync_rejects (run_id, source, sync_job_id, row, payload, payload_format,
                                payload_sha256, key, reason, column_name)
VALUES (gen_random_uuid(), 'default', 'items', '{{}}', '', 'x', '', '', $${HOSTILE}$$,
        $${HOSTILE}$$);
"""
LATE = (
    "UPDATE quper.qupersync_state SET last_success_at = now() - interval '11 minutes'"
    " WHERE job = 'items'"
)
WARN = "UPDATE quper.sync_logs SET warnings = '[\"gap: odd\"]' WHERE sync_job_id = 'items'"
MANY_WARNINGS = """
UPDATE quper.sync_logs SET warnings = (
  SELECT jsonb_agg(format('old %s', n) ORDER BY n) FROM generate_series(1, 44) AS n)
 WHERE sync_job_id = 'items'
"""
WARN_NEWEST = """
UPDATE quper.sync_logs SET warnings = '["newest"]'
 WHERE sync_job_id = 'items' AND warnings = '[]'
"""
REJECTS = """
INSERT INTO quper.sync_rejects (run_id, source, sync_job_id, row, payload, payload_format,
                                payload_sha256, key, reason, column_name, rejected_at)
SELECT gen_random_uuid(), 'default', 'items', '{}', '', 'x', int4send(n), '', 'too-long', 'name',
       timestamptz '2026-03-01 12:00Z' FROM generate_series(1, 1203) AS n;
UPDATE quper.sync_rejects SET resolved_at = now(), resolution = 'discarded' WHERE reject_id <= 3;
"""
NEITHER_TRIED_NOR_ENDED = """
INSERT INTO quper.sync_logs (run_id, source, sync_job_id, trigger, status, started_at, completed_at,
                             correlation_id, host, pid, version)
SELECT gen_random_uuid(), 'default', 'items', 'cron', status, now(), ended, gen_random_uuid(),
       'host', 1, '0' FROM (VALUES ('skipped', now()), ('running', NULL)) AS run (status, ended)
"""
THIRD = """\
  third:
    sql: SELECT id FROM items
    target: public.third
    key: [id]
    mode: snapshot
"""


@pytest.fixture
def ran(world: World) -> World:
    """Both jobs ran once: items well, broken not."""
    world.shell.type("run", "--all", "-q")
    return world


def page(world: World, **variables: str) -> Seen:
    done = world.shell.type("report", "--html", "-", **variables)
    assert (done.code, done.err) == (0, "")
    return read_page(done.out)


def section(seen: Seen, title: str) -> Seen:
    [found] = [part for part in seen.all("section") if part.texts("h2") == [title]]
    return found


def rows(part: Seen) -> list[list[str]]:
    [body] = part.all("tbody")
    return [[cell.text for cell in row.inside] for row in body.inside]


def test_the_verdict_is_a_sentence_and_the_title(ran: World):
    seen = page(ran)

    assert seen.texts("p", "verdict bad") == ["1 of 2 jobs needs attention: 1 failed."]
    assert seen.texts("h1") == ["QuperSync: default"]
    assert seen.all("head")[0].texts("title") == [
        "QuperSync: default: 1 of 2 jobs needs attention: 1 failed."
    ]


def test_when_all_is_well_there_is_nothing_to_do(world: World):
    world.shell.write_jobs(JOBS.partition("  broken:")[0])
    world.shell.type("run", "--all", "-q")

    seen = page(world)

    assert seen.texts("p", "verdict") == ["The job is fine."]
    assert "What to do" not in seen.texts("h2")


def test_jobs_that_need_somebody_come_first_the_worst_first(ran: World):
    ran.shell.write_jobs(JOBS.replace("jobs:\n", "jobs:\n" + THIRD))
    ran.at_target(LATE)

    seen = page(ran)

    headings = section(seen, "What to do").texts("h3")
    assert headings == ["broken failed", "items stale", "third never"]
    assert [row[0] for row in rows(section(seen, "All jobs"))] == [
        "brokenpublic.others", "itemspublic.items", "thirdpublic.third",
    ]  # fmt: skip
    assert seen.texts("p", "verdict bad") == [
        "3 of 3 jobs need attention: 1 failed, 1 stale, 1 never ran."
    ]


def test_each_problem_says_why_and_what_to_type(ran: World):
    ran.at_target(LATE)

    broken, items = section(page(ran), "What to do").all("li")

    why, error, *_ = broken.texts("p")
    assert re.fullmatch(
        r"Failed \d+ s ago after .* with query-failed\. Last success never; 1 failure since\.", why
    )
    assert error.startswith("Redshift answered: ")
    assert broken.texts("code") == [
        "qupersync plan broken",
        "qupersync retry",
        "qupersync history broken",
    ]
    assert items.texts("p")[0] == "Last success 11 m ago; expected every 5 m."
    assert items.texts("code") == ["qupersync run items", "qupersync history items"]


def test_a_drawing_of_the_runs_can_be_read_aloud(ran: World):
    ran.at_source("INSERT INTO items VALUES (4, 'd')")
    ran.shell.type("run", "items", "-q")

    drawings = page(ran).all("svg")

    assert len(drawings) == 4
    told = {drawing.texts("title")[0]: drawing.texts("desc")[0] for drawing in drawings}
    assert told["Rows read, items"] == "Runs: 2, not well: 0. From 3 to 4, the last 4."
    assert told["Rows read, broken"] == "Runs: 1, not well: 1. From 0 to 0, the last 0."


def test_what_was_skipped_or_is_at_work_is_not_drawn(ran: World):
    ran.at_target(NEITHER_TRIED_NOR_ENDED)

    seen = page(ran)

    [items] = [svg for svg in seen.all("svg") if svg.texts("title") == ["Rows read, items"]]
    assert items.texts("desc") == ["Runs: 1, not well: 0. From 3 to 3, the last 3."]
    latest = [row[2] for row in rows(section(seen, "Last runs"))]
    assert sorted(latest[:2]) == ["running", "skipped"]


def test_a_warning_of_several_runs_is_told_once(ran: World):
    ran.shell.type("run", "items", "-q")
    ran.at_target(WARN)

    [[job, warning, _, runs]] = rows(section(page(ran), "Warnings of the last runs"))

    assert (job, warning, runs) == ("items", "gap: odd", "2")


def test_the_newest_warnings_come_first_and_older_ones_are_counted(ran: World):
    ran.at_target(MANY_WARNINGS)
    ran.shell.type("run", "items", "-q")
    ran.at_target(WARN_NEWEST)

    part = section(page(ran), "Warnings of the last runs")

    assert [row[1] for row in rows(part)][:2] == ["newest", "old 1"]
    assert len(rows(part)) == 40
    assert part.texts("p") == ["Not shown: 5 older ones."]


def test_rows_set_aside_are_counted_by_reason_in_the_users_zone(ran: World):
    ran.at_target(REJECTS)

    seen = page(ran, TIMEZONE="Asia/Tokyo")

    assert rows(section(seen, "Rows set aside")) == [
        ["items", "too-long", "name", "1,200", "2026-03-01 21:00:00"]
    ]
    assert rows(section(seen, "All jobs"))[1][-1] == "1200"
    assert seen.texts("p", "small")[0].endswith("; times are in Asia/Tokyo.")


def test_the_last_runs_are_shown_the_newest_first(ran: World):
    first, second = rows(section(page(ran), "Last runs"))

    assert (second[0], second[2], second[4:]) == ("items", "success", ["3", "3", "-"])
    assert (first[0], first[2], first[4:6]) == ("broken", "failed", ["0", "0"])
    assert first[6].startswith("query-failed Redshift answered: ")


def test_no_text_can_become_markup_or_move_a_cursor(ran: World):
    ran.at_target(EVERY_TEXT)

    done = ran.shell.type("report", "--html", "-")

    seen = read_page(done.out)
    assert seen.all("script") == []
    for title in ("What to do", "Warnings of the last runs", "Rows set aside", "Last runs"):
        assert SHOWN in section(seen, title).text
    assert [c for c in done.out if c != "\n" and not c.isprintable()] == []
    assert "[cut off]" in section(seen, "What to do").text


def test_a_hostile_name_of_the_source_stays_a_text(world: World):
    name = "\"</title><script>alert('x')</script>"

    assert page(world, QUPERSYNC_SOURCE=name).texts("h1") == [f"QuperSync: {name}"]


def test_the_page_loads_nothing_and_runs_nothing(ran: World):
    done = ran.shell.type("report", "--html", "-")

    page = read_page(done.out)
    tags = {seen.tag for seen in everything(page)}
    attributes = {name for seen in everything(page) for name in seen.attributes}
    assert tags & {"script", "link", "img", "iframe", "object", "a", "form", "use"} == set()
    assert {name for name in attributes if name.startswith("on")} == set()
    assert attributes & {"src", "href", "srcset", "style", "action", "xlink:href"} == set()
    assert re.findall(r"://|url\(|@import", done.out) == []


def everything(seen: Seen) -> list[Seen]:
    return [seen, *(inner for child in seen.inside for inner in everything(child))]


def test_a_reader_of_the_page_aloud_finds_the_way(ran: World):
    seen = page(ran)

    levels = [int(part.tag[1]) for part in everything(seen) if re.fullmatch("h[1-6]", part.tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = [part.attributes["id"] for part in everything(seen) if "id" in part.attributes]
    assert len(names) == len(set(names)) == 8
    used = [name for svg in seen.all("svg") for name in svg.attributes["aria-labelledby"].split()]
    assert used == names
    assert {table.attributes["aria-label"] for table in seen.all("table")} == {
        "All jobs", "Last runs",
    }  # fmt: skip
    assert seen.all("html")[0].attributes == {"lang": "en"}


def test_its_colors_can_be_read_in_light_and_in_dark(ran: World):
    [css] = page(ran).texts("style")

    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)

    for scheme in (light, dark):
        colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        for text in ("ink", "quiet", "good", "bad", "warn", "calm"):
            assert contrast(colors[text], colors["page"]) >= 4.5
            assert contrast(colors[text], colors["card"]) >= 4.5
        assert contrast(colors["bar"], colors["card"]) >= 3
        assert contrast(colors["band"], colors["card"]) >= 3


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_file_is_replaced_and_nothing_is_said(ran: World, tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text("old")

    done = ran.shell.type("report", "--html", str(path))

    assert done == Done(code=0, out="", err="")
    assert path.read_text().startswith("<!DOCTYPE html>\n<html ")


def test_a_folder_in_the_way_is_one_line_and_exit_1(ran: World, tmp_path: Path):
    done = ran.shell.type("report", "--html", str(tmp_path))

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"error: {tmp_path} cannot be written: Is a directory -> look at its folder's rights\n"
    )


def test_a_report_needs_to_be_told_where_to_go(world: World):
    done = world.shell.type("report")

    assert (done.code, done.out) == (2, "")
    assert "--html" in done.err


# The page in frames as wide as a phone and as a screen, each of which tells how wide it became.
FRAMES = """\
<body>{}<script>
onload = () => document.title = [...document.querySelectorAll('iframe')]
  .map(frame => frame.contentDocument.documentElement.scrollWidth).join(' ')
</script>"""
WIDTHS = (390, 1280)


def test_the_page_fits_a_phone_and_a_screen_where_there_is_a_browser(ran: World, tmp_path: Path):
    ran.at_target(EVERY_TEXT)
    text = ran.shell.type("report", "--html", "-").out
    assert 'name="viewport"' in text
    if (browser := shutil.which("chromium")) is None:
        return
    frames = "".join(f'<iframe width="{w}" srcdoc="{escape(text)}"></iframe>' for w in WIDTHS)
    (tmp_path / "frames.html").write_text(FRAMES.format(frames))

    shown = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000",
         f"--user-data-dir={tmp_path}/profile", "--window-size=1400,900", "--dump-dom",
         f"file://{tmp_path}/frames.html"],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip

    title = re.search("<title>([0-9 ]+)</title>", shown)
    assert title is not None, shown[:500]
    widths = [int(width) for width in title[1].split()]
    assert all(width <= limit for width, limit in zip(widths, WIDTHS, strict=True)), widths
