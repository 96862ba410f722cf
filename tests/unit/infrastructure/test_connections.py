"""Settings to the arguments of the drivers."""

from psycopg.conninfo import conninfo_to_dict

from qupersync.infrastructure.connections import conninfo, driver_options
from qupersync.infrastructure.settings import load_settings

REDSHIFT = {
    "REDSHIFT_HOST": "cluster.example",
    "REDSHIFT_DB": "dev",
    "REDSHIFT_USER": "me",
    "REDSHIFT_PASSWORD": "pw",
}


def options(variables: dict[str, str]) -> dict[str, object]:
    settings = load_settings(variables, None)
    return driver_options(settings.redshift, settings.aws)


def test_the_servers_name_is_verified_unless_told_otherwise():
    assert options(REDSHIFT) == {
        "database": "dev",
        "port": 5439,
        "ssl": True,
        "sslmode": "verify-full",
        "host": "cluster.example",
        "user": "me",
        "password": "pw",
    }


def test_tls_can_be_weaker_or_off():
    assert options(REDSHIFT | {"REDSHIFT_SSLMODE": "verify-ca"})["sslmode"] == "verify-ca"
    assert options(REDSHIFT | {"REDSHIFT_SSLMODE": "disable"})["ssl"] is False


def test_temporary_credentials_of_a_cluster_are_left_to_the_driver():
    variables = {
        "REDSHIFT_IAM": "true",
        "REDSHIFT_DB": "dev",
        "REDSHIFT_CLUSTER_IDENTIFIER": "c1",
        "REDSHIFT_DB_USER": "reader",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }

    assert options(variables) == {
        "database": "dev",
        "port": 5439,
        "ssl": True,
        "sslmode": "verify-full",
        "iam": True,
        "iam_disable_cache": True,
        "is_serverless": False,
        "cluster_identifier": "c1",
        "db_user": "reader",
        "region": "eu-west-1",
    }


def test_a_workgroup_means_serverless():
    given = options({"REDSHIFT_IAM": "1", "REDSHIFT_DB": "dev", "REDSHIFT_WORKGROUP": "w"})

    assert (given["is_serverless"], given["serverless_work_group"]) == (True, "w")


def test_without_a_password_libpq_looks_for_one_itself():
    variables = {"POSTGRES_HOST": "/run/pg", "POSTGRES_DB": "w", "POSTGRES_USER": "me"}

    without = load_settings(variables, None).postgres
    with_one = load_settings(variables | {"POSTGRES_PASSWORD": "a b'c"}, None).postgres

    assert conninfo_to_dict(conninfo(without)) == {
        "host": "/run/pg",
        "port": "5432",
        "dbname": "w",
        "user": "me",
        "sslmode": "prefer",
    }
    assert conninfo_to_dict(conninfo(with_one)).get("password") == "a b'c"
