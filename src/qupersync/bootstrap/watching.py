"""The way to those who watch from outside: monitors that are pinged, people who are told."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from qupersync.bootstrap.app import App
from qupersync.domain.change import Change
from qupersync.domain.ping import Ping
from qupersync.infrastructure import alerts, pings
from qupersync.infrastructure.outbox import Outbox
from qupersync.infrastructure.postgres.changes import changes
from qupersync.infrastructure.redaction import Redactor

InWords = Callable[[Sequence[Change]], tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Tells the outside without waiting for it; what fails is logged and harms nothing."""

    app: App
    pings: Outbox
    alerts: Outbox

    def ping(self, ping: Ping) -> None:
        """Send a ping to the URL of its moment, if there is one for it."""
        template = dict(self.app.settings.watch.templates()).get(ping.moment)
        if template and (url := ping.url(template)):
            self.pings.put(partial(pings.send, ping.moment, url))

    def alert_of_changes(self, pass_id: UUID, in_words: InWords) -> None:
        """Send one message if jobs of this pass changed their state: its title and its text."""
        if urls := self.app.settings.watch.alert_urls.get_secret_value():
            self.alerts.put(partial(self._alert, urls, pass_id, in_words))

    def _alert(self, urls: str, pass_id: UUID, in_words: InWords) -> None:
        with self.app.servers.database() as session:
            changed = changes(session, pass_id)
        if changed:
            title, body = map(Redactor(self.app.settings.secrets()), in_words(changed))
            is_failure = any(change.is_failure for change in changed)
            alerts.send(urls, title, body, is_failure=is_failure)


@contextmanager
def watched(app: App) -> Iterator[Watch]:
    """Tell the outside of what happens in the block."""
    with Outbox() as pings_out, Outbox() as alerts_out:
        yield Watch(app=app, pings=pings_out, alerts=alerts_out)
