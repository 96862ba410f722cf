"""A ping: what a monitor outside is told of one job's run or of a whole pass."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote
from uuid import UUID


class Moment(StrEnum):
    """When a monitor is told something."""

    START = "start"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One thing to tell: of a job, or of the whole pass if ``job`` is empty."""

    moment: Moment
    run_id: UUID
    status: str
    job: str = ""
    exit_code: int | None = None

    def url(self, template: str) -> str | None:
        """Return the template with its words replaced by quoted values.

        None if it is not about this: one with ``{job}`` is about jobs, any other about passes.
        """
        if ("{job}" in template) != bool(self.job):
            return None
        values = {
            "job": self.job,
            "run_id": self.run_id,
            "status": self.status,
            "exit_code": self.exit_code,
        }
        for name, value in values.items():
            template = template.replace(f"{{{name}}}", quote(str(value), safe=""))
        return template
