"""Messages to people through Apprise, which comes with the extra ``alerts``."""

import logging

logger = logging.getLogger(__name__)


def send(urls: str, title: str, body: str, *, is_failure: bool) -> None:
    """Send one message to all of ``urls``; say if one of them did not take it, never which."""
    # It logs URLs, which are secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    # Here, because it takes as long to import as all else together, and is seldom needed.
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType  # noqa: PLC0415

    receivers = Apprise(asset=AppriseAsset(app_id="QuperSync", app_desc="QuperSync"))
    all_known = receivers.add(urls)
    all_took_it = receivers.notify(
        title=title,
        body=body,
        body_format=NotifyFormat.TEXT,
        notify_type=NotifyType.FAILURE if is_failure else NotifyType.SUCCESS,
    )
    if not all_known:
        logger.error("alert not sent", extra={"reason": "QUPERSYNC_ALERT_URLS has no such service"})
    elif not all_took_it:
        logger.error("alert not sent", extra={"reason": "a receiver refused it or was silent"})
