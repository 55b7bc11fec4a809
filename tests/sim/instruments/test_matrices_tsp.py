"""Keithley 707B, 708B and 3706A, command by command."""

from __future__ import annotations

import pytest

from tests.sim.instruments.matrices import Recorder

A1, A2, B3, C13 = (1, 0, 1), (1, 0, 2), (1, 1, 3), (2, 2, 1)


# -- 707B and 708B ---------------------------------------------------------------------------------


def error(rig: Recorder) -> int:
    return round(float(rig.ask("print(errorqueue.next())").split("\t")[0]))


def test_707b_lists_are_delimited_as_the_manual_shows() -> None:
    rig = Recorder("707B")
    rig.tell('channel.close("1A01;1C03")')
    assert rig.ask('print(channel.getclose("1A01:1H12"))') == "1A01;1C03"
    assert rig.ask('print(channel.getstate("1A01:1A03"))') == "1,0,0"
    assert rig.ask('print(channel.getstate("1A01", channel.IND_CLOSED))') == "1"
    assert rig.ask('print(channel.getstate("1A01", 0))') == "0"
    assert rig.ask('print(channel.getcount("1A01,1A02"))') == "1,0"
    assert rig.ask('print(channel.gettype("1A01,1A02"))') == "1,1"
    rig.tell('channel.setdelay("1A02", 0.25)')
    assert rig.ask('print(channel.getdelay("1A01,1A02"))') == "0.0,0.25"
    rig.tell('channel.setforbidden("2B05,1A03")')
    assert rig.ask('print(channel.getforbidden("allslots"))') == "1A03,2B05"
    assert rig.ask("print(channel.createspecifier(3, 2, 7))") == "3B07"


def test_707b_the_users_delay_comes_after_a_close_and_not_after_an_open() -> None:
    rig = Recorder("707B")
    rig.tell('channel.setdelay("1A01", 2)')
    assert rig.took('channel.close("1A01")') == pytest.approx(2.004, abs=1e-3)
    assert rig.took('channel.close("1A01,1A02")') == pytest.approx(0.004, abs=1e-3)
    assert rig.took('channel.open("1A01")') == pytest.approx(0.004, abs=1e-3)


def test_707b_patterns() -> None:
    rig = Recorder("707B")
    rig.tell(
        'channel.pattern.setimage("1A01:1A03", "myPattern")',
        'channel.pattern.setimage("1B01,1B03", "myRoute")',
    )
    assert rig.ask('print(channel.pattern.getimage("myRoute, myPattern"))') == (
        "1B01,1B03;1A01,1A02,1A03"
    )
    rig.tell('channel.close("myRoute,2C01")')
    assert rig.steps == [([], [(1, 1, 1), B3, C13])]
    assert rig.ask('print(channel.getclose("myRoute"))') == "1B01;1B03"
    rig.tell('channel.pattern.snapshot("now")', 'channel.open("allslots")', 'channel.close("now")')
    assert rig.steps[-1] == ([], [(1, 1, 1), B3, C13])
    assert rig.ask('print(channel.pattern.getimage("nothing"))') == "nil"
    rig.tell('channel.pattern.delete("now")', 'channel.pattern.delete("now")')
    assert error(rig) == 1115
    for name in ("1bad", "with space", "", "x" * 20):
        rig.tell(f'channel.pattern.setimage("1A01", "{name}")')
        assert error(rig) == 1115
    rig.tell('channel.reset("1A03")')  # it takes the patterns that it is in with it
    assert rig.ask('print(channel.pattern.getimage("myPattern"))') == "nil"
    assert rig.ask('print(channel.pattern.getimage("myRoute"))') == "1B01,1B03"
    rig.tell("reset()")
    assert rig.ask('print(channel.pattern.getimage("myRoute"))') == "nil"


def test_707b_pattern_with_a_forbidden_channel_is_not_made() -> None:
    rig = Recorder("707B")
    rig.tell('channel.setforbidden("1A01")', 'channel.pattern.setimage("1A01,1A02", "p")')
    assert error(rig) == -221
    assert rig.ask('print(channel.pattern.getimage("p"))') == "nil"


@pytest.mark.parametrize("name", ["allslots", "slot1", "1A01, slot2"])
@pytest.mark.parametrize("function", ["close", "exclusiveclose", "exclusiveslotclose"])
def test_707b_whole_slots_are_opened_but_never_closed(function: str, name: str) -> None:
    rig = Recorder("707B")
    rig.tell('channel.close("1A01")', f'channel.{function}("{name}")')
    assert error(rig) == 1115
    assert rig.box.relays.closed == {A1}
    rig.tell(f'channel.open("{name}")')
    assert error(rig) == 0


def test_707b_labels_stand_for_channels_until_a_reset() -> None:
    rig = Recorder("707B")
    rig.tell('channel.setlabel("1A01", "gate") channel.close("gate")')
    assert rig.steps == [([], [A1])]
    assert rig.ask('print(channel.getlabel("1A01"))') == "gate"
    rig.tell('channel.setlabel("1A02", "1bad")', 'channel.setlabel("1A02,1A03", "two")')
    assert (error(rig), error(rig)) == (1115, 1115)
    rig.tell('channel.setlabel("1A01", "word") channel.open("gate")')
    assert error(rig) == 1115
    rig.tell('channel.reset("1A02") channel.open("word")')
    assert rig.steps == [([], [A1]), ([A1], [])]
    rig.tell('channel.reset("allslots") channel.close("word")')
    assert error(rig) == 1115
    assert len(rig.steps) == 2


def test_707b_scan() -> None:
    rig = Recorder("707B")
    rig.tell('scan.create("1A01, 1A02, 1B03")')
    assert rig.ask("print(scan.list())") == (
        "Init) OPEN...\n1) STEP: 1A01\n\tCLOSE: 1A01\n2) STEP: 1A02\n\tOPEN: 1A01\n\tCLOSE: 1A02\n"
        "3) STEP: 1B03\n\tOPEN: 1A02\n\tCLOSE: 1B03"
    )
    assert rig.ask("print(scan.stepcount, scan.scancount, scan.mode)") == (
        "3.00000e+00\t1.00000e+00\t0.00000e+00"
    )
    rig.tell('channel.close("2C01")', "scan.execute()")
    assert rig.steps == [
        ([], [C13]), ([C13], []), ([], [A1]), ([A1], []), ([], [A2]), ([A2], []), ([], [B3]),
    ]  # fmt: skip
    assert rig.ask("print(scan.state())").startswith("6.00000e+00\t1.00000e+00\t3.00000e+00")
    rig.tell('channel.close("2C01")', "scan.mode = scan.MODE_OPEN_SELECTIVE scan.scancount = 2")
    rig.moves.clear()
    rig.tell("scan.execute()")
    assert sum(len(closed) for _, closed in rig.steps) == 6
    assert C13 in rig.box.relays.closed
    rig.tell("scan.reset() scan.execute()")
    assert error(rig) != 0


def test_708b_has_one_slot_and_system_settings_can_be_asked() -> None:
    rig = Recorder("708B")
    rig.tell('channel.close("2A01")')
    assert error(rig) == 1115
    assert rig.ask("print(slot[1].poles.one, slot[1].poles.two, slot[2])") == (
        "1.00000e+00\tnil\tnil"
    )
    assert rig.ask("print(comm.gpib.enable, gpib.address)") == "true\t1.60000e+01"
    rig.tell("gpib.address = 31")
    assert error(rig) != 0
    assert len(rig.ask("print(memory.available())").split(",")) == 4


# -- 3706A -----------------------------------------------------------------------------------------


def test_3706a_names_its_channels_by_numbers_and_has_backplane_relays() -> None:
    rig = Recorder("3706A")
    rig.tell('channel.close("1101,6616,2911")')
    assert rig.ask('print(channel.getclose("allslots"))') == "1101;2911;6616"
    assert rig.steps == [([], [(1, 0, 1), (2, 0, 911), (6, 5, 16)])]
    for name in ("1917", "1017", "1701", "7101", "1100", "110", "9911"):
        rig.tell(f'channel.close("{name}")')
        assert error(rig) == 1115
    assert rig.ask('print(channel.getstate("1101:1104"))') == "1,0,0,0"


def test_3706a_tells_of_its_cards() -> None:
    rig = Recorder("3706A")
    assert rig.ask("print(slot[3].idn)").split(",")[0] == "3730"
    assert len(rig.ask("print(slot[3].idn)").split(",")) == 4
    assert rig.ask("print(slot[1].rows.matrix, slot[1].columns.matrix)") == (
        "6.00000e+00\t1.60000e+01"
    )
    assert rig.ask("print(slot[1].interlock.state, dmm)") == "1.00000e+00\tnil"
    rig.faults.interlock = "open"
    assert rig.ask("print(slot[1].interlock.state)") == "0.00000e+00"


def test_3706a_backplane_settings() -> None:
    rig = Recorder("3706A")
    rig.tell('channel.setbackplane("1101", "1911,1912")')
    assert rig.ask('print(channel.getbackplane("1101,1102"))') == "1911,1912;"
    rig.tell('channel.setbackplane("1101", "1102")')
    assert error(rig) == 1115
    rig.tell('channel.setbackplane("1911", "1912")')
    assert error(rig) == 1115
    rig.tell("reset()")
    assert rig.ask('print(channel.getbackplane("1101"))') == ""


def test_3706a_whole_slots_include_their_backplane_relays() -> None:
    rig = Recorder("3706A")
    rig.tell('channel.close("1101,1911,2912")')
    assert rig.ask('print(channel.getclose("slot1"))') == "1101;1911"
    assert rig.ask('print(channel.getclose("1101:1616"))') == "1101"
    assert len(rig.ask('print(channel.getstate("slot1"))').split(",")) == 6 * 16 + 6
    rig.tell('channel.reset("slot1")')
    assert rig.ask('print(channel.getclose("allslots"))') == "2912"
    rig.tell('channel.open("allslots")')
    assert rig.box.relays.closed == set()


def test_setups_are_saved_and_recalled() -> None:
    rig = Recorder("707B")
    rig.tell('channel.close("1A01,1B03") channel.setforbidden("2A01") channel.connectrule = 2')
    rig.tell('channel.pattern.snapshot("here") setup.save() reset() channel.close("1A02")')
    rig.tell("setup.recall(1)")
    assert rig.box.relays.closed == {A1, B3}
    assert rig.ask("print(channel.connectrule)") == "2.00000e+00"
    assert rig.ask('print(channel.getforbidden("allslots"))') == "2A01"
    assert rig.ask('print(channel.pattern.getimage("here"))') == "1A01,1B03"
    rig.faults.power_cycle()
    rig.tell("setup.recall('1')")
    assert rig.box.relays.closed == {A1, B3}
    rig.tell('setup.save("/usb1/mine") setup.recall(0)')
    assert rig.box.relays.closed == set()
    rig.tell('setup.recall("/usb1/mine")')
    assert rig.box.relays.closed == {A1, B3}
    rig.tell('setup.recall("/usb1/other")')
    assert error(rig) != 0


def test_3706a_exclusive_close_of_nothing_opens_everything() -> None:
    rig = Recorder("3706A")
    rig.tell('channel.close("1101,1102") channel.exclusiveclose("1102") channel.exclusiveclose("")')
    assert rig.steps[1:] == [([A1], []), ([A2], [])]
    assert error(rig) == 0


def test_3706a_counts_closures_over_a_power_cycle() -> None:
    rig = Recorder("3706A")
    rig.tell('channel.close("1101")')
    rig.faults.power_cycle()
    assert rig.ask('print(channel.getcount("1101"))') == "1"


@pytest.mark.parametrize("model", ["707B", "708B", "3706A"])
def test_every_mainframe_has_display_lines_registers_and_setups(model: str) -> None:
    rig = Recorder(model)
    rig.tell("display.settext('busy')")
    assert rig.ask("print(display.gettext())").startswith("busy")
    rig.tell("digio.writebit(3, 0)")
    assert float(rig.ask("print(digio.readport())")) == 2**14 - 1 - 4
    rig.tell("digio.trigger[20].clear()")
    assert error(rig) < 0
    rig.tell("status.request_enable = status.EAV")
    rig.tell("nonsense(")
    assert float(rig.ask("print(status.condition)")) == 4 + 64
    rig.tell("status.reset()", "errorqueue.clear()")
    assert float(rig.ask("print(status.condition)")) == 0
    rig.tell("setup.save(1)", "setup.recall(1)")
    assert error(rig) == 0


def test_3706a_scans_step_by_images_and_do_not_wait_for_a_stimulus() -> None:
    rig = Recorder("3706A")
    rig.tell("scan.create()", "scan.addimagestep('1101,1102')", "scan.addimagestep('1103')")
    assert rig.ask("print(scan.stepcount)") == "2.00000e+00"
    rig.tell("scan.nobufferexecute()")
    assert rig.steps[0] == ([], [(1, 0, 1), (1, 0, 2)])
    assert rig.ask("print(channel.getclose('allslots'))") == "1103"
    rig.tell("scan.trigger.channel.stimulus = 1")
    assert error(rig) == -221
    assert rig.ask("print(scan.trigger.channel.stimulus)") == "0.00000e+00"


def test_3706a_refuses_what_its_matrix_channels_cannot() -> None:
    rig = Recorder("3706A")
    assert rig.ask("print(channel.getpole('1101,1102'))") == "2,2"
    assert rig.ask("print(slot[1].poles.two, slot[1].poles.four)") == "1.00000e+00\tnil"
    rig.tell("channel.setpole('1101', channel.POLES_TWO)")
    assert error(rig) == 0
    for line, code in (
        ("channel.setpole('1101', channel.POLES_FOUR)", -221),
        ("channel.read('1101')", 1115),
        ("channel.write('1101', 1)", 1115),
        ("channel.write('1101')", -109),
        ("channel.setmatch('1101', 1, 2, 3, 4)", -108),
        ("channel.trigger[8].set('1101', 1)", 1115),
        ("channel.calibration.step('1101', 1)", 1115),
        ("scan.addwrite('1101', 1)", 1115),
        ("channel.read('1999')", 1115),
    ):
        rig.tell(line)
        assert error(rig) == code, line


@pytest.mark.parametrize("model", ["707B", "3706A"])
def test_patterns_can_be_gone_through(model: str) -> None:
    rig = Recorder(model)
    for name in ("one", "two"):
        rig.tell(f"channel.pattern.setimage('', '{name}')")
    rig.tell("names = {} for name in channel.pattern.catalog() do names[#names + 1] = name end")
    assert rig.ask("print(unpack(names))") == "one\ttwo"
