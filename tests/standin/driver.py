"""The real Redshift driver, pointed at a stand-in."""

import gc
import warnings
from typing import Any

import redshift_connector
from redshift_connector.core import Connection
from redshift_connector.error import Error

from qupersync.demo.standin import StandIn


def connect(stand_in: StandIn, **options: Any) -> Connection:
    address = {"host": stand_in.host, "port": stand_in.port, "database": "postgres"}
    login = {"user": "quper", "password": "quper", "ssl": False}
    with warnings.catch_warnings():
        # The driver makes its SSLContext without saying for which end.
        warnings.simplefilter("ignore", DeprecationWarning)
        return redshift_connector.connect(**{**address, **login, **options})


def refusal(stand_in: StandIn, **options: Any) -> Any:
    """Connect in vain, and return the server's error as the driver's dict, or else the text."""
    with warnings.catch_warnings():
        # The driver leaves its socket to the garbage collector when it is not let in.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            connect(stand_in, **options).close()
        except (Error, OSError) as error:
            answered = bool(error.args) and isinstance(error.args[0], dict)
            reason = error.args[0] if answered else str(error)
        else:
            raise AssertionError("the stand-in let the driver in")
        gc.collect()
        return reason
