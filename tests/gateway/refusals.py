"""Every refusal the code can make, read from its source: code, sentence and what to do next.

A refusal is a call of `Problem` or of what derives from it. Where a function or a class hands its own parameter on as the
code or the sentence, its calls are refusals too, and so on upwards. What cannot be followed is told as such: it must
become findable, or be one of those that hand on what another process said.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FOLDERS: Final = ("contracts", "gateway", "kit", "services")
OTHERS: Final = frozenset({ROOT / "kit" / "bus", ROOT / "kit" / "inbox.py"})
"""What the bus refuses is told to no person, and its classes have names of ours."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Expr = ast.expr | None


@dataclass(frozen=True)
class Refusal:
    where: str
    code: str
    sentence: str
    remedy: bool

    @property
    def places(self) -> frozenset[str]:
        return frozenset(name for _, name, _, _ in Formatter().parse(self.sentence) if name)


@dataclass(frozen=True)
class Scope:
    path: Path
    outer: tuple[ast.Module | ast.ClassDef | Function, ...]

    @property
    def function(self) -> Function | None:
        return next((node for node in reversed(self.outer) if isinstance(node, Function)), None)

    @property
    def owner(self) -> ast.ClassDef | None:
        return next((node for node in reversed(self.outer) if isinstance(node, ast.ClassDef)), None)


@dataclass(frozen=True)
class Call:
    node: ast.Call
    scope: Scope

    @property
    def where(self) -> str:
        within = self.scope.function
        return f"{self.scope.path.relative_to(ROOT)}: {_name(self.node)} in {within.name if within else 'the module'}"


@dataclass(frozen=True)
class Parameter:
    """A part of a refusal that the callers of `callee` give."""

    callee: str
    path: Path
    names: tuple[str, ...]
    name: str


@dataclass
class Source:
    """`unknown`: where a code or sentence cannot be followed."""

    calls: list[Call] = field(default_factory=list)
    classes: dict[str, tuple[ast.ClassDef, Path]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for folder in FOLDERS:
            for path in sorted((ROOT / folder).rglob("*.py")):
                if not OTHERS & {path, *path.parents}:
                    self._read(ast.parse(path.read_text()), Scope(path, ()))
        self.family = {"Problem"}
        while True:
            more = {n for n, (node, _) in self.classes.items() if self.family & {ast.unparse(b) for b in node.bases}}
            if more <= self.family:
                break
            self.family |= more

    def _read(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.ClassDef):
            self.classes[node.name] = node, scope.path
        if isinstance(node, ast.Call):
            self.calls.append(Call(node, scope))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            scope = Scope(scope.path, (*scope.outer, node))
        for child in ast.iter_child_nodes(node):
            self._read(child, scope)

    def refusals(self) -> Iterator[Refusal]:
        for call in self.calls:
            if (own := self._constructor(call)) is not None:
                code, detail, remedy = self._given(call, own, ("code", "detail", "remedy"))
                yield from self._follow(call, code, detail, remedy, call.where)

    def nouns(self) -> set[str]:
        """What `NotFound` may say is not there."""
        found: set[str] = set()
        for call in self.calls:
            if _name(call.node) == "NotFound":
                found |= {noun for noun in self._values(call.node.args[0], call.scope) or () if isinstance(noun, str)}
        return found

    def _constructor(self, call: Call) -> tuple[str, ...] | None:
        """The parameters of the class that this call makes a refusal of, if they hold its code; else None."""
        name, within = _name(call.node), call.scope.owner
        if name == "__init__" and within is not None and within.name in self.family and within.name != "Problem":
            bases = [ast.unparse(base) for base in within.bases]
            return self._initial(bases[0])
        return ("code", "detail") if name in self.family and not self._own_initial(name) else None

    def _initial(self, name: str) -> tuple[str, ...]:
        own = self._own_initial(name)
        return tuple(arg.arg for arg in own.args.args[1:]) if own and name != "Problem" else ("code", "detail")

    def _own_initial(self, name: str) -> Function | None:
        """The `__init__` that a class has itself or from a class between it and Problem."""
        while name != "Problem" and name in self.classes:
            node, _ = self.classes[name]
            for part in node.body:
                if isinstance(part, Function) and part.name == "__init__":
                    return part
            name = ast.unparse(node.bases[0]) if node.bases else "Problem"
        return None

    def _given(self, call: Call, names: Sequence[str], wanted: Sequence[str]) -> list[Expr]:
        words = {word.arg: word.value for word in call.node.keywords if word.arg}
        listed: list[ast.expr] = []
        for argument in call.node.args:
            if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Name):
                values = _assigned(argument.value, call.scope)
                listed += values[0].elts if values and isinstance(values[0], ast.Tuple) else [argument]
            else:
                listed.append(argument)
        return [words.get(name, dict(zip(names, listed, strict=False)).get(name)) for name in wanted]

    def _follow(self, call: Call, code: Expr, detail: Expr, remedy: Expr, where: str) -> Iterator[Refusal]:
        codes, details = self._values(code, call.scope), self._values(detail, call.scope)
        if codes is None or details is None:
            self.unknown.add(where)
            return
        for one, other in product(codes, details):
            if isinstance(one, str) and isinstance(other, str):
                yield Refusal(where, one, other, remedy=not (remedy is None or _is_none(remedy)))
                continue
            parameter = one if isinstance(one, Parameter) else other
            assert isinstance(parameter, Parameter)
            for caller in self._callers(parameter):
                given = self._given(caller, parameter.names, [p.name for p in (one, other) if isinstance(p, Parameter)])
                defaults = self._defaults(parameter)
                filled = [
                    value or defaults.get(p.name)
                    for value, p in zip(given, [p for p in (one, other) if isinstance(p, Parameter)], strict=True)
                ]
                parts: list[Expr] = [
                    filled.pop(0) if isinstance(p, Parameter) else ast.Constant(p) for p in (one, other)
                ]
                told = self._given(caller, parameter.names, ["remedy"])[0] or remedy
                yield from self._follow(caller, parts[0], parts[1], told, caller.where)

    def _callers(self, parameter: Parameter) -> list[Call]:
        return [
            call
            for call in self.calls
            if _name(call.node) == parameter.callee
            and (not parameter.callee.startswith("_") or call.scope.path == parameter.path)
        ]

    def _defaults(self, parameter: Parameter) -> dict[str, ast.expr]:
        own = self.classes.get(parameter.callee)
        if own is None:
            return {}
        initial = next(part for part in own[0].body if isinstance(part, Function) and part.name == "__init__")
        names = [arg.arg for arg in initial.args.args]
        return dict(zip(reversed(names), reversed(initial.args.defaults), strict=False))

    def _values(self, given: Expr, scope: Scope) -> list[str | Parameter] | None:
        """What an expression may be; None where that cannot be read."""
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            return [given.value]
        if isinstance(given, ast.IfExp):
            one, other = self._values(given.body, scope), self._values(given.orelse, scope)
            return None if one is None or other is None else [*one, *other]
        if isinstance(given, ast.Attribute) and ast.unparse(given).startswith("self._") and scope.owner is not None:
            return self._parameter(scope.owner.name, scope.path, _initial_of(scope.owner), given.attr.lstrip("_"))
        if isinstance(given, ast.Name):
            if assigned := _assigned(given, scope):
                found = [self._values(value, scope) for value in assigned]
                return None if any(part is None for part in found) else [one for part in found for one in part or ()]
            if scope.function is not None:
                within = scope.function.name == "__init__" and scope.owner is not None
                name = scope.owner.name if within and scope.owner else scope.function.name
                return self._parameter(name, scope.path, scope.function, given.id)
        return None

    def _parameter(self, callee: str, path: Path, of: Function | None, name: str) -> list[str | Parameter] | None:
        if of is None:
            return None
        names = tuple(arg.arg for arg in of.args.args if arg.arg != "self")
        known = {*names, *(arg.arg for arg in of.args.kwonlyargs)}
        return [Parameter(callee, path, names, name)] if name in known else None


def _initial_of(owner: ast.ClassDef) -> Function | None:
    return next((part for part in owner.body if isinstance(part, Function) and part.name == "__init__"), None)


def _assigned(name: ast.Name, scope: Scope) -> list[ast.expr]:
    """What a name was last set to before it is used, in the nearest function or else the module."""
    for outer in reversed(scope.outer):
        if isinstance(outer, ast.ClassDef):
            continue
        found = [
            node
            for node in ast.walk(outer)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and any(isinstance(target, ast.Name) and target.id == name.id for target in _targets(node))
            and (node.lineno < name.lineno or isinstance(outer, ast.Module))
        ]
        if found or isinstance(outer, Function):
            return [node.value for node in found[-1:] if node.value is not None]
    return []


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _is_none(given: ast.expr) -> bool:
    return isinstance(given, ast.Constant) and given.value is None
