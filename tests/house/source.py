"""The house as text: its files, their syntax trees, and how a complaint is worded.

A complaint names file and line and says what to do, so that whoever broke a rule need not look for it.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORE_ROOMS = ("domain", "pipeline", "intake", "ledger", "availability", "propagation", "workflows")
LAYERS = (
    ("config",),
    ("api", "console"),
    ("pipeline",),
    ("intake", "propagation", "workflows"),
    ("availability",),
    ("ledger",),
    ("catalog",),
    ("connections",),
    ("access",),
    ("cases",),
    ("audit",),
    ("support",),
    ("domain",),
)


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file of ours, parsed."""

    path: str
    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]

    @property
    def room(self) -> str:
        parts = self.path.split("/")
        return parts[1] if parts[0] == "inventory_sync" and len(parts) > 2 else ""

    def at(self, node: ast.AST, words: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {words}"


def parsed(path: str, text: str) -> Source:
    tree = ast.parse(text, filename=path)
    return Source(path, text, tree, tuple(ast.walk(tree)))


@cache
def read(path: str) -> Source:
    return parsed(path, (ROOT / path).read_text(encoding="utf-8"))


@cache
def tracked() -> tuple[str, ...]:
    """Return every file that is or would be committed, by its path from the root."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        names = listing.stdout.splitlines()
    else:  # a copy without its history
        hidden = (".git", ".venv", "var", "node_modules")
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        names = [
            str(path) for path in found if path.parts[0] not in hidden and "__pycache__" not in path.parts
        ]
    return tuple(sorted(name for name in set(names) if (ROOT / name).is_file()))


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return the parsed Python files of some top folders, migrations left out."""
    names = (name for name in tracked() if name.endswith(".py") and name.split("/")[0] in folders)
    return tuple(read(name) for name in names if "/migrations/" not in name)


def imports(source: Source) -> Iterator[tuple[str, ast.AST]]:
    """Yield every module a file imports; `from a import b` yields both a and a.b."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node
            for name in node.names:
                yield f"{node.module}.{name.name}", node


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def dotted(node: ast.AST) -> str:
    """Return a.b.c for an attribute chain, with calls and subscripts in it skipped; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    return ""


def aliases(source: Source) -> dict[str, str]:
    """Return what each imported name stands for: `utc_now` → inventory_sync.support.clock.utc_now."""
    found: dict[str, str] = {}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for name in node.names:
                found[name.asname or name.name.split(".")[0]] = (
                    name.name if name.asname else name.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                found[name.asname or name.name] = f"{node.module}.{name.name}"
    return found


def meant(node: ast.AST, names: dict[str, str]) -> str:
    """Return the full dotted name an expression means, imports resolved."""
    first, dot, rest = dotted(node).partition(".")
    return names.get(first, first) + dot + rest


def docstrings(source: Source) -> set[int]:
    """Return the ids of the constants that are docstrings."""
    found = set()
    for node in source.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(id(first.value))
    return found


def assert_none(complaints: Iterable[str]) -> None:
    found = sorted(set(complaints))
    assert not found, "\n" + "\n".join(found)
