"""The transports: HiSLIP and raw sockets."""

from tests.judges.mutants.mutant import Mutant

_SESSION = "labctl/sim/serve/hislip/session.py"
_STATION = "labctl/sim/serve/station.py"
_SERVER = "labctl/sim/serve/hislip/server.py"
_BENCH = "labctl/sim/serve/bench.py"
_VISA = "labctl/sim/visa.py"
_TESTS = (  # not those of the command, which listen on a fixed port: two copies would collide
    "tests/sim/serve/test_hislip.py",
    "tests/sim/serve/test_raw.py",
    "tests/sim/serve/test_locks.py",
    "tests/sim/serve/test_rude.py",
)

MUTANTS = (
    Mutant(
        "an answer has the number of its question",
        _SESSION,
        "self.synchronous.send(Kind.DATA_END if last else Kind.DATA, 0, to, part)",
        "self.synchronous.send(Kind.DATA_END if last else Kind.DATA, 0, to + 2, part)",
        _TESTS,
    ),
    Mutant(
        "answers of an overlapped session are numbered by the server",
        _SESSION,
        "self._sent = to = (self._sent + 2) & _IDS",
        "self._sent = (self._sent + 2) & _IDS",
        _TESTS,
    ),
    Mutant(
        "answers come in parts that the client takes",
        _SESSION,
        "size = max(self.most_message - HEADER_SIZE, 1)",
        "size = 1 << 20",
        _TESTS,
    ),
    Mutant(
        "a message before the answer was read interrupts it",
        _SESSION,
        "interrupts = not self.overlapped and self._expected and not delivered",
        "interrupts = False",
        _TESTS,
    ),
    Mutant(
        "numbers start again after a device clear",
        _SESSION,
        "            self.clearing = False\n            self._begin()",
        "            self.clearing = False",
        _TESTS,
    ),
    Mutant(
        "a device clear forgets half a message",
        _SESSION,
        "            self._inbox.clear()\n",
        "",
        _TESTS,
    ),
    Mutant(
        "a service request is told once",
        _SESSION,
        "            self._announced = True\n",
        "",
        _TESTS,
    ),
    Mutant(
        "the lock keeps others out",
        _SESSION,
        "if not station.locks.wait_to_use(self, self._gone) or self.clearing:",
        "if self.clearing:",
        _TESTS,
    ),
    Mutant(
        "a session that ends gives its locks back",
        _SESSION,
        "        self.station.locks.leave(self)\n",
        "",
        _TESTS,
    ),
    Mutant(
        "half a message waits for the rest",
        _STATION,
        "        else:\n            waiting += rest",
        "        else:\n            pass",
        _TESTS,
    ),
    Mutant(
        "a message that is too long is cut off",
        _STATION,
        "            messages.append(rest)\n            self._skipping = True",
        "            messages.append(rest)",
        _TESTS,
    ),
    Mutant(
        "other computers are let in only on purpose",
        _BENCH,
        "if not exposed and not is_loopback(bind):",
        "if False:",
        ("tests/sim/serve/test_command.py",),
    ),
    Mutant(
        "a second asynchronous channel is refused",
        _SERVER,
        "if session is None or session.asynchronous is not None:",
        "if session is None:",
        _TESTS,
    ),
    Mutant(
        "a lost connection is an error of the session in process too",
        _VISA,
        "        if box.faults.lost:\n            self._fail(StatusCode.error_connection_lost)\n"
        "        if desk.watchers:",
        "        if desk.watchers:",
        ("tests/sim/test_visa_sessions.py", "tests/sim/test_faults.py"),
    ),
)
