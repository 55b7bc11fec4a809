"""The ``SYSTem`` and ``DIAGnostic`` commands of the Keysight B2200A, B2201A and E5250A.

Source: *Agilent B2200 User's Guide* (edition 2), chapter 5; the wording of card descriptions from
memory of it. A relay test fails on a card with a contact that is not where its coil is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.keysight_ports import CARDS, WIDTH
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.instruments.scpi_matrix import toggle
from labctl.sim.scpi import Command, Parameter, choice, text, whole

if TYPE_CHECKING:
    from labctl.sim.instruments.keysightb2200 import KeysightB2200

MEMORIES = 8
TEST_TIME = 10.0
"""Bench time of the relay test of one card, s; order of magnitude."""
NOT_TESTED = -1
_FRAME = choice({name: name for name in ("CONTroller", "FPANel", "LED", "PEN", "BEEP")})
_PLACE = whole(1, MEMORIES)
_CARD = whole(1, CARDS)
_ANY_CARD = whole(0, CARDS)


class SystemSettings:
    """What a mainframe keeps besides its connections."""

    def __init__(self, box: KeysightB2200) -> None:
        self._box = box
        self._store: dict[str, Any] = {
            "beep": True, "screen": True, "lights": True, "locked": False, "pen": True, "text": "",
        }  # fmt: skip
        self._memory: dict[int, tuple[str, frozenset[Crosspoint]]] = {}
        self._comments: dict[int, str] = {}
        self._cards_tested: dict[int, int] = {}
        self._frame_tested: dict[str, int] = {}

    def commands(self) -> Iterator[Command]:
        """Yield the table."""
        store = self._store
        yield toggle(":SYSTem:BEEP", store, "beep")
        yield toggle(":SYSTem:KLCK", store, "locked")
        yield toggle(":SYSTem:KLC", store, "locked")
        yield toggle(":SYSTem:PEN", store, "pen")
        yield toggle(":SYSTem:DISPlay:LCD", store, "screen")
        yield toggle(":SYSTem:DISPlay:LED", store, "lights")
        yield Command(":SYSTem:DISPlay:STRing", event=lambda p: store.update(text=text(p)))
        yield Command(":SYSTem:CCONfig", query=lambda p: self._configuration(_CARD(p)))
        yield Command(":SYSTem:CDEScription", query=lambda p: self._description(_ANY_CARD(p)))
        yield Command(":SYSTem:CTYPe", query=lambda p: self._type(_ANY_CARD(p)))
        yield Command(":SYSTem:CPON", event=self._power_on)
        yield Command(":SYSTem:MEMOry:SAVE", event=self._save)
        yield Command(":SYSTem:MEMOry:LOAD", event=self._load)
        yield Command(":SYSTem:MEMOry:DELete", event=self._delete)
        yield Command(":SYSTem:MEMOry:COMMent", self._comment, self._set_comment)
        yield Command(":DIAGnostic:TEST:CARD[:EXECute]", query=self._test_card)
        yield Command(":DIAGnostic:TEST:CARD:STATe", query=self._card_state)
        yield Command(":DIAGnostic:TEST:CARD:CLEar", event=self._clear_cards)
        yield Command(":DIAGnostic:TEST:FRAMe[:EXECute]", query=self._test_frame)
        yield Command(
            ":DIAGnostic:TEST:FRAMe:STATe",
            query=lambda p: str(self._frame_tested.get(_FRAME(p), NOT_TESTED)),
        )
        yield Command(
            ":DIAGnostic:TEST:FRAMe:CLEar",
            event=self._clear_frame,
        )

    # -- what is in the slots ------------------------------------------------------------------

    def _type(self, card: int) -> str:
        return f"{self._box.vendor},{self._box.card},0,{self._box.firmware}"

    def _description(self, card: int) -> str:
        outputs = WIDTH if card else CARDS * WIDTH
        return f"{self._box.card} {self._box.ports.inputs} inputs {outputs} outputs matrix"

    def _configuration(self, card: int) -> str:
        return f"{card},{self._box.card},{self._box.ports.inputs},{WIDTH}"

    def _power_on(self, card: Parameter) -> None:
        for key in self._box.cards(card):
            self._box.ports.reset_card(key)

    # -- setups --------------------------------------------------------------------------------

    def _save(self, parameter: Parameter) -> None:
        ports = self._box.ports
        self._memory[_PLACE(parameter)] = (ports.configuration, frozenset(ports.made))

    def _load(self, parameter: Parameter) -> None:
        ports, kept = self._box.ports, self._memory.get(_PLACE(parameter))
        if kept is None:
            return
        if kept[0] != ports.configuration:
            ports.reset(kept[0])
        ports.made = set(kept[1])
        ports.apply()

    def _delete(self, parameter: Parameter) -> None:
        self._memory.pop(_PLACE(parameter), None)
        self._comments.pop(_PLACE(parameter), None)

    def _comment(self, parameter: Parameter) -> str:
        return self._comments.get(_PLACE(parameter), "")

    def _set_comment(self, parameter: Parameter, comment: Parameter) -> None:
        self._comments[_PLACE(parameter)] = text(comment)

    # -- tests ---------------------------------------------------------------------------------

    def _these(self, parameter: Parameter) -> list[int]:
        if parameter.kind == "word" and parameter.value == "ALL":
            return list(range(1, CARDS + 1))
        return [_CARD(parameter)]

    def _test_card(self, parameter: Parameter) -> str:
        cards = self._these(parameter)
        for card in cards:
            self._box.clock.sleep(TEST_TIME)
            self._cards_tested[card] = int(self._box.faulty(card))
        return str(max(self._cards_tested[card] for card in cards))

    def _card_state(self, parameter: Parameter) -> str:
        return str(self._cards_tested.get(_CARD(parameter), NOT_TESTED))

    def _clear_cards(self, parameter: Parameter) -> None:
        for card in self._these(parameter):
            self._cards_tested.pop(card, None)

    def _test_frame(self, parameter: Parameter) -> str:
        self._frame_tested[_FRAME(parameter)] = 0
        return "0"

    def _clear_frame(self, parameter: Parameter) -> None:
        self._frame_tested.pop(_FRAME(parameter), None)
