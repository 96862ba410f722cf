"""How all jobs stand, as one page: the verdict, and the order of what follows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from importlib.resources import files
from xml.etree.ElementTree import Element

from qupersync.bootstrap.overview import Overview
from qupersync.domain.status import Health
from qupersync.domain.track_record import TrackRecord
from qupersync.interface.html import Content, document, element, style
from qupersync.interface.page_jobs import jobs, problems
from qupersync.interface.page_runs import count, latest, rejects, warnings
from qupersync.interface.text import moment

WORST_FIRST = (Health.FAILED, Health.STALE, Health.NEVER, Health.RUNNING, Health.OK)
_WORDS = {Health.FAILED: "failed", Health.STALE: "stale", Health.NEVER: "never ran"}
_PERMITS_NOTHING = "default-src 'none'; style-src 'unsafe-inline'"


def page(overview: Overview, zone: tzinfo) -> str:
    """Return one HTML page that loads nothing and runs nothing; times are in ``zone``."""
    title = f"QuperSync: {overview.source}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=_PERMITS_NOTHING),
        element("title", f"{title}: {verdict(overview.records)}"),
        style(files("qupersync.interface").joinpath("page.css").read_text(encoding="utf-8")),
    )
    main = element("main", _summary(overview, title, zone), *_sections(overview, zone))
    return document(element("html", head, element("body", main), lang="en"))


def verdict(records: Sequence[TrackRecord]) -> str:
    """Return in a sentence whether somebody should look."""
    healths = Counter(record.status.health for record in records)
    bad = [f"{healths[health]} {word}" for health, word in _WORDS.items() if healths[health]]
    if bad:
        troubled = sum(healths[health] for health in _WORDS)
        needs = "needs" if troubled == 1 else "need"
        return f"{troubled} of {count(len(records), 'job')} {needs} attention: {', '.join(bad)}."
    return "The job is fine." if len(records) == 1 else f"All {len(records)} jobs are fine."


def _summary(overview: Overview, title: str, zone: tzinfo) -> Element:
    is_bad = any(record.status.health.is_problem for record in overview.records)
    return element(
        "header",
        element("h1", title),
        element("p", verdict(overview.records), class_="verdict bad" if is_bad else "verdict"),
        element("p", f"As of {moment(overview.at, zone)}; times are in {zone}.", class_="small"),
    )


def _sections(overview: Overview, zone: tzinfo) -> Iterator[Element]:
    records = sorted(overview.records, key=lambda record: WORST_FIRST.index(record.status.health))
    troubled = [record for record in records if record.status.health.is_problem]
    if troubled:
        yield _section("What to do", problems(troubled))
    yield _section("All jobs", jobs(records, overview.recent))
    yield _section("Warnings of the last runs", warnings(overview.recent, zone))
    yield _section("Rows set aside", rejects(overview.rejects, zone))
    yield _section("Last runs", latest(overview.latest, zone))


def _section(title: str, contents: Iterable[Content]) -> Element:
    return element("section", element("h2", title), *contents)
