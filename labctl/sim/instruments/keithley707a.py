"""Simulated Keithley 707A switching matrix with 7174A cards (8 rows, 12 columns a slot).

Source: *Model 707A Switching Matrix Instruction Manual* (707A-901-01), section 4, from memory; the
meaning of the letters also from the table of 707A commands in *Models 707B and 708B Reference
Manual* (707B-901-01), appendix B. Not simulated: downloads (``L``), slaves, trigger on talk. The
real box sends its setup to whoever makes it talk without having asked; this one then is silent.
The box has no ``*IDN?`` in its manual, but drivers in the field read ``707A03`` after sending it.
"""

from __future__ import annotations

from labctl.clock import VirtualClock
from labctl.sim.box import Box
from labctl.sim.faults import Faults
from labctl.sim.instruments.ddc import DeviceCommand, IllegalCommand, IllegalOption, parse
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.matrix import Matrix, fit
from labctl.sim.instruments.relays import ROWS, Crosspoint
from labctl.sim.instruments.relays import parse as parse_label

SLOTS, WIDTH, HEIGHT = 6, 12, 8
COLUMNS = SLOTS * WIDTH
SETUPS = 100
SETTLING = 15e-3
"""Bench time of one step of relays, s."""
MOST_PENDING = 1 << 16
"""Characters that wait for an X; more are thrown away as an illegal command."""
REVISION = "03"
READY, MATRIX_READY, ERROR, REQUEST = 16, 8, 32, 64
"""Bits of the serial poll byte."""
_OPTIONS = {
    "A": 1, "B": 1, "E": SETUPS, "F": 1, "G": 7, "H": 40, "I": SETUPS, "J": 0, "K": 5, "M": 63,
    "O": 65_535, "P": SETUPS, "Q": SETUPS, "R": 0, "S": 65_000, "T": 9, "Y": 4, "U": 8, "Z": SETUPS,
}  # fmt: skip
_ORDER = "RJKYGMABTFSVWEIQZPNCHDOU"
"""In which order the commands before one X are executed, whatever their order in the string."""
_TERMINATORS = (b"\r\n", b"\n\r", b"\r", b"\n", b"")
_ERRORS = ("IDDC", "IDDCO", "NO REMOTE", "SELF TEST", "TRIGGER OVERRUN", "SLAVE", "CARD", "BATTERY")


class Keithley707A(Box):
    """The mainframe with a card in every slot.

    Parameters
    ----------
    matrix
        Its relays.
    """

    message_time = 1e-3
    answer_time = 1e-3

    def __init__(self, clock: VirtualClock, matrix: Matrix, faults: Faults | None = None) -> None:
        super().__init__(clock, faults)
        self.matrix, self.relays = matrix, matrix.relays
        self._setups: list[set[Crosspoint]] = [set() for _ in range(SETUPS)]
        self._pending = ""
        self._errors: set[str] = set()
        self._wanted: set[Crosspoint] = set()
        self._default()

    def _default(self) -> None:
        self._settings = dict.fromkeys("ABEFGHJKMOSTY", 0)
        self._settings["T"] = 6
        self._first = {"V": "00000000", "W": "00000000"}
        self._pointer = 0  # of RELAY STEP
        self.screen = ""

    def power_on(self) -> None:
        """Open the relays; setups in memory outlive it."""
        self._pending = ""
        self._errors.clear()
        self._default()
        self.matrix.open_all()

    def abort(self) -> None:
        """Forget what no X has followed."""
        self._pending = ""

    def execute(self, line: str) -> None:
        """Take characters; every X executes what came before it."""
        if line.upper() == "*IDN?":
            self._answer((self.faults.identity or "707A") + REVISION)
            return
        *groups, self._pending = (self._pending + line).upper().split("X")
        if len(self._pending) > MOST_PENDING:
            self._pending = ""
            self._errors.add("IDDC")
        for group in groups:
            self._run(group)
            if self._settings["F"] and self._settings["T"] in (4, 5):
                self._advance()

    def group_trigger(self) -> None:
        """Step to the next setup in memory, where triggers are on and come from the bus."""
        if self._settings["F"] and self._settings["T"] in (2, 3):
            self._advance()

    def status_byte(self) -> int:
        """Return the serial poll byte: matrix ready, ready, error until U1, and SRQ by mask."""
        byte = MATRIX_READY | READY | (ERROR if self._errors else 0)
        return byte | (REQUEST if byte & self._settings["M"] else 0)

    def serial_poll(self) -> int:
        """Return the serial poll byte; a poll changes nothing."""
        return 0 if self.faults.lost else self.status_byte()

    def refresh(self) -> bool:
        """Tell whether service is requested."""
        return bool(self.status_byte() & REQUEST)

    def starved(self) -> None:
        """Take no note of a read that finds nothing: there is no error for it."""

    def _run(self, group: str) -> None:
        """Execute what stood before one X, or nothing of it if any of it is wrong."""
        try:
            commands = parse(group)
            for command in commands:
                _check(command)
        except (IllegalCommand, IllegalOption) as error:
            self._errors.add("IDDC" if isinstance(error, IllegalCommand) else "IDDCO")
            return
        self._wanted = set(self.matrix.closed)
        commands.sort(key=lambda command: _ORDER.index(command.letter))
        for command in commands:
            if command.letter != "U":
                self._do(command)
        self._transition()
        for command in commands:
            if command.letter == "U":
                self._tell(command)

    def _do(self, command: DeviceCommand) -> None:
        letter, numbers = command.letter, command.numbers
        if letter == "R":
            self._wanted = set()
            self._setups = [set() for _ in range(SETUPS)]
            self._default()
        elif letter == "I":
            self._setups.insert(numbers[0] - 1, set())
            self._setups.pop()
        elif letter == "Q":
            self._setups.pop(numbers[0] - 1)
            self._setups.append(set())
        elif letter == "Z":
            self._put(numbers[1], set(self._get(numbers[0])))
        elif letter == "P":
            self._put(numbers[0], set())
        elif letter in "CN":
            points = {_crosspoint(row, column) for row, column in command.points}
            edited = self._get(self._settings["E"])
            self._put(self._settings["E"], edited | points if letter == "C" else edited - points)
        elif letter in "VW":
            self._rows(command)
        elif letter == "D":
            self.screen = command.text
        else:
            self._settings[letter] = numbers[0]

    # -- setups and relays ---------------------------------------------------------------------

    def _get(self, setup: int) -> set[Crosspoint]:
        """Return a setup: 0 is that of the relays."""
        return self._setups[setup - 1] if setup else self._wanted

    def _put(self, setup: int, points: set[Crosspoint]) -> None:
        if setup:
            self._setups[setup - 1] = points
        else:
            self._wanted = points

    def _advance(self) -> None:
        """Do what a trigger does: bring the next setup in memory to the relays."""
        self._pointer = self._pointer % SETUPS + 1
        self._wanted = set(self._setups[self._pointer - 1])
        self._transition()

    def _rows(self, command: DeviceCommand) -> None:
        """Make rows make-before-break (V) or break-before-make (W); a row is never both."""
        bits = command.text.ljust(HEIGHT, "0")
        other = "W" if command.letter == "V" else "V"
        self._first[command.letter] = bits
        self._first[other] = "".join(
            "0" if mine == "1" else theirs
            for mine, theirs in zip(bits, self._first[other], strict=True)
        )

    def _transition(self) -> None:
        """Bring the relays to the setup wanted, rows with an order in two steps."""
        closed, wanted = self.matrix.closed, self._wanted
        opening, closing = closed - wanted, wanted - closed
        extra = self._settings["S"] * 1e-3
        early_open = {point for point in opening if self._first["W"][point[1]] == "1"}
        early_close = {point for point in closing if self._first["V"][point[1]] == "1"}
        self.matrix.step(early_open, sorted(early_close), extra)
        self.matrix.step(opening - early_open, sorted(closing - early_close), extra)

    # -- what it tells -------------------------------------------------------------------------

    def _tell(self, command: DeviceCommand) -> None:
        kind, setup = command.numbers
        if kind == 0:
            self._answer(self._machine_status())
        elif kind == 1:
            self._answer("".join(str(int(name in self._errors)) for name in _ERRORS))
            self._errors.clear()
        elif kind == 2:
            self._say_setup(setup)
        elif kind == 3:
            self._answer(f"{self._pointer:03d}")
        elif kind == 4:
            self._answer("0")
        elif kind == 5:
            self._answer(",".join(["7174"] * SLOTS) if setup == 0 else "NONE")
        elif kind == 6:
            self._answer(f"{round(self.matrix.settling * 1e3):05d}")
        else:
            self._answer("000")

    def _machine_status(self) -> str:
        """Return model, revision and all settings."""
        table, first = self._settings, self._first
        return "{}A{A}B{B}E{E:03d}F{F}G{G}J{J}K{K}M{M:03d}O{O:03d}S{S:05d}T{T}V{}W{}Y{Y}".format(
            (self.faults.identity or "707A") + REVISION, first["V"], first["W"], **table
        )

    def _say_setup(self, setup: int) -> None:
        """Send a setup: crosspoints by name (G0 to G3), or a byte for each column (G4 to G7).

        Odd formats come without the number of the setup before them; row A is the lowest bit.
        """
        points = sorted(self._setups[setup - 1] if setup else self.matrix.closed)
        form = self._settings["G"]
        if form < 4:
            names = ",".join(_name(point) for point in points)
            self._answer(names if form % 2 else f"SETUP {setup:03d} {names}".rstrip())
            return
        columns = bytearray(COLUMNS)
        for slot, row, column in points:
            columns[(slot - 1) * WIDTH + column - 1] |= 1 << row
        head = b"" if form % 2 else setup.to_bytes(2, "big")
        self.say(head + bytes(columns))

    def _answer(self, text: str) -> None:
        self.say(text.encode("ascii") + _TERMINATORS[self._settings["Y"]])


def _check(command: DeviceCommand) -> None:
    """Raise IllegalOption for a number that a letter does not take."""
    letter, numbers = command.letter, command.numbers
    if letter in "CN":
        if any(not 1 <= column <= COLUMNS for _, column in command.points):
            raise IllegalOption(letter)
    elif numbers:
        least = 1 if letter in "IQ" else 0
        if not least <= numbers[0] <= _OPTIONS[letter] or numbers[-1] > max(
            _OPTIONS[letter], SETUPS
        ):
            raise IllegalOption(letter)


def _crosspoint(row: int, column: int) -> Crosspoint:
    return (column - 1) // WIDTH + 1, row, (column - 1) % WIDTH + 1


def _name(point: Crosspoint) -> str:
    """Return the box's name of a crosspoint: row and column of the whole mainframe."""
    slot, row, column = point
    return f"{ROWS[row]}{(slot - 1) * WIDTH + column}"


def _find(name: str) -> Crosspoint | None:
    letter, digits = name[:1].upper(), name[1:]
    row = ROWS[:HEIGHT].find(letter)
    if (
        letter
        and row >= 0
        and digits.isascii()
        and digits.isdigit()
        and 1 <= int(digits) <= COLUMNS
    ):
        return _crosspoint(row, int(digits))
    return parse_label(name, SLOTS, WIDTH, HEIGHT)


def _make(fittings: Fittings) -> Box:
    matrix = fit(fittings, SETTLING, _name, _find)
    return Keithley707A(fittings.clock, matrix, fittings.faults)


MAKERS: dict[str, Maker] = {"707A": _make}
