"""Reading from Amazon Redshift through its own driver."""

from qupersync.infrastructure.redshift.deferred import defer_plugins, defer_scram

# Here, because the modules beside it import the driver.
defer_plugins()
defer_scram()
