"""Bayesian logistic regression, under its short name."""

from labctl.learn.models.logistic import LogisticRegression, predict, sigmoid

__all__ = ["LogisticRegression", "predict", "sigmoid"]
