"""The log of a run: what is in it, and that nobody else hears more or less for it."""

import logging
import sys
from datetime import datetime

import pytest

from labctl.engine.runner import execute
from labctl.store import Run, Status
from labctl.store.runlog import LEVELS, RunLog
from tests.engine.bare import BareArray, ReadRows

_own = logging.getLogger("procedures.test_runlog")


class Talking(ReadRows):
    """Says what it does."""

    def measure(self, unit):
        _own.debug("row %d in detail", unit)
        _own.info("row %d", unit)
        if unit == 2:
            logging.getLogger("pymeasure.adapters").info("talk")
            logging.getLogger("pymeasure.adapters").warning("two\nlines")
        super().measure(unit)


class Listener(logging.Handler):
    def __init__(self):
        super().__init__()
        self.heard = []

    def emit(self, record):
        self.heard.append(record.getMessage())


@pytest.fixture
def listener():
    listener = Listener()
    logging.getLogger().addHandler(listener)
    yield listener
    logging.getLogger().removeHandler(listener)


def texts(run):
    return [line.split(" ", 1)[1].strip() for line in run.log]


def test_a_run_keeps_what_was_logged_in_order_with_time_and_level(tmp_path):
    run = execute(Talking(), array=BareArray(), data_root=tmp_path)
    assert texts(run) == [
        "INFO    labctl.engine.runner: talking begins: 4 units.",
        "INFO    procedures.test_runlog: row 0",
        "INFO    procedures.test_runlog: row 1",
        "INFO    procedures.test_runlog: row 2",
        "WARNING pymeasure.adapters: two",
        "lines",
        "INFO    procedures.test_runlog: row 3",
        "INFO    labctl.engine.runner: The run is finished.",
    ]
    stamps = [datetime.fromisoformat(line.split()[0]) for line in run.log if line[0] != " "]
    assert stamps == sorted(stamps)
    assert stamps[0] >= datetime.fromisoformat(run.meta["created"])
    assert "log_lost" not in run.meta


def test_a_failure_and_a_resumption_are_in_the_log(tmp_path):
    array = BareArray()
    array.before_read = lambda cell: 1 / 0 if cell == (2, 0) else None
    broken = execute(Talking(), array=array, data_root=tmp_path)
    assert broken.status is Status.FAILED
    assert "failed: ZeroDivisionError" in broken.log[-1]
    done = execute(Talking(), array=BareArray(), data_root=tmp_path, resume=broken.path)
    goes_on = [k for k, line in enumerate(done.log) if "of which 2 are done already" in line]
    assert goes_on == [len(done.log) - 6]  # two rows, two lines of warning, the end
    assert Run(done.path).log == done.log


def test_others_hear_what_they_heard_before_and_no_more(tmp_path, listener):
    execute(Talking(), array=BareArray(), data_root=tmp_path)
    assert listener.heard == ["two\nlines"]  # their level is WARNING
    listener.heard.clear()
    logging.getLogger("procedures").setLevel(logging.DEBUG)
    try:
        execute(Talking(), array=BareArray(), data_root=tmp_path)
    finally:
        logging.getLogger("procedures").setLevel(logging.NOTSET)
    rows = [f"row {k}{end}" for k in range(4) for end in (" in detail", "")]
    rows.insert(6, "two\nlines")
    assert listener.heard == rows


def test_nothing_of_it_stays_behind(tmp_path):
    before = {n: (logging.getLogger(n).level, logging.getLogger(n).propagate) for n in LEVELS}
    execute(Talking(), array=BareArray(), data_root=tmp_path)
    for name, (level, propagate) in before.items():
        logger = logging.getLogger(name)
        assert (logger.level, logger.propagate) == (level, propagate)
        assert not any(isinstance(handler, RunLog) for handler in logger.handlers)


def test_with_nobody_listening_warnings_still_reach_the_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.lastResort, "_stderr", sys.stderr, raising=False)
    execute(Talking(), array=BareArray(), data_root=tmp_path)
    assert capsys.readouterr().err == "two\nlines\n"


def test_lines_that_the_disk_does_not_take_come_later_or_are_counted(tmp_path):
    log = RunLog(tmp_path / "later", lambda: "now")
    log.attach()
    try:
        logging.getLogger("labctl.x").warning("one")
        logging.getLogger("labctl.x").warning("two")
        assert log.lost == 2
        (tmp_path / "later").mkdir()
        logging.getLogger("labctl.x").warning("three")
    finally:
        log.detach()
    assert log.lost == 0
    lines = (tmp_path / "later" / "log.txt").read_text().splitlines()
    assert [line.split()[-1] for line in lines] == ["one", "two", "three"]
