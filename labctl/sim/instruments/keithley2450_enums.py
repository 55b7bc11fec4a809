"""Enumerations of the 2450's TSP: constants that print as their own names.

Source: *Model 2450 Reference Manual* (2450-901-01), TSP command reference. That a number is taken
for a constant where it is its place in the list is from memory.
"""

from __future__ import annotations

from typing import Any

from labctl.sim.status import Refused
from labctl.sim.tsp.values import DATA_TYPE, ILLEGAL_VALUE

_SMU = (
    "ATTR_MEAS_AUTO_ZERO ATTR_MEAS_COUNT ATTR_MEAS_DIGITS ATTR_MEAS_FILTER_COUNT "
    "ATTR_MEAS_FILTER_ENABLE ATTR_MEAS_FILTER_TYPE ATTR_MEAS_NPLC ATTR_MEAS_OFFSET_COMP "
    "ATTR_MEAS_RANGE ATTR_MEAS_RANGE_AUTO ATTR_MEAS_RANGE_HIGH ATTR_MEAS_RANGE_LOW "
    "ATTR_MEAS_RANGE_REBOUND ATTR_MEAS_REL_ENABLE ATTR_MEAS_REL_LEVEL ATTR_MEAS_SENSE "
    "ATTR_MEAS_UNIT ATTR_SRC_DELAY ATTR_SRC_DELAY_AUTO ATTR_SRC_FUNCTION ATTR_SRC_HIGHC "
    "ATTR_SRC_LEVEL ATTR_SRC_LIMIT_LEVEL ATTR_SRC_LIMIT_TRIPPED ATTR_SRC_OFFMODE "
    "ATTR_SRC_PROTECT_LEVEL ATTR_SRC_PROTECT_TRIPPED ATTR_SRC_RANGE ATTR_SRC_RANGE_AUTO "
    "ATTR_SRC_READBACK AUDIBLE_FAIL AUDIBLE_NONE AUDIBLE_PASS DIGITS_3_5 DIGITS_4_5 DIGITS_5_5 "
    "DIGITS_6_5 FAIL_BOTH FAIL_HIGH FAIL_LOW FAIL_NONE FILTER_MOVING_AVG FILTER_REPEAT_AVG "
    "FUNC_DC_CURRENT FUNC_DC_VOLTAGE FUNC_RESISTANCE MATH_MXB MATH_PERCENT MATH_RECIPROCAL OFF "
    "OFFMODE_GUARD OFFMODE_HIGHZ OFFMODE_NORMAL OFFMODE_ZERO ON PROTECT_100V PROTECT_10V "
    "PROTECT_120V PROTECT_140V PROTECT_160V PROTECT_180V PROTECT_20V PROTECT_2V PROTECT_40V "
    "PROTECT_5V PROTECT_60V PROTECT_80V PROTECT_NONE RANGE_AUTO RANGE_BEST RANGE_FIXED "
    "SENSE_2WIRE SENSE_4WIRE TERMINALS_FRONT TERMINALS_REAR UNIT_AMP UNIT_OHM UNIT_VOLT UNIT_WATT"
)
_TRIGGER = (
    "BLOCK_BRANCH_ALWAYS BLOCK_BRANCH_COUNTER BLOCK_BRANCH_DELTA BLOCK_BRANCH_LIMIT_CONSTANT "
    "BLOCK_BRANCH_LIMIT_DYNAMIC BLOCK_BRANCH_ONCE BLOCK_BRANCH_ONCE_EXCLUDED "
    "BLOCK_BRANCH_ON_EVENT BLOCK_BUFFER_CLEAR BLOCK_CONFIG_NEXT BLOCK_CONFIG_PREV "
    "BLOCK_CONFIG_RECALL BLOCK_DELAY_CONSTANT BLOCK_DELAY_DYNAMIC BLOCK_DIGITAL_IO "
    "BLOCK_LOG_EVENT BLOCK_MEASURE BLOCK_MEASURE_DIGITIZE BLOCK_NOP BLOCK_NOTIFY "
    "BLOCK_RESET_BRANCH_COUNT BLOCK_SOURCE_OUTPUT BLOCK_WAIT CLEAR_ENTER CLEAR_NEVER CONT_AUTO "
    "CONT_OFF CONT_RESTART EDGE_EITHER EDGE_FALLING EDGE_RISING EVENT_COMMAND EVENT_DISPLAY "
    "EVENT_NONE EVENT_SOURCE_LIMIT LIMIT_ABOVE LIMIT_BELOW LIMIT_INSIDE LIMIT_OUTSIDE "
    "LOGIC_NEGATIVE LOGIC_POSITIVE LOG_WARN_ABORT OFF ON STATE_ABORTED STATE_ABORTING "
    "STATE_BUILDING STATE_EMPTY STATE_FAILED STATE_IDLE STATE_RUNNING STATE_WAITING WAIT_AND "
    "WAIT_OR"
)
_NUMBERED = (
    *(f"EVENT_NOTIFY{k}" for k in range(1, 9)),
    *(f"EVENT_DIGIO{k}" for k in range(1, 7)),
    *(f"EVENT_TIMER{k}" for k in range(1, 5)),
    *(f"EVENT_TSPLINK{k}" for k in range(1, 4)),
    *(f"EVENT_LAN{k}" for k in range(1, 9)),
    *(f"EVENT_BLENDER{k}" for k in range(1, 3)),
    *(f"LOG_{kind}{k}" for kind in ("INFO", "WARN", "ERROR") for k in range(1, 5)),
    *(f"USER_DELAY_{kind}{k}" for kind in "MS" for k in range(1, 6)),
)
_BUFFER = (
    "FILL_CONTINUOUS FILL_ONCE OFF ON SAVE_FORMAT_TIME SAVE_RAW_TIME SAVE_RELATIVE_TIME "
    "SAVE_TIMESTAMP_TIME STYLE_COMPACT STYLE_FULL STYLE_STANDARD STYLE_WRITABLE "
    "STYLE_WRITABLE_FULL UNIT_AMP UNIT_OHM UNIT_VOLT UNIT_WATT UNIT_NONE"
)
_DISPLAY = (
    "FORMAT_EXPONENT FORMAT_PREFIX SCREEN_GRAPH SCREEN_HISTOGRAM SCREEN_HOME "
    "SCREEN_HOME_LARGE_READING SCREEN_READING_TABLE SCREEN_SETTINGS_SWIPE SCREEN_SOURCE_SWIPE "
    "SCREEN_STATS_SWIPE SCREEN_USER_SWIPE SCREEN_PROCESSING STATE_BLACKOUT STATE_LCD_100 "
    "STATE_LCD_25 STATE_LCD_50 STATE_LCD_75 STATE_LCD_OFF TEXT1 TEXT2 BUTTONS_OK BUTTONS_YESNO"
)
_DIGIO = (
    "MODE_DIGITAL_IN MODE_DIGITAL_OPEN_DRAIN MODE_DIGITAL_OUT MODE_SYNCHRONOUS_ACCEPTOR "
    "MODE_SYNCHRONOUS_MASTER MODE_TRIGGER_IN MODE_TRIGGER_OPEN_DRAIN MODE_TRIGGER_OUT "
    "STATE_HIGH STATE_LOW"
)


def _named(space: str, words: str | tuple[str, ...]) -> dict[str, Any]:
    names = words.split() if isinstance(words, str) else words
    return {name: f"{space}.{name}" for name in names}


CONSTANTS: dict[str, dict[str, Any]] = {
    "smu": {**_named("smu", _SMU), "DELAY_AUTO": -1, "INFINITE": 0},
    "trigger": {
        **_named("trigger", _TRIGGER), **_named("trigger", _NUMBERED),
        "COUNT_INFINITE": 0, "COUNT_AUTO": -1, "COUNT_STOP": -2,
    },
    "buffer": {
        **_named("buffer", _BUFFER),
        "STAT_QUESTIONABLE": 1, "STAT_ORIGIN": 6, "STAT_TERMINAL": 8, "STAT_LIMIT2_LOW": 16,
        "STAT_LIMIT2_HIGH": 32, "STAT_LIMIT1_LOW": 64, "STAT_LIMIT1_HIGH": 128,
        "STAT_START_GROUP": 256, "STAT_PROTECTION": 4, "STAT_READBACK": 8, "STAT_OVER_TEMP": 16,
        "STAT_LIMIT": 32, "STAT_SENSE": 64, "STAT_OUTPUT": 128,
    },
    "display": _named("display", _DISPLAY),
    "digio": _named("digio", _DIGIO),
    "format": _named("format", "ASCII REAL32 REAL64 BIGENDIAN LITTLEENDIAN"),
    "localnode": _named(
        "localnode",
        "ACCESS_EXCLUSIVE ACCESS_FULL ACCESS_LOCKOUT ACCESS_PROTECTED DISABLE ENABLE",
    ),
    "eventlog": {"SEV_ERROR": 1, "SEV_WARN": 2, "SEV_INFO": 4, "SEV_ALL": 7},
    "beeper": {"OFF": 0, "ON": 1},
}  # fmt: skip
"""Constants by the object that holds them."""


def chosen(value: Any, names: tuple[str, ...], space: str = "smu") -> int:
    """Return the place of a constant in ``names``; a number or boolean is taken as the place.

    Raises
    ------
    Refused
        -224 for another constant or number, -104 for anything else.
    """
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, int | float):
        if value in range(len(names)):
            return int(value)
        raise Refused(*ILLEGAL_VALUE)
    if not isinstance(value, str):
        raise Refused(*DATA_TYPE)
    name = value.removeprefix(f"{space}.")
    if name not in names:
        raise Refused(*ILLEGAL_VALUE)
    return names.index(name)


def named(place: int, names: tuple[str, ...], space: str = "smu") -> str:
    """Return the constant at a place."""
    return f"{space}.{names[place]}"
