"""The VISA backend ``@labsim``, found by pyvisa by this name: a simulated bench.

``pyvisa.ResourceManager("bench.toml@labsim")`` opens the bench that ``bench.toml`` describes.
"""

from labctl.sim.visa import WRAPPER_CLASS

__all__ = ["WRAPPER_CLASS"]
