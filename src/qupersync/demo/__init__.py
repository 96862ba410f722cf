"""A throw-away PostgreSQL and a stand-in Redshift: for the demo and the tests, never for a job."""
