"""Settings to what each driver takes."""

from typing import Any

from psycopg.conninfo import make_conninfo

from qupersync.infrastructure.settings import AwsSettings, PostgresSettings, RedshiftSettings


def conninfo(settings: PostgresSettings) -> str:
    """Return libpq's connection string; what is not set is left to libpq and its own files."""
    password = settings.password.get_secret_value()
    return make_conninfo(
        host=settings.host,
        port=settings.port,
        dbname=settings.db,
        user=settings.user,
        sslmode=settings.sslmode,
        **{"password": password} if password else {},
    )


def driver_options(settings: RedshiftSettings, aws: AwsSettings) -> dict[str, Any]:
    """Return the arguments of ``redshift_connector.connect`` that say where and who.

    ``sslmode`` is always given: left out, the driver only warns of a certificate for another name.
    """
    options: dict[str, Any] = {"database": settings.db, "port": settings.port}
    if settings.sslmode == "disable":
        options["ssl"] = False
    else:
        options |= {"ssl": True, "sslmode": settings.sslmode}
    if settings.iam:
        return options | _iam(settings, aws)
    password = settings.password.get_secret_value()
    return options | {"host": settings.host, "user": settings.user, "password": password}


def _iam(settings: RedshiftSettings, aws: AwsSettings) -> dict[str, Any]:
    given = {
        "host": settings.host,
        "cluster_identifier": settings.cluster_identifier,
        "db_user": settings.db_user,
        "serverless_work_group": settings.workgroup,
        "region": aws.region or aws.default_region,
        "profile": aws.profile,
        "access_key_id": aws.access_key_id.get_secret_value(),
        "secret_access_key": aws.secret_access_key.get_secret_value(),
        "session_token": aws.session_token.get_secret_value(),
    }
    options: dict[str, Any] = {name: value for name, value in given.items() if value}
    # The driver would keep a token until its last second, with no margin for clocks or the way.
    fresh = {"iam": True, "iam_disable_cache": True}
    return options | fresh | {"is_serverless": bool(settings.workgroup)}
