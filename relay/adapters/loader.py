"""Find adapters by name: built-in and third-party ones, through entry points."""

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, cast

from relay.adapters.protocol import Carrier, ContractOptions
from relay.errors import ConfigurationError

GROUP = "relay.carriers"
"""The entry-point group: an adapter class, or a package of adapters."""


def adapter_names() -> list[str]:
    """Return the names of all installed adapters, sorted."""
    return sorted(_adapters())


def load_carrier(adapter: str, contract: ContractOptions) -> Carrier:
    """Create the adapter named *adapter* for one contract.

    Raises `ConfigurationError` if no adapter has that name, or if the adapter
    rejects the contract's settings.
    """
    places = _adapters()
    if adapter not in places:
        known = ", ".join(sorted(places))
        raise ConfigurationError(
            f"contracts.{contract.name}.adapter: no adapter {adapter!r}; "
            f"use one of: {known}"
        )
    made = _imported(places[adapter])
    try:
        return cast("Carrier", made(contract))
    except ConfigurationError as error:
        lines = str(error).split("\n")
        named = (f"contracts.{contract.name}.{line}" for line in lines)
        raise ConfigurationError("\n".join(named)) from error


def adapters() -> dict[str, Any]:
    """Return the factory of each adapter by name: usually its class."""
    return {name: _imported(place) for name, place in sorted(_adapters().items())}


def _imported(place: tuple[str, str]) -> Any:
    module, attribute = place
    return getattr(importlib.import_module(module), attribute)


def _adapters() -> dict[str, tuple[str, str]]:
    """Map each adapter's name to its module and attribute, without importing it."""
    found: dict[str, tuple[str, str]] = {}
    for point in entry_points(group=GROUP):
        if point.attr:
            found[point.name] = (point.module, point.attr)
        else:
            found |= _packaged(importlib.import_module(point.module))
    return found


def _packaged(package: ModuleType) -> dict[str, tuple[str, str]]:
    """Map the subpackages of *package*, each with a class `Adapter`."""
    return {
        m.name: (f"{package.__name__}.{m.name}", "Adapter")
        for m in pkgutil.iter_modules(package.__path__)
        if m.ispkg
    }
