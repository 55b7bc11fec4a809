"""Bayesian learning with the cells of a chip; see :mod:`labctl.learn.coin` for how it works.

Learning sees a :class:`labctl.array.CellArray`, never an instrument.
"""

from labctl.learn.calibration import Calibration, calibrate
from labctl.learn.coin import Rule, StateAwareCoin, View
from labctl.learn.curves import StepCurves
from labctl.learn.initialise import PulsePair, write_verify
from labctl.learn.logistic import LogisticRegression, predict
from labctl.learn.posterior import Comparison, Moments, compare
from labctl.learn.readnoise import ReadNoise
from labctl.learn.reference import reference
from labctl.learn.results import Results, evaluate
from labctl.learn.sampler import Chain, Model, Step
from labctl.learn.source import Measured, measured
from labctl.learn.tasks import Task, breast_cancer, load_task
from labctl.learn.transitions import Transitions
from labctl.learn.weights import DifferentialPairs, place_pairs

__all__ = [
    "Calibration",
    "Chain",
    "Comparison",
    "DifferentialPairs",
    "LogisticRegression",
    "Measured",
    "Model",
    "Moments",
    "PulsePair",
    "ReadNoise",
    "Results",
    "Rule",
    "StateAwareCoin",
    "Step",
    "StepCurves",
    "Task",
    "Transitions",
    "View",
    "breast_cancer",
    "calibrate",
    "compare",
    "evaluate",
    "load_task",
    "measured",
    "place_pairs",
    "predict",
    "reference",
    "write_verify",
]
