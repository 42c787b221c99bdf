"""Makes a program smaller for as long as a test says that it still shows what it showed.

Works on the syntax tree: takes out statements, one after the other and many at once, puts bodies in the
place of compound statements, operands and small constants in the place of expressions."""

import ast
import time

_LISTS = ("body", "orelse", "finalbody", "handlers", "decorator_list", "elts", "args", "values", "names")
_LITERALS = (0, 1, 1.0, True)


def _valid(text):
    try:
        compile(text, "<reduced>", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


class Reducer:
    def __init__(self, source, test, seconds):
        self.tree = ast.parse(source)
        self.test = test
        self.deadline = time.monotonic() + seconds
        self.tried = {self.text()}
        self.changed = False

    def text(self):
        return ast.unparse(ast.fix_missing_locations(self.tree)) + "\n"

    def late(self):
        return time.monotonic() > self.deadline

    def keeps(self):
        """Is the tree, as it was changed, still such a program?"""
        try:
            text = self.text()
        except Exception:  # no tree that has a text
            return False
        if self.late() or text in self.tried or not _valid(text):
            return False
        self.tried.add(text)
        good = self.test(text)
        self.changed |= good
        return good

    def lists(self):
        for node in ast.walk(self.tree):
            for name in _LISTS:
                items = getattr(node, name, None)
                if isinstance(items, list):
                    yield node, name, items

    def cut(self):
        """Takes out items of statement lists, tuples, calls..., long stretches first."""
        for node, name, items in list(self.lists()):
            size = len(items)
            while size:
                at = len(items) - size
                while at >= 0 and not self.late():
                    before = items[:]
                    del items[at:at + size]
                    if name == "body" and not items and not isinstance(node, ast.Module):
                        items.append(ast.Pass())
                    if len(before) == 1 and isinstance(before[0], ast.Pass) or not self.keeps():
                        items[:] = before
                    at -= size
                size //= 2

    def unwrap(self):
        """Puts the statements in a compound statement in its place."""
        for _, name, items in list(self.lists()):
            at = 0
            while at < len(items) and not self.late():
                if isinstance(items[at], ast.stmt) and not isinstance(items[at], (ast.FunctionDef, ast.ClassDef)):
                    for part in ("body", "orelse", "finalbody"):
                        inner = getattr(items[at], part, None)
                        before = items[:]
                        if isinstance(inner, list) and inner:
                            items[at:at + 1] = inner
                            if self.keeps():
                                break
                            items[:] = before
                at += 1

    def simplify(self):
        """Puts an operand or a constant in the place of an expression."""
        for node in list(ast.walk(self.tree)):
            for name, value in list(ast.iter_fields(node)):
                slots = [(value, k) for k in range(len(value))] if isinstance(value, list) else [(node, name)]
                for owner, key in slots:
                    self.replace(owner, key)

    def replace(self, owner, key):
        at_index = isinstance(owner, list)
        old = owner[key] if at_index else getattr(owner, key)
        if not isinstance(old, ast.expr) or isinstance(getattr(old, "ctx", None), (ast.Store, ast.Del)):
            return
        if isinstance(old, ast.Constant):
            candidates = [ast.Constant(v) for v in _LITERALS if type(v) is type(old.value) and v != old.value]
            if isinstance(old.value, int) and abs(old.value) > 3:
                candidates.append(ast.Constant(old.value // 2))
        else:
            candidates = [c for c in ast.iter_child_nodes(old) if isinstance(c, ast.expr)]
            candidates += [ast.Constant(v) for v in _LITERALS] if not isinstance(old, ast.Name) else []
        for new in candidates:
            if self.late():
                return
            owner.__setitem__(key, new) if at_index else setattr(owner, key, new)
            if self.keeps():
                self.replace(owner, key)
                return
        owner.__setitem__(key, old) if at_index else setattr(owner, key, old)

    def run(self):
        best = self.text()
        while not self.late():
            self.changed = False
            for step in (self.cut, self.unwrap, self.cut, self.simplify):
                step()
            best = self.text()
            if not self.changed:
                break
        return best


def reduce(source, test, seconds=60):
    """The smallest program that was found in that time for which test(text) is true, as it is for `source`."""
    return Reducer(source, test, seconds).run()
