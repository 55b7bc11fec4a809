"""SCPI: one grammar, one status model; an instrument is a table of commands on top."""

from labctl.sim.scpi.box import ScpiBox
from labctl.sim.scpi.command import Command, Later
from labctl.sim.scpi.convert import (
    INFINITY,
    NOT_A_NUMBER,
    boolean,
    channel_list,
    choice,
    numeric,
    spellings,
    text,
    whole,
)
from labctl.sim.scpi.parameter import Parameter
from labctl.sim.scpi.registers import Register
from labctl.sim.status import Refused

__all__ = [
    "INFINITY",
    "NOT_A_NUMBER",
    "Command",
    "Later",
    "Parameter",
    "Refused",
    "Register",
    "ScpiBox",
    "boolean",
    "channel_list",
    "choice",
    "numeric",
    "spellings",
    "text",
    "whole",
]
