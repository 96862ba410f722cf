"""The variables of pings and alerts; each is a secret, because its URL is the right to send."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasGenerator, BaseModel, ConfigDict, SecretStr

from qupersync.domain.ping import Moment

NO_URL = SecretStr("")
AT_START = ("job", "run_id", "status")
AT_END = (*AT_START, "exit_code")


def _template(*names: str) -> Callable[[SecretStr], SecretStr]:
    def checked(secret: SecretStr) -> SecretStr:
        url = secret.get_secret_value()
        for name in names:
            url = url.replace(f"{{{name}}}", "")
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError("expected a URL that begins with http:// or https://")
        if urlsplit(url).username is not None:
            raise ValueError("a user or password before @ is never sent; leave it out")
        if "{" in url or "}" in url:
            known = ", ".join(f"{{{name}}}" for name in names)
            raise ValueError(f"the words in braces may be: {known}")
        return secret

    return checked


def _sendable(secret: SecretStr) -> SecretStr:
    # Found out now, and not by the first failure of which nobody hears.
    if find_spec("apprise") is None:
        raise ValueError("needs Apprise; install it with: pip install 'qupersync[alerts]'")
    return secret


class WatchSettings(BaseModel):
    """Whom to tell of a pass, in a manner that cannot harm it."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        alias_generator=AliasGenerator(lambda field: f"QUPERSYNC_{field.upper()}"),
    )

    ping_start_url: Annotated[SecretStr, AfterValidator(_template(*AT_START))] = NO_URL
    ping_success_url: Annotated[SecretStr, AfterValidator(_template(*AT_END))] = NO_URL
    ping_failure_url: Annotated[SecretStr, AfterValidator(_template(*AT_END))] = NO_URL
    alert_urls: Annotated[SecretStr, AfterValidator(_sendable)] = NO_URL

    def templates(self) -> Iterator[tuple[Moment, str]]:
        """Yield each URL template that is set, with its moment."""
        secrets = (self.ping_start_url, self.ping_success_url, self.ping_failure_url)
        for moment, secret in zip(Moment, secrets, strict=True):
            if secret:
                yield moment, secret.get_secret_value()
