"""Bayesian learning with the cells of a chip; see :mod:`labctl.learn.coin` for how it works.

Learning sees a :class:`labctl.array.CellArray`, never an instrument.
"""

from typing import TYPE_CHECKING, Any

from labctl.learn.active import ActiveLearner
from labctl.learn.analogue import AnalogueProducts, place_layers
from labctl.learn.budget import Budget, Ledger, Spent
from labctl.learn.calibration import Calibration, calibrate
from labctl.learn.coin import StateAwareCoin
from labctl.learn.curves import StepCurves
from labctl.learn.gatecurve import GateCurve, measure_gate_curve
from labctl.learn.initialise import PulsePair, write_verify
from labctl.learn.kappa import KappaCoin
from labctl.learn.lin2025 import Lin2025
from labctl.learn.logistic import predict
from labctl.learn.metropolis import Metropolis
from labctl.learn.models import (
    LinearRegression,
    LogisticRegression,
    Model,
    Network,
    PredictiveModel,
    SoftmaxRegression,
)
from labctl.learn.naive import RoundingRule, SignRule
from labctl.learn.operating import OperatingPoint, find_pulses
from labctl.learn.placement import DEAD, FREE, place, placement_map
from labctl.learn.pool import Pool
from labctl.learn.posterior import Comparison, Moments, compare
from labctl.learn.randomscan import RandomScan
from labctl.learn.readnoise import ReadNoise
from labctl.learn.reference import reference
from labctl.learn.results import Results, evaluate
from labctl.learn.rule import ChoosesCells, OwnScale, Rule, View
from labctl.learn.sampler import Chain
from labctl.learn.schedule import Constant, Cyclical, Schedule, Tempered
from labctl.learn.source import Measured, measured
from labctl.learn.spares import Replacement
from labctl.learn.step import Step
from labctl.learn.tasks import Task, breast_cancer, load_task
from labctl.learn.transitions import Transitions
from labctl.learn.weightcells import WeightCells
from labctl.learn.weights import (
    DifferentialPairs,
    Encoding,
    ReferenceColumn,
    SumOfCells,
    Weights,
)

if TYPE_CHECKING:
    from labctl.learn.estimator import MemristorClassifier, MemristorRegressor

__all__ = [
    "DEAD",
    "FREE",
    "ActiveLearner",
    "AnalogueProducts",
    "Budget",
    "Calibration",
    "Chain",
    "ChoosesCells",
    "Comparison",
    "Constant",
    "Cyclical",
    "DifferentialPairs",
    "Encoding",
    "GateCurve",
    "KappaCoin",
    "Ledger",
    "Lin2025",
    "LinearRegression",
    "LogisticRegression",
    "Measured",
    "MemristorClassifier",
    "MemristorRegressor",
    "Metropolis",
    "Model",
    "Moments",
    "Network",
    "OperatingPoint",
    "OwnScale",
    "Pool",
    "PredictiveModel",
    "PulsePair",
    "RandomScan",
    "ReadNoise",
    "ReferenceColumn",
    "Replacement",
    "Results",
    "RoundingRule",
    "Rule",
    "Schedule",
    "SignRule",
    "SoftmaxRegression",
    "Spent",
    "StateAwareCoin",
    "Step",
    "StepCurves",
    "SumOfCells",
    "Task",
    "Tempered",
    "Transitions",
    "View",
    "WeightCells",
    "Weights",
    "breast_cancer",
    "calibrate",
    "compare",
    "evaluate",
    "find_pulses",
    "load_task",
    "measure_gate_curve",
    "measured",
    "place",
    "place_layers",
    "placement_map",
    "predict",
    "reference",
    "write_verify",
]


def __getattr__(name: str) -> Any:
    # scikit-learn takes a second to import: only those who want an estimator wait for it.
    if name in ("MemristorClassifier", "MemristorRegressor"):
        import importlib

        return getattr(importlib.import_module("labctl.learn.estimator"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
