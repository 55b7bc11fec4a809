"""Servers of the simulated instruments: raw TCP sockets and HiSLIP, on the same boxes."""
