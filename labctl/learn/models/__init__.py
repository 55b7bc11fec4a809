"""Posteriors to learn: one model a file, all of one protocol."""

from labctl.learn.models.linear import LinearRegression
from labctl.learn.models.logistic import LogisticRegression
from labctl.learn.models.model import Model, PredictiveModel
from labctl.learn.models.network import Network
from labctl.learn.models.softmax import SoftmaxRegression

__all__ = [
    "LinearRegression",
    "LogisticRegression",
    "Model",
    "Network",
    "PredictiveModel",
    "SoftmaxRegression",
]
