"""Machine code as hotloop.inspect_asm shows it: basic blocks, natural loops, and what is in them.

Of LLVM's assembly for x86-64 (AT&T), as much is understood as the question takes what a loop does: labels,
jumps, returns, calls, and the names of the instructions for floats."""

import platform
import re

import pytest

needs_x86_64 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"),
                                  reason="reads x86-64's instructions")

_LABEL = re.compile(r"(\.LBB\w+):")
_JUMP = re.compile(r"j(\w+)\s+(\.LBB\w+)$")
_LOOK = re.compile(r"kortest|v?ptest|vtestp|v?movmskp|v?pmovmskb")
_CALL = re.compile(r"call")
# Sums, products and the like of doubles or singles: scalar, or packed in xmm, ymm or zmm. Logical operations,
# comparisons and conversions are none.
_FLOAT = re.compile(r"v?(?:add|sub|mul|div|sqrt|fn?m(?:add|sub)\d*|fmaddsub\d*)([ps])[sd]\b.*%[xyz]mm")


class Block:
    def __init__(self, label):
        self.label, self.lines, self.targets = label, [], []
        self.follows = None  # the block that is fallen into

    def successors(self):
        return self.targets + ([self.follows] if self.follows else [])


class Loop:
    """A natural loop: the blocks from which its header is reached without leaving what the header dominates."""

    def __init__(self, header, blocks):
        self.header, self.blocks = header, blocks  # in the order of the text

    @property
    def lines(self):
        return [line for block in self.blocks for line in block.lines]

    def __str__(self):
        return "\n".join(text for block in self.blocks for text in [f"{block.label}:", *block.lines])

    def calls(self):
        return [line for line in self.lines if _CALL.match(line)]

    def branches(self):
        """Its conditional jumps. A loop that only counts has one, whichever way it goes."""
        return [line for line in self.lines if (m := _JUMP.match(line)) and m[1] != "mp"]

    def scalar(self):
        """Its arithmetic on single floats."""
        return [line for line in self.lines if (m := _FLOAT.match(line)) and m[1] == "s"]

    def packed(self):
        """Its arithmetic on vectors of floats."""
        return [line for line in self.lines if (m := _FLOAT.match(line)) and m[1] == "p"]


def parse(text):
    """The blocks of the one function in the text, in their order."""
    body = re.search(r"^hl_region:$(.*?)^\.Lfunc_end", text, re.M | re.S)
    assert body, f"no function in {text[:2000]!r}"
    blocks, ended = [Block("entry")], False
    for line in body[1].splitlines():
        line = line.partition("#")[0].strip()
        label = _LABEL.fullmatch(line)
        if not line or line.startswith(".") and not label:
            continue
        if label or ended:
            blocks.append(Block(label[1] if label else f"{blocks[-1].label}+"))
            if ended != "for good":
                blocks[-2].follows = blocks[-1]
            ended = False
            if label:
                continue
        blocks[-1].lines.append(line)
        jump = _JUMP.match(line)
        if jump:
            blocks[-1].targets.append(jump[2])
            ended = "for good" if jump[1] == "mp" else "perhaps"
        elif re.match(r"ret|ud2", line):
            ended = "for good"
        else:
            assert not line.startswith("j"), f"a jump that is not understood: {line}"
    by_label = {block.label: block for block in blocks}
    assert len(by_label) == len(blocks)
    for block in blocks:
        missing = [label for label in block.targets if label not in by_label]
        assert not missing, f"{block.label} jumps to {missing}, which is nowhere"
        block.targets = [by_label[label] for label in block.targets]
    return blocks


def _dominators(blocks):
    """{block: blocks through which every way to it leads}, of those that can be reached."""
    reached, todo = [], [blocks[0]]
    while todo:
        block = todo.pop()
        if block not in reached:
            reached.append(block)
            todo += block.successors()
    before = {block: [b for b in reached if block in b.successors()] for block in reached}
    found = {block: set(reached) for block in reached}
    found[blocks[0]] = {blocks[0]}
    changed = True
    while changed:
        changed = False
        for block in reached[1:]:
            new = {block} | set.intersection(*(found[b] for b in before[block]))
            changed |= new != found[block]
            found[block] = new
    return found, before


def loops(text):
    """All loops, one per header, in the order of the text."""
    blocks = parse(text)
    dominators, before = _dominators(blocks)
    found = []
    for header in blocks:
        inside, todo = {header}, [b for b in before.get(header, ()) if header in dominators[b]]
        if not todo:
            continue
        while todo:
            block = todo.pop()
            if block not in inside:
                inside.add(block)
                todo += before[block]
        found.append(Loop(header, [b for b in blocks if b in inside]))
    return found


def innermost(text):
    """The loops in which there is no other one: where the time goes."""
    every = loops(text)
    headers = {loop.header for loop in every}
    return [loop for loop in every if not headers & set(loop.blocks) - {loop.header}]


def inner_loops(f):
    """The innermost loops with arithmetic on floats in the machine code of a jitted function."""
    import hotloop
    texts = hotloop.inspect_asm(f)
    assert texts, "there is no machine code"
    found = [loop for text in texts for loop in innermost(text) if loop.scalar() or loop.packed()]
    assert found, "no innermost loop computes with floats in\n" + "\n".join(texts)
    return found


def assert_only_counts(loop):
    """No call is made in it, and nothing is looked at but whether it is over."""
    calls, branches = loop.calls(), loop.branches()
    assert not calls, f"calls in an inner loop: {calls}\n{loop}"
    assert len(branches) == 1, f"{len(branches)} conditional jumps in an inner loop: {branches}\n{loop}"


def assert_checks_vectors(loop):
    """The same, but for one look at a vector of results: are all of them finite? No index is checked."""
    calls, branches = loop.calls(), loop.branches()
    assert not calls, f"calls in an inner loop: {calls}\n{loop}"
    looks = [line for line in loop.lines if _LOOK.match(line)]
    assert len(looks) <= 1 and len(branches) == 1 + len(looks), \
        f"{len(branches)} conditional jumps in an inner loop, of which {len(looks)} are for a vector:\n{loop}"


def assert_packed(loop, *operations):
    """Its arithmetic is on vectors, the named operations ("add", "mul", "div") among it; a fused one is two."""
    assert not loop.scalar(), f"arithmetic on single floats in an inner loop: {loop.scalar()}\n{loop}"
    for operation in operations:
        assert any(re.match(rf"v?({operation}|fn?m)", line) for line in loop.packed()), \
            f"no packed {operation} in an inner loop:\n{loop}"
