#!/usr/bin/env python3
"""Checks the rules of this tree that no compiler checks.

    tools/lint.py                       the sources
    tools/lint.py --exports DIR         what the modules in a build's .libs directory export
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREES = ("src", "hooks", "python", "tests", "bench", "demo", "docs", "tools")
TEXT = {".c", ".h", ".py", ".pth", ".json", ".md", ".txt", ".toml", ".map", ".ac", ".am", ".in", ""}
MAX_LINES = 1500
EXPORTS = {"_hotloop": {"PyInit__hotloop"}, "_llvm": {"hl_backend"}}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

problems = []


def problem(path, text, line=None):
    problems.append(f"{path.relative_to(ROOT)}{f':{line}' if line else ''}: {text}")


def forbid(path, text, pattern, why):
    for m in re.finditer(pattern, text):
        problem(path, f"{m.group().strip()}: {why}", text.count("\n", 0, m.start()) + 1)


def files():
    for path in ROOT.iterdir():
        if path.is_file() and path.name in ("configure.ac", "Makefile.am", "bootstrap", "README.md"):
            yield path
    for tree in TREES:
        for path in sorted((ROOT / tree).rglob("*")):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


def check_text(path, text):
    if text.count("\n") >= MAX_LINES and path.name != "results.json":  # raw data
        problem(path, f"{text.count(chr(10))} lines, {MAX_LINES} is too long")
    forbid(path, text, r"\b(TO" r"DO|FIX" r"ME)\b", "finish it, or write an issue")


def check_layers(path, text):
    """Which file may know CPython's insides, LLVM, NumPy."""
    where, name = path.relative_to(ROOT).parts[0], path.name
    if where == "src":
        forbid(path, text, r"pycore_\w+|Py_BUILD_CORE|PY_VERSION_HEX", "belongs into hooks/")
    if where in ("src", "hooks"):
        if not name.startswith("hl_llvm"):
            forbid(path, text, r"#\s*include\s*[<\"]llvm[-/].*", "LLVM is for src/hl_llvm*")
        if not re.fullmatch(r"hl_np\w*\.c", name):
            forbid(path, text, r"#\s*include\s*[<\"]numpy/.*", "NumPy is for src/hl_np*.c")


def check_cycles(includes):
    """A header that reaches itself."""
    done = set()

    def visit(path, chain):
        if path in chain:
            names = " -> ".join(p.name for p in chain[chain.index(path):] + [path])
            problem(path, f"include cycle: {names}")
        elif path not in done:
            for other in includes.get(path, ()):
                visit(other, chain + [path])
            done.add(path)

    for path in includes:
        visit(path, [])


def check_makefile(sources):
    """Makefile.am names every file that it has to, and none that is gone."""
    makefile = ROOT / "Makefile.am"
    named = set(re.findall(r"(?:src|hooks|tests/c|python)/[\w./-]+\.(?:[chm]\w*|py|pth|json|typed)\b",
                           makefile.read_text()))
    there = {str(p.relative_to(ROOT)) for p in sources}
    programs = {f"tests/c/{p.stem}.c" for p in sources if p.parent == ROOT / "tests/c"
                and re.search(rf"tests/c/{p.stem}\b", makefile.read_text())}
    for name in sorted(there - named - programs):
        problem(makefile, f"does not name {name}")
    for name in sorted(n for n in named if not (ROOT / n).exists()):
        problem(makefile, f"names {name}, which does not exist")


def check_sources():
    includes, listed = {}, []
    for path in files():
        text = path.read_text(encoding="utf-8")
        check_text(path, text)
        where = path.relative_to(ROOT).as_posix()
        if path.suffix in (".c", ".h") and where.startswith(("src/", "hooks/")):
            check_layers(path, text)
            includes[path] = [(path.parent / name).resolve()
                              for kind, name in INCLUDE.findall(text) if kind == '"']
        if re.match(r"(src|hooks|tests/c)/[^/]+\.[ch]$|python/.*\.(py|pth|json)$", where):
            listed.append(path)
    check_cycles(includes)
    check_makefile(listed)


def check_exports(libs):
    for module, allowed in EXPORTS.items():
        for so in libs.glob(f"{module}.*so"):
            nm = subprocess.run(["nm", "-D", "--defined-only", so], check=True, text=True,
                                capture_output=True).stdout
            exported = {line.split()[-1] for line in nm.splitlines()}
            if exported != allowed:
                problems.append(f"{so}: exports {sorted(exported)}, should be {sorted(allowed)}")
            break
        else:
            problems.append(f"{libs}: no {module} module")


if len(sys.argv) == 3 and sys.argv[1] == "--exports":
    check_exports(Path(sys.argv[2]))
elif len(sys.argv) == 1:
    check_sources()
else:
    sys.exit(__doc__)
print("\n".join(problems) or "lint: clean")
sys.exit(bool(problems))
