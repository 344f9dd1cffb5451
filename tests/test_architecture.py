"""The house rules that a machine can check: import arrows run one way and never in a circle, rooms stay small."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kseg"

# Each room may import itself, the rooms named here, and the ground floor.
GROUND_FLOOR = {
    "allocator",
    "atomic",
    "conventions",
    "door",
    "errors",
    "field_types",
    "npz",
    "ranges",
    "reading",
    "registry",
    "signature",
    "wording",
}
MAY_IMPORT = {
    "allocator": set(),
    "ranges": set(),
    "conventions": set(),
    "door": set(),
    "errors": set(),
    "registry": set(),
    "atomic": set(),
    "wording": set(),
    "reading": set(),
    "npz": set(),
    "field_types": set(),
    "signature": set(),
    "structures": set(),
    "losses": set(),
    "metrics": {"structures"},
    "layers": set(),
    "encoders": {"layers"},
    "models": {"encoders", "layers"},
    "postprocess": {"layers", "structures"},
    "datasets": {"structures"},
    "pipeline": {"structures", "losses", "datasets", "encoders"},
    "tasks": {"structures", "losses", "metrics", "layers", "datasets", "pipeline"},
    "inference": {
        "structures", "metrics", "layers", "encoders", "models", "postprocess", "datasets", "pipeline", "tasks",
    },
    "training": {
        "structures", "losses", "metrics", "layers", "encoders", "models", "postprocess", "datasets", "pipeline",
        "tasks", "inference",
    },
    "report": {
        "structures", "losses", "metrics", "models", "datasets", "pipeline", "tasks", "inference", "training",
    },
    "export": {"structures", "models", "inference", "datasets", "tasks"},
}  # fmt: skip
TOP_FLOORS = {"lab": {"cli"}, "cli": set(), "__main__": set()}  # may import everything but these

MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of all that a module imports, at its head or inside of functions: "kseg.errors.UsageError"."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_rooms(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("kseg.")}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def import_graph() -> dict[str, set[str]]:
    """Module → modules of kseg that it imports: at its head, inside of a function, or for its types alone."""
    modules = {module_of(path): path for path in MODULES}

    def owner(name: str) -> str | None:
        return name if name in modules else name.rpartition(".")[0] if name.rpartition(".")[0] in modules else None

    return {
        module: {found for name in imported(path) if (found := owner(name))} - {module}
        for module, path in modules.items()
    }


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_points_upward(path):
    room = room_of(path)
    if room == "__init__":
        return  # the package itself only hooks the data set builders
    imported = imported_rooms(path) - {room} - GROUND_FLOOR - {"__version__"}
    if room in TOP_FLOORS:
        assert not imported & TOP_FLOORS[room]
    else:
        assert imported <= MAY_IMPORT[room], f"{room} must not import {imported - MAY_IMPORT[room]}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_say_what_they_are_and_stay_small(path):
    source = path.read_text()
    assert ast.get_docstring(ast.parse(source)), f"{path} has no module docstring"
    assert len(source.splitlines()) <= 400, f"{path} is two rooms"
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


LONGEST_FILE, LONGEST_FUNCTION, MOST_LONGER = 300, 60, 10


def longer() -> set[str]:
    """Files as "kseg/a.py" and functions as "kseg/a.py function" that are too long."""
    names = set()
    for path in MODULES:
        source, name = path.read_text(), path.relative_to(PACKAGE.parent).as_posix()
        names |= {name} if len(source.splitlines()) > LONGEST_FILE else set()
        names |= {
            f"{name} {node.name}"
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= LONGEST_FUNCTION
        }
    return names


def test_what_is_longer_than_it_should_be_has_a_reason():
    reasons = re.findall(r"^\| `(kseg/[^`]+)` \| \S", (PACKAGE.parent / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert longer() == {name for name in reasons if not name.endswith("/")}, (
        "split it, or say in CONTRIBUTING.md why not"
    )
    assert len(longer()) <= MOST_LONGER


FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
FILLERS, LONGEST_LIFE, LONGEST_WITHOUT_STEPS = {"found", "said", "kept", "own"}, 3, 25


def long_lives(scope: ast.AST) -> set[str]:
    """Names of `FILLERS` that are used more than two lines below their assignment, as "name in lines 3 to 9"."""
    statements = [node for node in scope.body if not isinstance(node, (*FUNCTION, ast.ClassDef))]
    nodes = [node for part in (statements if isinstance(scope, ast.Module) else [scope]) for node in ast.walk(part)]
    added_to = {id(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
    uses = [
        (node.lineno, node.id, isinstance(node.ctx, ast.Store) and id(node) not in added_to)
        for node in nodes
        if isinstance(node, ast.Name) and node.id in FILLERS
    ]
    uses += [(node.lineno, node.arg, True) for node in nodes if isinstance(node, ast.arg) and node.arg in FILLERS]
    begun: dict[str, int] = {}
    long = set()
    for line, name, assigned in sorted(uses):
        begun[name] = line if assigned else begun.get(name, line)
        long |= {f"{name} in lines {begun[name]} to {line}"} if line - begun[name] >= LONGEST_LIFE else set()
    return long


def has_steps(function: ast.FunctionDef, lines: list[str]) -> bool:
    """Whether a body is short, its docstring not counted, or has comments "# 1. …", "# 2. …"."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    begins_at = function.body[0].end_lineno + 1 if has_docstring else function.body[0].lineno
    inside = lines[function.lineno : function.end_lineno]
    steps = [line for line in inside if re.match(r"\s*# \d+( and \d+)?\. \S", line)]
    return function.end_lineno - begins_at < LONGEST_WITHOUT_STEPS or len(steps) > 1


def test_names_say_what_they_hold_and_long_bodies_have_steps():
    lives, without_steps = set(), set()
    for path in MODULES:
        source, name = path.read_text(), path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(source)
        functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTION)]
        lives |= {f"{name}: {life}" for scope in (tree, *functions) for life in long_lives(scope)}
        without_steps |= {f"{name} {one.name}" for one in functions if not has_steps(one, source.splitlines())}
    assert not lives, "a name that lives longer than three lines says what it holds"
    assert not without_steps, "a body of more than 25 lines has a comment a step: # 1. ..., # 2. ..."


def test_no_modules_import_each_other_in_a_circle():
    try:
        TopologicalSorter(import_graph()).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' imports '.join(reversed(error.args[1]))}")
