"""Which names a piece of code sets and needs, from its text alone."""

import ast
import builtins
import symtable
from collections.abc import Iterable

BUILTIN = frozenset(dir(builtins)) | {"__name__"}


def bound(code: str) -> set[str]:
    """Return the names that code sets where it stands, not inside functions."""
    top = symtable.symtable(code, "cell", "exec")
    return {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}


def used(code: str) -> set[str]:
    """Return the names that code reads and that are not local to a function of it."""
    top = symtable.symtable(code, "cell", "exec")
    names, inner = {s.get_name() for s in top.get_symbols() if s.is_referenced()}, list(top.get_children())
    while inner:
        table = inner.pop()
        names |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        inner += table.get_children()
    return names - BUILTIN


def missing(sources: Iterable[str], known: Iterable[str] = ()) -> set[str]:
    """Return what code needs, statement by statement, and has neither set before nor is given."""
    known, absent = set(known), set()
    for source in sources:
        for statement in ast.parse(source).body:
            code = ast.unparse(statement)
            own = bound(code) if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.For | ast.With) else set()
            absent |= used(code) - known - own - _walrus(statement)
            known |= bound(code)
    return absent


def _walrus(statement: ast.stmt) -> set[str]:
    """Return the names that a statement sets while it is evaluated."""
    return {node.target.id for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)}
