"""The environment variables: their names, defaults and bounds, checked all at once."""

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta, tzinfo
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
    ValidationInfo,
)

from qupersync.domain.duration import Duration
from qupersync.domain.errors import ConfigError
from qupersync.infrastructure.environment import read_variables
from qupersync.infrastructure.plain_words import in_words
from qupersync.infrastructure.watch_settings import WatchSettings

Port = Annotated[int, Field(ge=1, le=65_535)]
Rows = Annotated[int, Field(ge=1, le=1_000_000)]
NO_SECRET = SecretStr("")
HINT = "correct the environment, .env or --env-file, then: qupersync validate"


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)  # UTC needs no time zone database
    except (KeyError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; write one like Europe/Paris") from None


def _patient(duration: timedelta) -> timedelta:
    if duration < timedelta(seconds=5):
        raise ValueError("must be at least 5s")
    return duration


def _over_tls(iam: bool, others: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
    # The driver refuses it too, but only when it connects.
    if iam and others.data.get("sslmode") == "disable":
        raise ValueError("needs TLS, so REDSHIFT_SSLMODE must not be disable")
    return iam


def _prefixed(prefix: str) -> ConfigDict:
    return ConfigDict(alias_generator=AliasGenerator(lambda field: prefix + field.upper()))


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, arbitrary_types_allowed=True
    )


class RedshiftSettings(_Part):
    """The source; the fields are the ``REDSHIFT_*`` variables."""

    model_config = _prefixed("REDSHIFT_")

    host: str = ""
    port: Port = 5439
    db: str = ""
    user: str = ""
    password: SecretStr = NO_SECRET
    sslmode: Literal["verify-full", "verify-ca", "disable"] = "verify-full"
    iam: Annotated[bool, AfterValidator(_over_tls)] = False
    cluster_identifier: str = ""
    db_user: str = ""
    workgroup: str = ""
    flavor: Literal["auto", "provisioned", "serverless"] = "auto"
    fetch_size: Rows = 1000

    def missing(self) -> Iterator[str]:
        """Yield each variable without which no connection can be tried."""
        if not self.db:
            yield "REDSHIFT_DB"
        if not self.iam:
            values = {"HOST": self.host, "USER": self.user, "PASSWORD": self.password}
            yield from (f"REDSHIFT_{name}" for name, value in values.items() if not value)
        elif not self.workgroup:
            values = {"CLUSTER_IDENTIFIER": self.cluster_identifier, "DB_USER": self.db_user}
            yield from (f"REDSHIFT_{name}" for name, value in values.items() if not value)


class AwsSettings(_Part):
    """Where temporary credentials come from; what is not set is left to the driver."""

    model_config = _prefixed("AWS_")

    region: str = ""
    default_region: str = ""
    profile: str = ""
    access_key_id: SecretStr = NO_SECRET
    secret_access_key: SecretStr = NO_SECRET
    session_token: SecretStr = NO_SECRET


class PostgresSettings(_Part):
    """The target; the fields are the ``POSTGRES_*`` variables, the rest is libpq's."""

    model_config = _prefixed("POSTGRES_")

    host: str = ""
    port: Port = 5432
    db: str = ""
    user: str = ""
    password: SecretStr = NO_SECRET
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"

    def missing(self) -> Iterator[str]:
        """Yield each variable without which no connection can be tried."""
        values = {"HOST": self.host, "DB": self.db, "USER": self.user}
        yield from (f"POSTGRES_{name}" for name, value in values.items() if not value)


class SyncSettings(_Part):
    """How QuperSync itself behaves; ``batch_size`` None leaves the choice to the writer."""

    batch_size: Annotated[
        Rows | None,
        BeforeValidator(lambda value: None if value == "auto" else value),
        Field(alias="SYNC_BATCH_SIZE"),
    ] = None
    retries: Annotated[int, Field(ge=0, le=100, alias="SYNC_RETRIES")] = 5
    interval_seconds: Annotated[int, Field(ge=1, alias="SYNC_INTERVAL_SECONDS")] = 300
    time_zone: Annotated[tzinfo, PlainValidator(_zone), Field(alias="TIMEZONE")] = UTC
    log_format: Literal["auto", "json", "text"] = Field("auto", alias="QUPERSYNC_LOG_FORMAT")
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(str.lower),
        Field(alias="QUPERSYNC_LOG_LEVEL"),
    ] = "info"
    lease_ttl: Annotated[Duration, AfterValidator(_patient), Field(alias="QUPERSYNC_LEASE_TTL")] = (
        timedelta(seconds=60)
    )
    source: str = Field("default", alias="QUPERSYNC_SOURCE")


class Settings(_Part):
    """Everything that the environment says; ``repr`` shows no secret."""

    redshift: RedshiftSettings
    aws: AwsSettings
    postgres: PostgresSettings
    sync: SyncSettings
    watch: WatchSettings

    def secrets(self) -> frozenset[str]:
        """Return the values that no log, error or table may show."""
        values = (value for _, part in self for _, value in part)
        return frozenset(v.get_secret_value() for v in values if isinstance(v, SecretStr) and v)

    def require(self, *parts: RedshiftSettings | PostgresSettings) -> None:
        """Make sure that a connection to each of these can be tried.

        Raises:
            ConfigError: names every variable that is missing.
        """
        if missing := [name for part in parts for name in part.missing()]:
            hint = "set them in the environment or in .env"
            raise ConfigError(f"not set: {', '.join(missing)}", hint=hint)

    def tls_warnings(self) -> Iterator[str]:
        """Yield a warning for each server on another machine that might be an impostor."""
        for name, part in (("REDSHIFT", self.redshift), ("POSTGRES", self.postgres)):
            if part.sslmode != "verify-full" and not _is_local(part.host):
                yield f"{name}_SSLMODE={part.sslmode} does not prove who answers; use verify-full"


def load_settings(environ: Mapping[str, str], env_file: Path | None) -> Settings:
    """Read the variables of ``environ``, and beneath them those of ``env_file``.

    Raises:
        ConfigError: every problem at once, by variable and without the values of secrets.
    """
    variables, problems = read_variables(environ, env_file, SECRETS)
    settings = None
    try:
        settings = Settings.model_validate(dict.fromkeys(Settings.model_fields, variables))
    except ValidationError as error:
        problems += [f"{details['loc'][1]}: {in_words(details)}" for details in error.errors()]
    if problems or settings is None:
        raise ConfigError("\n".join(problems), hint=HINT)
    return settings


def _is_local(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


SECRETS = frozenset(
    str(field.alias)
    for part in (RedshiftSettings, AwsSettings, PostgresSettings, SyncSettings, WatchSettings)
    for field in part.model_fields.values()
    if field.annotation is SecretStr
)
