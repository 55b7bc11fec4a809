"""The engine: the process that owns a bench and runs procedures on it, and its clients."""
