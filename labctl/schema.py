"""The JSON schema of what a procedure is run with, for editors and for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.procedure import Procedure

_PAIRS = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
}
_TYPES: dict[str, dict[str, Any]] = {
    # Text may carry a unit, as in "200 mV"; bounds are those of numbers.
    "float": {"type": ["number", "string"]},
    "integer": {"type": ["integer", "string"]},
    "boolean": {"type": ["boolean", "string"]},
    "cells": {"anyOf": [{"type": "string", "minLength": 1}, _PAIRS]},
    "vector": {"type": ["array", "string"], "items": {"type": "number"}},
}


def schema_of(procedure: type[Procedure]) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the parameters of a procedure.

    ``unit`` is an annotation of our own. A parameter that counts only where others have certain
    values is allowed only there (``if``, ``then``, ``else``).
    """
    declared = {str(each["name"]): each for each in procedure.declaration()}
    schema: dict[str, Any] = {
        "title": procedure.name,
        "description": procedure.about(),
        "type": "object",
        "properties": {name: _property(each) for name, each in declared.items()},
        "required": [
            name
            for name, each in declared.items()
            if each["default"] is None and not each.get("visible_when")
        ],
        "additionalProperties": False,
    }
    rules = [
        _rule(name, each["visible_when"], declared)
        for name, each in declared.items()
        if each.get("visible_when")
    ]
    return {**schema, "allOf": rules} if rules else schema


def _property(each: Mapping[str, Any]) -> dict[str, Any]:
    kind = (
        {"enum": each["choices"]} if each["choices"] is not None else _TYPES.get(each["type"], {})
    )
    found: dict[str, Any] = {"title": each["label"], **kind}
    for name, key in (("text", "description"), ("units", "unit"), ("default", "default")):
        if each[name] not in (None, ""):
            found[key] = each[name]
    for end in ("minimum", "maximum"):
        if each[end] is not None:
            found[end] = each[end]
    return found


def _rule(
    name: str, conditions: Mapping[str, Mapping[str, Any]], declared: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what forbids ``name`` except where the conditions hold."""
    asked: dict[str, Any] = {}
    named = []
    for other, condition in conditions.items():
        default = declared[other]["default"]
        asked[other] = {"enum": condition["in"]} if "in" in condition else dict(condition)
        if not _by_default(condition, default):
            named.append(other)  # left out it has its default, which is not among those asked for
    needed = [name] if declared[name]["default"] is None else []
    rule: dict[str, Any] = {"if": {"properties": asked, "required": named}}
    if needed:
        rule["then"] = {"required": needed}
    return {**rule, "else": {"properties": {name: False}}}


def _by_default(condition: Mapping[str, Any], default: Any) -> bool:
    if default is None:
        return False
    if "in" in condition:
        return default in condition["in"]
    low, high = condition.get("minimum"), condition.get("maximum")
    return (low is None or default >= low) and (high is None or default <= high)
