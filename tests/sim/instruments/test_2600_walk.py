"""Programs that find out what a 2600 has walk its objects by their metatables."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sim.instruments.tsp import Talker


class Walker:
    """Walks as the ``keithley2600`` package does: one print a step, nothing known beforehand."""

    def __init__(self, smu: Talker) -> None:
        self.smu = smu
        self.found: dict[str, str] = {}
        self.objects: set[str] = set()

    def ask(self, expression: str) -> list[str]:
        answer = self.smu.ask(f"print({expression})")
        assert "\n" not in answer, f"{expression} answers {answer!r}"
        return answer.split("\t")

    def keys(self, table: str) -> dict[Any, str]:
        key, found = "nil", {}
        while True:
            answer = self.ask(f"next({table}, {key})")
            if answer == ["nil"]:
                return found
            name, value = answer
            try:
                found[int(float(name))] = value
                key = name
            except ValueError:
                found[name] = value
                key = f"'{name}'"

    def walk(self, path: str) -> None:
        self.objects.add(path)
        members = self.keys(path)
        self.smu.send(f"mt = getmetatable({path})")
        if self.ask("mt") != ["nil"]:
            self.objects.add(path)
            for part in ("Getters", "Objects"):
                if self.ask(f"mt.{part}") != ["nil"]:
                    members.update(self.keys(f"mt.{part}"))
        for name, value in members.items():
            full = f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}"
            self.found[full] = value.partition(":")[0]
            if value.startswith("table:") and name not in ("_G", "mt") and len(full) < 90:
                self.walk(full)


@pytest.fixture(scope="module")
def walker() -> Walker:
    walker = Walker(Talker())
    walker.walk("_G")
    assert walker.smu.codes() == []
    return walker


@pytest.mark.parametrize(
    "path",
    [
        "smua.source.levelv", "smua.source.limiti", "smua.source.highc", "smua.measure.nplc",
        "smua.measure.filter.count", "smua.measure.rel.leveli", "smub.trigger.count",
        "smua.trigger.source.listv", "smua.trigger.SOURCE_COMPLETE_EVENT_ID",
        "smua.trigger.endpulse.stimulus", "smua.nvbuffer1.readings", "smua.nvbuffer1.n",
        "smua.nvbuffer2.timestamps.getreading", "smua.makebuffer", "smua.savebuffer",
        "smua.OUTPUT_DCVOLTS", "smua.contact.check", "smua.cal.unlock", "smua.buffer.getstats",
        "trigger.timer[8].delay", "trigger.blender[6].stimulus[4]", "trigger.generator[2].assert",
        "trigger.wait", "trigger.EVENT_ID", "digio.readport", "digio.trigger[14].mode",
        "tsplink.reset", "tsplink.trigger[3].assert", "status.operation.sweeping.condition",
        "status.measurement.instrument.smub.condition", "status.request_enable", "localnode.model",
        "localnode.prompts", "errorqueue.next", "eventlog.next", "dataqueue.add", "format.data",
        "format.REAL32", "beeper.beep", "timer.measure.t", "bit.bitand", "display.clear",
        "display.smua.measure.func", "display.MEASURE_DCAMPS", "script.new",
        "script.anonymous.run", "script.factory.scripts.KISweep.run", "os.time", "userstring.get",
        "printbuffer", "delay", "waitcomplete", "makegetter", "SweepVLinMeasureI",
        "ConfigPulseIMeasureVSweepLog", "InitiatePulseTestDual", "i_leakage_measure", "gm_vsweep",
    ],
)  # fmt: skip
def test_walk_comes_across(walker: Walker, path: str) -> None:
    assert f"_G.{path}" in walker.found


def test_every_attribute_found_can_be_read(walker: Walker) -> None:
    smu = walker.smu
    for path, kind in walker.found.items():
        if kind == "true" and not path.endswith((".source", ".list")):
            smu.ask(f"print({path})")
    assert smu.codes() == []
    assert len(walker.found) > 1000


def test_nothing_found_comes_from_the_host(walker: Walker) -> None:
    kinds = set(walker.found.values())
    assert "userdata" not in kinds
    assert not any("python" in path or "lupa" in path for path in walker.found)


@pytest.mark.parametrize(("path", "writable"), [("levelv", True), ("compliance", False)])
def test_setters_tell_what_can_be_set(path: str, writable: bool) -> None:
    smu = Talker()
    assert smu.ask(f"print(getmetatable(smua.source).Setters.{path})") == (
        "true" if writable else "nil"
    )


def test_kinds_of_tables() -> None:
    smu = Talker()
    assert smu.ask("print(getmetatable(smua.nvbuffer1).luatype)") == "reading_buffer"
    assert smu.ask("print(getmetatable(smua.nvbuffer1.readings).luatype)") == "synchronous_table"


def test_models_differ_in_what_they_have() -> None:
    small = Talker("2604B")
    assert small.ask("print(digio, tsplink, smua.contact, smub.nvbuffer1.n)") == (
        "nil\tnil\tnil\t0.00000e+00"
    )
    single = Talker("2635B")
    assert single.ask("print(smub)") == "nil"
    assert single.ask("*IDN?") == "Keithley Instruments Inc., Model 2635B, 4012345, 3.2.2"
    assert "Model 2602A" in Talker("2602A").ask("*IDN?")


def test_getters_and_setters_as_functions() -> None:
    smu = Talker()
    smu.send("g = makegetter(smua.source, 'levelv') s = makesetter(smua.source, 'levelv')")
    smu.send("s(1.25)")
    assert smu.ask("print(g())") == "1.25000e+00"
