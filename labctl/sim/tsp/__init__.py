"""Instruments that are programmed in TSP: Lua 5.1 with the instrument's objects in it."""

from labctl.sim.tsp.box import TspBox
from labctl.sim.tsp.budget import Budget
from labctl.sim.tsp.host import Attribute, LuaHost, ScriptError

__all__ = ["Attribute", "Budget", "LuaHost", "ScriptError", "TspBox"]
