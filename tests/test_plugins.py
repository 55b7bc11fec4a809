"""Plug-ins: found by name in merged folders; a broken one is told and harms no other."""

import subprocess
import sys
from pathlib import Path

import pytest

from labctl import plugins
from labctl.errors import BenchFileError, ProcedureError

GOOD = '''
from labctl.procedure import Procedure

class _Helper(Procedure):
    pass

class {name}(_Helper):
    """Do {name}."""

    def units(self):
        return []
'''


@pytest.fixture
def lab(tmp_path):
    """A workspace with plug-ins of its own, forgotten afterwards."""
    before, modules = list(sys.path), set(sys.modules)

    def add(path, text):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    yield add
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in (plugins.DRIVERS, plugins.PROCEDURES):
            package, _, module = name.rpartition(".")
            sys.modules.pop(name)
            if package in sys.modules:
                vars(sys.modules[package]).pop(module, None)


def test_labs_own_procedure_joins_those_of_labctl(lab, tmp_path):
    lab("procedures/our_own.py", GOOD.format(name="OurOwn"))
    assert "our_own" not in plugins.procedures()
    plugins.add_workspace(tmp_path)
    plugins.add_workspace(tmp_path)
    found = plugins.procedures()
    assert {"our_own", "read_map", "form"} <= set(found)
    assert found["our_own"].name == "our_own"
    assert found["our_own"].about() == "Do OurOwn."
    assert plugins.procedure("our_own") is found["our_own"]
    assert sys.path.count(str(tmp_path)) == 1


def test_procedure_dropped_in_later_is_found(lab, tmp_path):
    lab("procedures/first_one.py", GOOD.format(name="FirstOne"))
    plugins.add_workspace(tmp_path)
    assert "later_one" not in plugins.procedures()
    lab("procedures/later_one.py", GOOD.format(name="LaterOne"))
    assert "later_one" in plugins.procedures()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nowhere_to_be_found", r"ModuleNotFoundError.*nowhere.*line 1"),
        ("def f(:", r"SyntaxError.*line 1"),
        ("\n\n1/0", r"ZeroDivisionError.*line 3"),
        ("import sys; sys.exit(3)", r"SystemExit"),
        ("x = 1", r"exactly one class.*found: none"),
        (GOOD.format(name="A") + GOOD.format(name="B"), r"exactly one class.*A, B"),
    ],
)
def test_broken_procedure_is_told_and_the_others_work(lab, tmp_path, text, said):
    lab("procedures/bad_one.py", text)
    lab("procedures/good_one.py", GOOD.format(name="GoodOne"))
    plugins.add_workspace(tmp_path)
    assert "good_one" in plugins.procedures()
    assert "bad_one" not in plugins.procedures()
    with pytest.raises(ProcedureError, match=rf"(?s)'bad_one' cannot be used: .*{said}"):
        plugins.procedure("bad_one")
    assert set(plugins.broken()) == {"bad_one"}


def test_plugin_hidden_by_one_of_labctl_is_told(lab, tmp_path):
    hidden = lab("procedures/read_map.py", GOOD.format(name="ReadMap"))
    plugins.add_workspace(tmp_path)
    [text] = plugins.broken().values()
    assert str(hidden) in text
    assert "rename" in text
    assert plugins.procedure("read_map").__module__ == "procedures.read_map"
    assert "voltage" in [d["name"] for d in plugins.procedure("read_map").declaration()]


@pytest.mark.parametrize("kind", ["drivers", "procedures"])
def test_workspace_that_would_hide_all_plugins_is_refused(lab, tmp_path, kind):
    lab(f"{kind}/__init__.py", "")
    with pytest.raises(ProcedureError, match=r"__init__.py.*Remove it"):
        plugins.add_workspace(tmp_path)
    assert str(tmp_path) not in sys.path


def test_unknown_names_get_suggestions():
    with pytest.raises(ProcedureError, match=r"no procedure 'raed_map'; did you mean read_map\?"):
        plugins.procedure("raed_map")
    with pytest.raises(ProcedureError, match=r"no procedure 'xyz'; there are .*form, "):
        plugins.procedure("xyz")
    with pytest.raises(BenchFileError, match=r"'keithley2601'; did you mean keithley2600"):
        plugins.driver("keithley2601")


def test_drivers_are_listed_without_private_modules_and_without_importing_them(lab, tmp_path):
    lab("drivers/acme_smu.py", "1/0")
    plugins.add_workspace(tmp_path)
    names = plugins.driver_names()
    assert {"acme_smu", "keithley2600", "keithley707b"} <= set(names)
    assert not [name for name in names if name.startswith("_")]
    with pytest.raises(BenchFileError, match=r"'acme_smu' cannot be used: ZeroDivisionError"):
        plugins.driver("acme_smu")
    assert plugins.driver("keithley2600").__name__ == "drivers.keithley2600"


def test_finding_plugins_imports_neither_arrow_nor_pandas():
    """`labctl --help` and the bench stand on this module."""
    program = (
        "import sys, labctl, labctl.plugins as p; p.driver_names(); "
        "print(sorted({'pandas', 'pyarrow', 'pymeasure', 'zmq'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
