"""Reading from Amazon Redshift through its own driver."""

from qupersync.infrastructure.redshift.deferred_plugins import defer_plugins

defer_plugins()  # here, because the modules beside it import the driver
