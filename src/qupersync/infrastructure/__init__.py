"""Adapters: Redshift, PostgreSQL, files and logs behind the domain's ports."""
