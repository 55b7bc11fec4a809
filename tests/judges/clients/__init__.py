"""Walks through the public interface of drivers that are not ours; each runs in its own process.

A walk is started as ``python -m tests.judges.clients.NAME LIBRARY ADDRESS MODEL`` in the virtual
environment of its client. It imports the client and pyvisa, and of labctl only what puts a
resistor across the terminals.
"""
