"""A form made from the declaration of a procedure's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from labctl.gui.quantity import format_quantity, parse_quantity

_LONG = 38
"""Characters of a label that fit into the panel."""


class ParameterForm(QWidget):
    """One row per parameter: label, entry with unit, and a tool-tip with bounds and default.

    A wrong entry is marked and explained, and never sent.

    Parameters
    ----------
    declarations
        As :func:`labctl.parameters.declare` makes them.
    """

    changed = pyqtSignal()

    def __init__(self, declarations: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        layout = self._layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.setVerticalSpacing(4)
        self._fields = {str(d["name"]): _field(d) for d in declarations}
        self._hidden: set[str] = set()
        for field in self._fields.values():
            label = QLabel(field.label)
            # A long label must not make the fields wider than the panel; wrapped ones break early.
            label.setWordWrap(len(field.label) > _LONG)
            label.setToolTip(field.tooltip)
            field.widget.setToolTip(field.tooltip)
            field.widget.setAccessibleName(field.label)
            label.setBuddy(field.widget)
            if isinstance(field.widget, QCheckBox):
                field.widget.setText(field.label)
                layout.addRow(field.widget)
            else:
                layout.addRow(label, field.widget)
            field.on_change(self._changed)
        self._show_those_that_count()

    def names(self) -> list[str]:
        """Return the names of the parameters, in the order of the form."""
        return list(self._fields)

    def text(self, name: str) -> str:
        """Return what stands in the entry of ``name``."""
        return self._fields[name].text()

    def set_text(self, name: str, text: str) -> None:
        """Write ``text`` into the entry of ``name``; a parameter the form lacks is let be."""
        if name in self._fields:
            self._fields[name].set_text(text)

    def values(self) -> dict[str, Any]:
        """Return the value of each parameter that counts, in its own unit.

        Raises
        ------
        ValueError
            Naming the first entry that is not a value of its parameter, and what would be.
        """
        shown = {n: field for n, field in self._fields.items() if n not in self._hidden}
        return {name: field.value() for name, field in shown.items()}

    def errors(self) -> dict[str, str]:
        """Return what is wrong, by parameter; empty where all entries are right."""
        wrong: dict[str, str] = {}
        for name, field in self._fields.items():
            if name in self._hidden:
                continue
            try:
                field.value()
            except ValueError as error:
                wrong[name] = str(error)
        return wrong

    def reset(self) -> None:
        """Put every default back."""
        for field in self._fields.values():
            field.reset()

    def hidden(self) -> set[str]:
        """Return the names of parameters that do not count with the values of the others."""
        return set(self._hidden)

    def _show_those_that_count(self) -> None:
        for name, field in self._fields.items():
            conditions = field.declaration.get("visible_when") or {}
            visible = all(
                self._fields[other].meets(condition)
                for other, condition in conditions.items()
                if other in self._fields
            )
            (self._hidden.discard if visible else self._hidden.add)(name)
            self._layout.setRowVisible(field.widget, visible)

    def _changed(self) -> None:
        self._show_those_that_count()
        wrong = self.errors()
        for name, field in self._fields.items():
            field.mark(wrong.get(name))
        self.changed.emit()


class _Field:
    """An entry for text; the other kinds differ in how text becomes a value."""

    def __init__(self, declaration: Mapping[str, Any]) -> None:
        self.declaration = declaration
        self.unit = str(declaration.get("units") or "")
        name = str(declaration.get("label") or declaration["name"])
        self.label = f"{name} ({self.unit})" if self.unit else name
        self.default = declaration.get("default")
        self.tooltip = "\n".join(self._explain())
        self.widget: QWidget = self.make()
        self.reset()

    def make(self) -> QWidget:
        return QLineEdit()

    def on_change(self, call: Callable[[], None]) -> None:
        self._line.textChanged.connect(lambda _: call())

    def text(self) -> str:
        return self._line.text()

    def set_text(self, text: str) -> None:
        self._line.setText(text)

    def show(self, value: Any) -> str:
        return "" if value is None else str(value)

    def parse(self, text: str) -> Any:
        return text

    def value(self) -> Any:
        text = self.text().strip()
        if not text and self.default is None:
            return None
        try:
            return self.parse(text)
        except ValueError as error:
            raise ValueError(f"{self.label}: {error}") from error

    def meets(self, condition: Mapping[str, Any]) -> bool:
        """Tell whether the value is one of those that a condition names."""
        try:
            value = self.value()
        except ValueError:
            return False
        if "in" in condition:
            return value in condition["in"]
        low, high = condition.get("minimum"), condition.get("maximum")
        return value is not None and (
            (low is None or value >= low) and (high is None or value <= high)
        )

    def reset(self) -> None:
        self.set_text(self.show(self.default))

    def mark(self, error: str | None) -> None:
        self.widget.setToolTip(f"{error}\n\n{self.tooltip}" if error else self.tooltip)
        if self.widget.property("wrong") == bool(error):
            return
        self.widget.setProperty("wrong", bool(error))
        style = self.widget.style()
        if style is not None:
            style.unpolish(self.widget)
            style.polish(self.widget)

    @property
    def _line(self) -> QLineEdit:
        assert isinstance(self.widget, QLineEdit)
        return self.widget

    def _bound(self, which: str) -> float | None:
        bound = self.declaration.get(which)
        return None if bound is None else float(bound)

    def _explain(self) -> list[str]:
        lines = [str(self.declaration["text"])] if self.declaration.get("text") else []
        low, high = self._bound("minimum"), self._bound("maximum")
        if low is not None and high is not None:
            lines.append(f"{self._number(low)} to {self._number(high)}")
        elif low is not None:
            lines.append(f"at least {self._number(low)}")
        elif high is not None:
            lines.append(f"at most {self._number(high)}")
        if self.default is not None:
            lines.append(f"default: {self.show(self.default)}")
        lines.append(f"name: {self.declaration['name']}")
        return lines

    def _number(self, value: float) -> str:
        return format_quantity(value, self.unit)

    def _within(self, value: float) -> None:
        low, high = self._bound("minimum"), self._bound("maximum")
        if low is not None and value < low:
            raise ValueError(f"{self._number(value)} is below {self._number(low)}")
        if high is not None and value > high:
            raise ValueError(f"{self._number(value)} is above {self._number(high)}")


class _RealField(_Field):
    def show(self, value: Any) -> str:
        return "" if value is None else format_quantity(float(value), self.unit)

    def parse(self, text: str) -> Any:
        value = parse_quantity(text, self.unit)
        self._within(value)
        return value


class _WholeField(_RealField):
    def parse(self, text: str) -> Any:
        number = parse_quantity(text, self.unit)
        if number != int(number):
            raise ValueError(f"{text!r} is not a whole number")
        # Digits are taken as they stand: a seed has more of them than a float holds.
        value = int(text) if text.lstrip("+-").isdigit() else int(number)
        self._within(value)
        return value


class _TruthField(_Field):
    def make(self) -> QWidget:
        return QCheckBox()

    def on_change(self, call: Callable[[], None]) -> None:
        self._box.toggled.connect(lambda _: call())

    def text(self) -> str:
        return "true" if self._box.isChecked() else "false"

    def set_text(self, text: str) -> None:
        self._box.setChecked(text.strip().lower() in ("true", "1", "yes"))

    def parse(self, text: str) -> Any:
        return text == "true"

    @property
    def _box(self) -> QCheckBox:
        assert isinstance(self.widget, QCheckBox)
        return self.widget


class _ChoiceField(_Field):
    def make(self) -> QWidget:
        box = QComboBox()
        for choice in self.declaration["choices"]:
            box.addItem(str(choice), choice)
        return box

    def on_change(self, call: Callable[[], None]) -> None:
        self._combo.currentTextChanged.connect(lambda _: call())

    def text(self) -> str:
        return self._combo.currentText()

    def set_text(self, text: str) -> None:
        self._combo.setCurrentText(text)

    def value(self) -> Any:
        return self._combo.currentData()

    @property
    def _combo(self) -> QComboBox:
        assert isinstance(self.widget, QComboBox)
        return self.widget


class _NumbersField(_Field):
    def show(self, value: Any) -> str:
        return "" if value is None else ", ".join(f"{float(v):g}" for v in value)

    def parse(self, text: str) -> Any:
        try:
            return [float(part) for part in text.strip("[] ").split(",")]
        except ValueError as error:
            raise ValueError(f"{text!r} is not a list of numbers like '1, 2, 3'") from error


_KINDS: dict[str, type[_Field]] = {
    "boolean": _TruthField,
    "integer": _WholeField,
    "float": _RealField,
    "vector": _NumbersField,
}


def _field(declaration: Mapping[str, Any]) -> _Field:
    if declaration.get("choices"):
        return _ChoiceField(declaration)
    kind = _KINDS.get(str(declaration.get("type")), _Field)
    return kind(declaration)
