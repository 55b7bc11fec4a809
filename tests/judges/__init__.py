"""Other people's clients and tests, and our own broken on purpose, as judges of the simulator."""
