"""A posterior at another temperature, as a model of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.models.model import PredictiveModel, Product, Rows


class ColdPosterior:
    """The posterior of a model to the power ``1 / temperature``, sampled at temperature 1.

    A chain at a temperature samples the same density, but gives each weight the conductance that
    its *prior* asks for. Here the prior is as narrow as the tempered one really is,
    ``prior_sd * sqrt(temperature)``, so that a pulse is a smaller part of the weight: with networks
    of thousands of weights that is the difference between learning and noise. Networks are
    commonly sampled cold (Wenzel et al., ICML (2020)).

    Parameters
    ----------
    model
        The posterior at temperature 1.
    temperature
        Below 1 a narrower density, above 1 a wider one.

    Raises
    ------
    ProcedureError
        For a temperature that is not finite and positive.
    """

    def __init__(self, model: PredictiveModel, temperature: float) -> None:
        if not 0 < temperature < np.inf:
            raise ProcedureError(f"A temperature is a finite number above 0; got {temperature}.")
        self.model, self.temperature = model, float(temperature)

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.model.size

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of each layer's table of weights."""
        return self.model.shapes

    @property
    def prior_sd(self) -> float | NDArray[np.float64]:
        """Standard deviations of the tempered priors."""
        return self.model.prior_sd * self.temperature**0.5

    def gradient(
        self, weights: NDArray[np.float64], rows: Rows = None, product: Product | None = None
    ) -> NDArray[np.float64]:
        """See :meth:`labctl.learn.models.PredictiveModel.gradient`."""
        if product is None:  # a model of one's own may know nothing of products
            return self.model.gradient(weights, rows) / self.temperature
        return self.model.gradient(weights, rows, product) / self.temperature

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """See :meth:`labctl.learn.models.Model.curvature`."""
        found = self.model.curvature(weights)
        return None if found is None else found / self.temperature

    def log_likelihood(self, weights: NDArray[np.float64]) -> float:
        """Return the log likelihood of the training labels, nat; that of the model itself."""
        return self.model.log_likelihood(weights)

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return the log density that is sampled, nat, up to a constant."""
        return self.model.log_posterior(weights) / self.temperature

    def predict(
        self, weights: ArrayLike, x: ArrayLike, product: Product | None = None
    ) -> NDArray[np.float64]:
        """See :meth:`labctl.learn.models.PredictiveModel.predict`."""
        if product is None:
            return self.model.predict(weights, x)
        return self.model.predict(weights, x, product)

    def with_data(self, x: ArrayLike, y: ArrayLike) -> ColdPosterior:
        """Return the same with these data in place of its own."""
        return ColdPosterior(self.model.with_data(x, y), self.temperature)

    def extend(self, x: ArrayLike, y: ArrayLike) -> ColdPosterior:
        """Return the same with these data besides its own."""
        return ColdPosterior(self.model.extend(x, y), self.temperature)

    def __len__(self) -> int:
        return len(self.model)
