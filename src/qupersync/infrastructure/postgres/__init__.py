"""Writing to PostgreSQL: rows, state, leases and the run log."""
