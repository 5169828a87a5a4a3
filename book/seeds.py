"""Where seeds are taken and what they draw, read from the code: the tables of the page "Seeds"."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from book import contents

ROOT = contents.ROOT
#: Calls that make or set a generator. ``seed`` is one of a module: ``random.seed(0)``.
MAKERS = {"default_rng", "manual_seed", "SeedSequence", "RandomState", "Random"}
#: Arguments that are one.
ARGUMENTS = ("random_state", "seed")
DESCRIPTION = r"(?m)^[ ]*(?:\w+, )*seed(?:, \w+)*(?: : [^\n]+)?\n((?:[ ]+[^\n]+\n?)+)"


@dataclass(frozen=True)
class Row:
    """A place in the code: file below the root, name of the function or chapter, and what stands there."""

    file: str
    name: str
    text: str
    line: int = 0


class _Walk(ast.NodeVisitor):
    """Collect calls and definitions with the names of the functions and classes round them."""

    def __init__(self):
        self.names: list[str] = []
        self.calls: list[tuple[str, ast.Call]] = []
        self.definitions: list[tuple[str, ast.AST]] = []

    def inside(self, node) -> None:
        self.names.append(node.name)
        self.definitions.append((".".join(self.names), node))
        self.generic_visit(node)
        self.names.pop()

    visit_FunctionDef = visit_ClassDef = inside

    def visit_Call(self, node) -> None:
        self.calls.append((".".join(self.names), node))
        self.generic_visit(node)


def walked(path: Path) -> _Walk:
    """Return what is called and defined in a script."""
    walk = _Walk()
    walk.visit(ast.parse(path.read_text(encoding="utf-8")))
    return walk


def library(root: Path = ROOT) -> list[Path]:
    """Return the files of the library."""
    return sorted((root / "frlib").rglob("*.py"))


def takers(root: Path = ROOT) -> Iterator[Row]:
    """Yield the public functions and classes that take a seed, with what their docstrings say of it."""
    for path in library(root):
        for name, node in walked(path).definitions:
            if not name.startswith("_") and "._" not in name and takes_seed(node):
                found = re.search(DESCRIPTION, (ast.get_docstring(node) or "") + "\n")
                said = " ".join(found[1].split()) if found else ""
                yield Row(str(path.relative_to(root)), name, said, node.lineno)


def takes_seed(node) -> bool:
    """Return whether a function has an argument ``seed``, or a class a field."""
    named = [] if isinstance(node, ast.ClassDef) else [argument.arg for argument in node.args.kwonlyargs]
    return bool({"seed", "seeds"} & {*by_place(node), *named})


def by_place(node) -> list[str]:
    """Return the names of the arguments that may be given by their place, without ``self``; of a class its fields."""
    if isinstance(node, ast.ClassDef):
        return [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return names[names[:1] in (["self"], ["cls"]) :]


def places(root: Path = ROOT) -> dict[str, int]:
    """Return the place of the seed among the arguments of functions that take it by its place."""
    definitions = [definition for path in library(root) for definition in walked(path).definitions]
    return {
        name.rpartition(".")[2]: by_place(node).index("seed") for name, node in definitions if "seed" in by_place(node)
    }


def generators(paths: list[Path], root: Path = ROOT) -> Iterator[Row]:
    """Yield the places where a generator is made or set, with the expression of its seed, which may be empty."""
    for path in paths:
        for name, call in walked(path).calls:
            if (text := seed_of(call)) is not None:
                yield Row(str(path.relative_to(root)), name, text, call.lineno)


def seed_of(call: ast.Call) -> str | None:
    """Return the expression that seeds a generator; None if the call makes none."""
    name = ast.unparse(call.func)
    if name.rpartition(".")[2] in MAKERS or name in ("random.seed", "np.random.seed"):
        return ast.unparse(call.args[0]) if call.args else ""
    return next((ast.unparse(k.value) for k in call.keywords if k.arg == "random_state"), None)


def chapters(root: Path = ROOT) -> Iterator[Row]:
    """Yield the expressions that chapters seed with, once each: those of their own generators, and arguments."""
    known = places(root)
    for document in contents.chapters(root):
        path, seen = root / f"{document}.py", set()
        for _, call in walked(path).calls:
            given = [ast.unparse(k.value) for k in call.keywords if k.arg in ARGUMENTS]
            place = known.get(ast.unparse(call.func).rpartition(".")[2], len(call.args))
            given += [ast.unparse(argument) for argument in call.args[place : place + 1]]
            for text in given or [seed_of(call)]:
                row = Row(f"{document}.py", ast.unparse(call.func), text, call.lineno)
                if text is not None and (row.name, text) not in seen:
                    seen.add((row.name, text))
                    yield row


def unseeded(paths: list[Path], root: Path = ROOT) -> Iterator[Row]:
    """Yield what is drawn from a generator of the process, or from one without a seed."""
    for path in paths:
        module = re.search(r"(?m)^import random$", path.read_text(encoding="utf-8"))  # else it is a generator's name
        for name, call in walked(path).calls:
            function = ast.unparse(call.func)
            of_torch = re.fullmatch(r"torch\.(?:rand|randn|randint|randperm|multinomial|normal)(?:_like)?", function)
            own = {keyword.arg for keyword in call.keywords} & {"generator", "rng", "random_state"}
            of_process = re.fullmatch(rf"(np\.|numpy\.){'?' if module else ''}random\.(\w+)", function)
            if (of_torch and not own) or (of_process and seed_of(call) is None) or seed_of(call) == "":
                yield Row(str(path.relative_to(root)), name, function, call.lineno)
