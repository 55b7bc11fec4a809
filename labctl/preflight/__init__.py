"""The pre-flight of a bench: everything that can be told of it without stressing a cell."""

from labctl.preflight.finding import Finding, Outcome, Report
from labctl.preflight.flight import Wishes, preflight

__all__ = ["Finding", "Outcome", "Report", "Wishes", "preflight"]
