"""The sentences that Python sources may say to a user: errors, warnings, reasons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_HELP = {"help", "description", "epilog", "metavar"}


def messages(place: Path) -> Iterator[str]:
    """Yield the sentences of a folder or file, with ``{}`` for all that is filled in.

    Docstrings and help of the command line are none.
    """
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        yield from filter(_is_sentence, _texts(ast.parse(path.read_text(encoding="utf-8"))))


def _texts(node: ast.AST) -> Iterator[str]:
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if is_docstring or (isinstance(node, ast.keyword) and node.arg in _HELP):
        return
    if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
        yield _constant_parts(node)
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)


def _is_sentence(text: str) -> bool:
    """Return whether a text is a sentence; not if it is hardly more than what is filled in.

    It may go on with what is filled in: a reason, or another sentence.
    """
    words = re.findall(r"[A-Za-z]{2,}", text)
    ends = text.endswith((".", ": {}")) or (". " in text and text.endswith(("{}", ")")))
    return ends and len(words) > 3 and "\n" not in text and "(c)" not in text  # a licence


def _constant_parts(node: ast.expr) -> str:
    """Return a text with ``{}`` for all that is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_constant_parts(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _constant_parts(node.left) + _constant_parts(node.right)
    return "{}"
