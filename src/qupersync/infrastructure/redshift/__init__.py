"""Reading from Amazon Redshift through its own driver."""
