"""What other people's programs send to a Keysight B2900."""

from __future__ import annotations

import pytest

from tests.sim.instruments.load import ask, errors
from tests.sim.instruments.test_b2900 import meter

SENT = (
    ":SOUR1:VOLT 0.0; :SOUR1:FUNC DC; FUNC:MODE VOLT",
    ":SENS1:CURR:PROT 0.001;:SOUR1:VOLT:RANG 2;:SOUR1:VOLT:RANG:AUTO ON",
    "SENS1:CURR:RANG 1e-6;:SOUR1:VOLT:RANG:AUTO:LLIM 0.2;:OUTP1:PROT OFF",
    ":OUTP1:LOW FLO;:SENS1:REM OFF;:SENS1:CURR:RANG:AUTO ON;:SENS1:CURR:RANG:AUTO:LLIM 1e-6",
    ":SENS1:RES:RANG:AUTO:ULIM 2e6;:SENS1:RES:OCOM ON;:SENS1:VOLT:RANG:AUTO:MODE RES",
    ":SENS1:VOLT:NPLC 1; :SENS1:CURR:NPLC 1; :SENS1:RES:NPLC 1;",
    ":sens:func \"CURR\"; :sens:curr:rang:auto off; :sens:curr:rang 2.E-7;",
    ":sens:curr:aper:auto on; :sens:curr:aper:auto:mode med",
    ":sour:func:mode volt; :sour:volt:mode swe; :sour:volt:star 0; :sour:volt:stop 1",
    ":trig:sour aint; :trig:coun 5; :trig:acq:del 1; :trig:tim 1.2",
    ":form:elem:sens CURR,TIME;:syst:time:tim:coun:res:auto on",
    ":SENS:FUNC \"VOLT\",\"CURR\";:SENS:VOLT:PROT 2;:TRIG:TRAN:SOUR TIM;:TRIG:TRAN:TIM 0.1",
    ":SOUR:TOUT:STAT ON;:SOUR:TOUT:SIGN EXT3;:SOUR:DIG:EXT3:FUNC TOUT",
    ":SOUR:DIG:EXT3:TOUT:EDGE:POS AFT;:SOUR:DIG:EXT3:TOUT:EDGE:WIDT 5e-3",
    ":OUTP:HCAP ON;:OUTP:FILT:LPAS:STAT OFF;:OUTP:FILT:AUTO ON;:OUTP2:OFF:MODE HIZ",
    ":DISP:ENAB OFF;:DISP:VIEW GRAP;:SYST:BEEP 200,1;:SYST:BEEP:STAT OFF;:SYST:LFR 50",
    "*CLS;*ESE 1;*SRE 32;:STAT:PRES;:STAT:OPER:PTR 18;:STAT:OPER:ENAB 18",
    ":CALC:MATH:STAT OFF;:CALC:CLIM:STAT OFF;:SENS:WAIT ON;:SOUR:WAIT:AUTO ON",
)  # fmt: skip


@pytest.mark.parametrize("message", SENT)
def test_messages_of_other_programs_are_taken(message: str) -> None:
    box = meter()
    ask(box, message)
    assert errors(box) == []


def test_spaces_after_semicolons_continue_the_path() -> None:
    box = meter()
    ask(box, ":SOUR2:CURR 1e-3; FUNC:MODE CURR")
    assert ask(box, ":SOUR2:FUNC:MODE?;:SOUR1:FUNC:MODE?") == "CURR;VOLT"
