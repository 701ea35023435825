"""Imports go down only, from room to room; no file is longer than one can take in."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TIERS = (  # rooms, lowest first; a room imports itself and those of lower tiers
    ("command_line", "nets"),
    ("config", "model"),
    ("datasets",),
    ("evaluation", "checkpointing"),
    ("export",),
    ("training", "reports", "catalogue"),
    ("comparison",),
    ("demo", "benchmarks"),
)
TIER = {room: tier for tier, rooms in enumerate(TIERS) for room in rooms}
ENTRY = len(TIERS)  # everything else at the top
LONGEST = 300  # lines
HEAVY = {"tensorflow", "keras"}
PIXELS = {"datasets.images", "datasets.image_cache"}  # where datasets/ may use TensorFlow


def read_sources():
    """{module: source} of all files but the tests."""
    rooms = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    files = [file for folder in (ROOT, *rooms) for file in folder.glob("*.py")]
    return {module(str(file.relative_to(ROOT))): file.read_text("utf-8") for file in files}


def module(file):
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(sources):
    """Yields (module, line, what it imports), also within functions; `from a import b` gives a.b
    where that is a module."""
    for name, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                yield from ((name, node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield name, node.lineno, inner if inner in sources else node.module


def tier(name):
    return TIER.get(name.split(".")[0], ENTRY)


def upward(sources):
    """Imports of another room that is not on a lower tier."""
    return [
        f"{name}, line {line}: imports {other}"
        for name, line, other in imports(sources)
        if other in sources
        and name.split(".")[0] != other.split(".")[0]
        and tier(other) >= tier(name)
    ]


def of_entry_scripts(sources):
    return [
        f"{name}, line {line}: imports the script {other}"
        for name, line, other in imports(sources)
        if other in sources and tier(other) == ENTRY
    ]


def cycles(sources):
    """Modules that import themselves by way of others."""
    graph = {name: set() for name in sources}
    for name, _, other in imports(sources):
        if other in sources and other != name:
            graph[name].add(other)
    while leaves := [name for name, others in graph.items() if not others]:
        graph = {n: others.difference(leaves) for n, others in graph.items() if n not in leaves}
    return [f"{name}: in or above a cycle with {sorted(others)}" for name, others in graph.items()]


def too_long(sources):
    lengths = {name: len(source.splitlines()) for name, source in sources.items()}
    return [f"{name}: {lines} lines" for name, lines in lengths.items() if lines > LONGEST]


def heavy(sources):
    """TensorFlow or Keras in command_line/, config.py, a package's __init__, or datasets/ beyond
    the pixels."""
    light = {"command_line", "config", "datasets"}
    return [
        f"{name}, line {line}: imports {other}"
        for name, line, other in imports(sources)
        if other.split(".")[0] in HEAVY
        and (name.split(".")[0] in light or name in TIER)
        and name not in {"model", *PIXELS}
    ]


RULES = {
    upward: {"datasets.a": "import training.b", "training.b": ""},
    of_entry_scripts: {"train_val": "", "training.b": "def f():\n    from train_val import main"},
    cycles: {"nets.a": "from nets import b", "nets.b": "from nets.a import f", "nets.c": ""},
    too_long: {"nets.a": "x = 1\n" * (LONGEST + 1)},
    heavy: {"datasets.shoes": "import tensorflow as tf"},
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_repository_keeps(rule):
    sources = read_sources()
    assert len(sources) > 50
    assert rule(sources) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_planted_fault_is_found_by(rule):
    assert rule(RULES[rule])


def test_tests_are_not_too_long_either():
    tests = {str(p): p.read_text("utf-8") for p in (ROOT / "tests").rglob("*.py")}
    assert too_long(tests) == []
