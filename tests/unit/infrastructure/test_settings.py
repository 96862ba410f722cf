"""Settings: names, defaults and bounds of the variables, where they come from, and secrets."""

from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from qupersync.domain.errors import ConfigError
from qupersync.infrastructure.environment import find_env_file, find_jobs_file
from qupersync.infrastructure.settings import load_settings

REDSHIFT = {
    "REDSHIFT_HOST": "example.redshift.amazonaws.com",
    "REDSHIFT_DB": "dev",
    "REDSHIFT_USER": "reader",
    "REDSHIFT_PASSWORD": "canary-redshift",
}
POSTGRES = {"POSTGRES_HOST": "/run/pg", "POSTGRES_DB": "warehouse", "POSTGRES_USER": "writer"}


def complaint(environ, env_file=None):
    with pytest.raises(ConfigError) as caught:
        load_settings(environ, env_file)
    return str(caught.value)


@pytest.fixture
def env_file(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "a .env"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def test_every_variable_has_its_documented_default():
    settings = load_settings({}, None)

    assert (settings.redshift.port, settings.redshift.sslmode) == (5439, "verify-full")
    assert (settings.redshift.flavor, settings.redshift.fetch_size) == ("auto", 1000)
    assert (settings.postgres.port, settings.postgres.sslmode) == (5432, "prefer")
    assert (settings.sync.batch_size, settings.sync.interval_seconds) == (None, 300)
    assert (settings.sync.time_zone, settings.sync.source) == (UTC, "default")
    assert (settings.sync.log_format, settings.sync.log_level) == ("auto", "info")
    assert settings.sync.lease_ttl == timedelta(seconds=60)
    assert not settings.redshift.iam


@pytest.mark.parametrize(
    ("name", "text", "part", "field", "value"),
    [
        ("REDSHIFT_PORT", "5440", "redshift", "port", 5440),
        ("REDSHIFT_SSLMODE", "disable", "redshift", "sslmode", "disable"),
        ("REDSHIFT_IAM", "true", "redshift", "iam", True),
        ("REDSHIFT_CLUSTER_IDENTIFIER", "c", "redshift", "cluster_identifier", "c"),
        ("REDSHIFT_DB_USER", "u", "redshift", "db_user", "u"),
        ("REDSHIFT_WORKGROUP", "w", "redshift", "workgroup", "w"),
        ("REDSHIFT_FLAVOR", "serverless", "redshift", "flavor", "serverless"),
        ("REDSHIFT_FETCH_SIZE", "500", "redshift", "fetch_size", 500),
        ("AWS_REGION", "eu-west-1", "aws", "region", "eu-west-1"),
        ("AWS_PROFILE", "p", "aws", "profile", "p"),
        ("POSTGRES_SSLMODE", "require", "postgres", "sslmode", "require"),
        ("SYNC_BATCH_SIZE", "auto", "sync", "batch_size", None),
        ("SYNC_BATCH_SIZE", "1000000", "sync", "batch_size", 1_000_000),
        ("SYNC_INTERVAL_SECONDS", "60", "sync", "interval_seconds", 60),
        ("SYNC_RETRIES", "0", "sync", "retries", 0),
        ("TIMEZONE", "Europe/Paris", "sync", "time_zone", ZoneInfo("Europe/Paris")),
        ("TIMEZONE", "UTC", "sync", "time_zone", UTC),
        ("QUPERSYNC_LOG_FORMAT", "json", "sync", "log_format", "json"),
        ("QUPERSYNC_LOG_LEVEL", "DEBUG", "sync", "log_level", "debug"),
        ("QUPERSYNC_LEASE_TTL", "5s", "sync", "lease_ttl", timedelta(seconds=5)),
        ("QUPERSYNC_SOURCE", "emea", "sync", "source", "emea"),
        ("REDSHIFT_PORT", "", "redshift", "port", 5439),
    ],
)
def test_a_variable_sets_its_field(name, text, part, field, value):
    assert getattr(getattr(load_settings({name: text}, None), part), field) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("REDSHIFT_PORT", "x", "expected a whole number"),
        ("REDSHIFT_PORT", "65536", "must be at most 65535"),
        ("REDSHIFT_SSLMODE", "require", "expected 'verify-full', 'verify-ca' or 'disable'"),
        ("REDSHIFT_IAM", "perhaps", "expected true or false"),
        ("SYNC_BATCH_SIZE", "0", "must be at least 1"),
        ("SYNC_RETRIES", "-1", "must be at least 0"),
        ("SYNC_RETRIES", "101", "must be at most 100"),
        ("SYNC_BATCH_SIZE", "1000001", "must be at most 1000000"),
        ("SYNC_BATCH_SIZE", "many", "expected a whole number"),
        ("TIMEZONE", "Europe/Pari", "no time zone 'Europe/Pari'; write one like Europe/Paris"),
        ("TIMEZONE", "../etc/passwd", "no time zone '../etc/passwd'; write one like Europe/Paris"),
        ("QUPERSYNC_LEASE_TTL", "4s", "must be at least 5s"),
        ("QUPERSYNC_LEASE_TTL", "60", "expected a duration like 30s, 15m, 36h, 7d or 1w2d"),
        ("QUPERSYNC_LOG_LEVEL", "loud", "expected 'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(name, text, words):
    assert complaint({name: text}) == f"{name}: {words}"


def test_iam_without_tls_is_refused():
    words = complaint({"REDSHIFT_IAM": "true", "REDSHIFT_SSLMODE": "disable"})

    assert words == "REDSHIFT_IAM: needs TLS, so REDSHIFT_SSLMODE must not be disable"


def test_all_problems_are_told_at_once(env_file):
    path = env_file("POSTGRES_PASSWORD=canary\n=x\n", mode=0o644)
    environ = {"REDSHIFT_PORT": "x", "TIMEZONE": "x", "REDSHIFT_PASSWORD_FILE": "/nowhere"}

    words = complaint(environ, path)

    assert words.splitlines() == [
        f"{path}:2:1: expected NAME=value",
        f"{path} holds a secret and is open to other users; run: chmod 600 '{path}'",
        "REDSHIFT_PASSWORD_FILE: /nowhere cannot be read: No such file or directory",
        "REDSHIFT_PORT: expected a whole number",
        "TIMEZONE: no time zone 'x'; write one like Europe/Paris",
    ]


def test_the_environment_goes_before_the_env_file(env_file):
    path = env_file(
        "\ufeffexport POSTGRES_HOST=file\nPOSTGRES_DB='a ${HOME}' # why\nPOSTGRES_USER\n"
    )

    postgres = load_settings({"POSTGRES_DB": "environment", "POSTGRES_USER": ""}, path).postgres

    assert (postgres.host, postgres.db, postgres.user) == ("file", "environment", "")
    assert load_settings({}, path).postgres.db == "a ${HOME}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_an_env_file_with_a_secret_is_for_its_owner_alone(env_file, mode):
    path = env_file("REDSHIFT_PASSWORD=canary\n", mode)

    words = complaint({}, path)

    assert "chmod 600" in words
    assert "canary" not in words


def test_an_env_file_without_a_secret_may_be_open(env_file):
    path = env_file("REDSHIFT_HOST=example\nREDSHIFT_PASSWORD=\n", mode=0o644)

    assert load_settings({}, path).redshift.host == "example"


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"A=\xff", "it is no UTF-8")]
)
def test_an_env_file_that_cannot_be_read_is_a_problem(tmp_path, content, why):
    path = tmp_path / ".env"
    if content:
        path.write_bytes(content)

    assert complaint({}, path) == f"{path} cannot be read: {why}"


@pytest.mark.parametrize("content", ["canary\n", "canary\r\n", "canary"])
def test_a_secret_may_come_from_a_file_of_its_own(tmp_path, content):
    path = tmp_path / "secret"
    path.write_bytes(content.encode())

    settings = load_settings({"POSTGRES_PASSWORD_FILE": str(path)}, None)

    assert settings.postgres.password.get_secret_value() == "canary"


def test_a_secret_has_one_source(tmp_path):
    path = tmp_path / "secret"
    path.write_text("canary-1")
    environ = {"REDSHIFT_PASSWORD": "canary-2", "REDSHIFT_PASSWORD_FILE": str(path)}

    words = complaint(environ)

    assert words == "REDSHIFT_PASSWORD and REDSHIFT_PASSWORD_FILE are both set; keep one"


def test_secrets_are_known_and_never_shown():
    environ = {
        **REDSHIFT,
        "POSTGRES_PASSWORD": "canary-postgres",
        "AWS_ACCESS_KEY_ID": "canary-id",
        "AWS_SECRET_ACCESS_KEY": "canary-key",
        "AWS_SESSION_TOKEN": "canary-token",
    }

    settings = load_settings(environ, None)

    assert settings.secrets() == {value for value in environ.values() if "canary" in value}
    assert "canary" not in f"{settings!r}{settings}{settings.model_dump()}"


def test_nothing_is_required_until_a_connection_is_needed():
    settings = load_settings({"REDSHIFT_HOST": "example"}, None)

    with pytest.raises(ConfigError) as caught:
        settings.require(settings.redshift, settings.postgres)

    assert str(caught.value) == (
        "not set: REDSHIFT_DB, REDSHIFT_USER, REDSHIFT_PASSWORD, "
        "POSTGRES_HOST, POSTGRES_DB, POSTGRES_USER"
    )


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        (REDSHIFT, []),
        ({"REDSHIFT_IAM": "1", "REDSHIFT_DB": "dev", "REDSHIFT_WORKGROUP": "w"}, []),
        (
            {"REDSHIFT_IAM": "1"},
            ["REDSHIFT_DB", "REDSHIFT_CLUSTER_IDENTIFIER", "REDSHIFT_DB_USER"],
        ),
    ],
)
def test_temporary_credentials_need_neither_host_nor_password(environ, missing):
    assert list(load_settings(environ, None).redshift.missing()) == missing


def test_complete_settings_pass():
    settings = load_settings({**REDSHIFT, **POSTGRES}, None)

    settings.require(settings.redshift, settings.postgres)

    assert list(settings.tls_warnings()) == []


@pytest.mark.parametrize(
    ("host", "warned"),
    [
        ("localhost", False),
        ("127.0.0.2", False),
        ("::1", False),
        ("/run/pg", False),
        ("10.0.0.1", True),
        ("db.example", True),
    ],
)
def test_weak_tls_is_warned_about_towards_another_machine(host, warned):
    settings = load_settings({**REDSHIFT, "POSTGRES_HOST": host}, None)

    assert any("POSTGRES_SSLMODE=prefer" in line for line in settings.tls_warnings()) is warned


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touched(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_named_jobs_file_goes_before_all_others(workplace):
    touched(workplace / "jobs.yaml")
    explicit, named = touched(workplace / "a.yaml"), touched(workplace / "b.yaml")
    environ = {"QUPERSYNC_JOBS": str(named)}

    assert find_jobs_file(environ, explicit) == explicit
    assert find_jobs_file(environ, None) == named
    assert find_jobs_file({}, None) == Path("jobs.yaml")


@pytest.mark.parametrize(("name", "folder"), [("XDG_CONFIG_HOME", "."), ("HOME", ".config")])
def test_the_jobs_file_may_be_the_users_own(workplace, name, folder):
    own = touched(workplace / "x" / folder / "qupersync" / "jobs.yaml")

    assert find_jobs_file({name: str(workplace / "x")}, None) == own


def test_a_named_jobs_file_that_is_not_there_is_not_replaced_by_another(workplace):
    touched(workplace / "jobs.yaml")

    with pytest.raises(ConfigError, match=r"no jobs file; looked at: other\.yaml$"):
        find_jobs_file({"QUPERSYNC_JOBS": "other.yaml"}, None)


def test_all_places_are_named_when_there_is_no_jobs_file(workplace):
    environ = {"XDG_CONFIG_HOME": "/nowhere"}

    with pytest.raises(ConfigError) as caught:
        find_jobs_file(environ, None)

    places = "jobs.yaml, /nowhere/qupersync/jobs.yaml, /etc/qupersync/jobs.yaml"
    assert str(caught.value) == f"no jobs file; looked at: {places}"


def test_the_env_file_stands_beside_the_jobs_file(tmp_path):
    beside = touched(tmp_path / ".env")

    assert find_env_file(tmp_path / "jobs.yaml", None) == beside
    assert find_env_file(tmp_path / "jobs.yaml", Path("other")) == Path("other")


def test_there_need_be_no_env_file(tmp_path):
    assert find_env_file(tmp_path / "jobs.yaml", None) is None
    assert find_env_file(None, None) is None
