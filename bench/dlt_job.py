"""One load with dlt; runs in the environment of dlt, not in QuperSync's.

As its pages say: "SQL database / configuration" calls ConnectorX the fastest backend and wants it
streaming for large tables; "Postgres" loads Arrow tables fastest as parquet through ADBC; "Merge
loading" has the strategy upsert, and skip_unchanged_rows, which leaves equal rows alone.
"""

import sys

import dlt  # type: ignore[import-not-found]
from dlt.sources.sql_database import sql_table  # type: ignore[import-not-found]

ROWS_AT_ONCE = 100_000


def main(source: str, target: str, table: str, key: str, schema: str) -> None:
    rows = sql_table(
        # Without a driver's name SQLAlchemy 2.1 takes one that dlt[postgres] does not install.
        credentials=source.replace("postgresql:", "postgresql+psycopg2:", 1),
        table=table,
        schema="public",
        backend="connectorx",
        chunk_size=ROWS_AT_ONCE,
        backend_kwargs={"return_type": "arrow_stream", "conn": source},
        reflection_level="full_with_precision",
    )
    rows.apply_hints(
        primary_key=key,
        write_disposition={
            "disposition": "merge",
            "strategy": "upsert",
            "skip_unchanged_rows": True,
        },
    )
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        destination=dlt.destinations.postgres(credentials=target),
        dataset_name=schema,
    )
    pipeline.run(rows, loader_file_format="parquet").raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:])
