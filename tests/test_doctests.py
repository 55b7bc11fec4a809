"""The examples in docstrings say what the code does."""

import doctest
import importlib
import pkgutil

import pytest

import labctl

MODULES = sorted(
    item.name
    for item in pkgutil.walk_packages(labctl.__path__, "labctl.")
    if not item.name.startswith("labctl.gui") and not item.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
