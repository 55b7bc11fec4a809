"""Lines of keys in TOML files with arrays of tables, dotted keys and long texts."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.tomlplace import line_of

TEXT = '''\
[campaign]
name = "x"
text = """
[[step]]
name = 'not this'
"""     # behind it
more = "a # b" # """

[[step]]
name = "a"
parameters.cells = "all"
parameters.gate = 5
[[step.step]]
name = "b"
for.x = [
  "step = 1",
]
[[step.step]]
name = "c"
[[step]]
name = "d"
[step.parameters]
stop = 1
[[step.step]]
name = "e"
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("campaign", "more"), 7),
        (("step", "0"), 9),
        (("step", "0", "name"), 10),
        (("step", "0", "parameters"), 11),
        (("step", "0", "parameters", "gate"), 12),
        (("step", "0", "parameters", "unknown"), 11),
        (("step", "0", "step", "0", "name"), 14),
        (("step", "0", "step", "0", "for", "x"), 15),
        (("step", "0", "step", "1", "name"), 19),
        (("step", "1", "name"), 21),
        (("step", "1", "parameters", "stop"), 23),
        (("step", "1", "step", "0", "name"), 25),
        (("step", "7"), 9),
        (("nothing",), None),
    ],
)
def test_each_key_is_found_where_it_stands(key, line):
    tomllib.loads(TEXT)
    assert line_of(TEXT, key) == line


steps = st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=8)


@given(steps, st.integers(0, 3))
def test_nested_steps_are_counted_as_toml_counts_them(tree, blank):
    lines, expected = [], {}

    def write(items, header, key):
        for number, item in enumerate(items):
            lines.extend([""] * blank)
            lines.append(f"[[{header}]]")
            lines.append(f'name = "{"/".join(key)}/{number}"')
            expected[(*key, str(number), "name")] = len(lines)
            write(item, f"{header}.step", (*key, str(number), "step"))

    write(tree, "step", ("step",))
    text = "\n".join(lines)
    data = tomllib.loads(text)
    for key, line in expected.items():
        assert line_of(text, key) == line
        found = data
        for part in key:
            found = found[int(part)] if part.isdigit() else found[part]
        assert lines[line - 1] == f'name = "{found}"'
