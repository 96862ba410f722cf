"""One HTTP request to a monitor: short, tried twice, and harmless when it fails."""

import logging
from http.client import HTTPException
from importlib.metadata import version
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from qupersync.domain.ping import Moment

logger = logging.getLogger(__name__)
TIMEOUT_S = 5.0
TRIES = 2
AGENT = f"qupersync/{version('qupersync')}"


def send(moment: Moment, url: str, timeout_s: float = TIMEOUT_S) -> None:
    """Ask for ``url``, a second time if that fails; say why it failed, never where."""
    reason = ""
    for _ in range(TRIES):
        reason = _failure(url, timeout_s)
        if not reason:
            return
    logger.warning("ping not sent", extra={"ping": moment.value, "reason": reason})


def _failure(url: str, timeout_s: float) -> str:
    """Return why the request failed; the texts of errors are not used, they may hold the URL."""
    try:
        # WatchSettings has checked the scheme.
        request = Request(url, headers={"User-Agent": AGENT})  # noqa: S310
        with urlopen(request, timeout=timeout_s):  # noqa: S310
            return ""
    except HTTPError as error:
        error.close()
        return f"HTTP status {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        cause = getattr(error, "reason", None)  # of a URLError: usually what befell the socket
        return type(cause if isinstance(cause, Exception) else error).__name__
