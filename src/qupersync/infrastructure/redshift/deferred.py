"""Keeps the driver from importing what only logins need that nobody uses."""

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType

_PLUGINS = "redshift_connector.plugin"
_SCRAM = "scramp"


def defer_plugins() -> None:
    """Let ``redshift_connector.plugin`` run its ``__init__`` only when asked for a name in it.

    Its modules can be imported as ever. To be called before the driver is imported; later, or with
    a driver that has no such package, it does nothing.
    """
    # That __init__ imports each plugin, two of them boto3, which costs a run 0.1 s and 10 MB
    # (driver 2.2.0). A password needs no plugin, and for IAM the driver imports boto3 itself.
    driver = find_spec("redshift_connector")
    spec = driver and PathFinder.find_spec(_PLUGINS, driver.submodule_search_locations)
    if not spec or not spec.loader or _PLUGINS in sys.modules:
        return
    loader, package = spec.loader, module_from_spec(spec)
    names = vars(package)

    def load(name: str) -> object:
        del names["__getattr__"]  # from here on a package as any other
        loader.exec_module(package)
        return getattr(package, name)

    names["__getattr__"] = load
    sys.modules[_PLUGINS] = package


def defer_scram() -> None:
    """Let ``from scramp import ScramClient`` give what imports it when it is called.

    To be called before the driver is imported; later it does nothing.
    """
    # With it comes asn1crypto: 15 ms (scramp 1.4.18). Redshift asks for no SCRAM; what stands in
    # for it, or a proxy before it, may.
    if _SCRAM in sys.modules:
        return
    package = ModuleType(_SCRAM)

    def client(*arguments: object) -> object:
        if sys.modules.get(_SCRAM) is package:
            del sys.modules[_SCRAM]
        return import_module(_SCRAM).ScramClient(*arguments)

    vars(package)["ScramClient"] = client
    sys.modules[_SCRAM] = package
