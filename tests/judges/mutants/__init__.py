"""What is broken on purpose: one change of the simulator each, and the tests that must see it."""

from tests.judges.mutants.mutant import Mutant

__all__ = ["Mutant", "all_mutants"]


def all_mutants() -> list[Mutant]:
    """Return every mutant, in the order of the tables."""
    from tests.judges.mutants import channel, matrices, messages, meters, network, scripts

    tables = (channel, messages, meters, matrices, scripts, network)
    return [mutant for table in tables for mutant in table.MUTANTS]
