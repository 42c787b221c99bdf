"""Inner loops that are hot are what a C compiler makes of them: no call, nothing that is checked in every
iteration, and vectors where the order of float operations allows them."""

import importlib.util
import math
import os
import textwrap

import pytest

import asm
import native
from differ import MODES, params

np = pytest.importorskip("numpy")
pytestmark = asm.needs_x86_64

_KERNELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "kernels")


def compiled(function, *args, mode=MODES["sync"], calls=3, **options):
    """The function, jitted and called."""
    import hotloop
    with params(**mode):
        f = hotloop.jit(type(function)(function.__code__.replace(), function.__globals__), **options)
        for _ in range(calls):
            f(*args)
    native.assert_native(f, 0.5)
    return f


def kernel(name, **options):
    """A kernel of the benchmarks, recorded when users have it recorded."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(_KERNELS, f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return compiled(module.kernel, *module.inputs(module.SMOKE), mode=dict(sync=1), **options)


# -- Kernels -------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["heat_2d", "saxpy"])
def test_inner_loops_are_vectors(name):
    """What is left over, less than a vector, is done one by one."""
    loops = [loop for loop in asm.inner_loops(kernel(name)) if loop.packed()]
    assert loops, "no inner loop works on vectors"
    for loop in loops:
        asm.assert_packed(loop, "add", "mul")
        asm.assert_checks_vectors(loop)


def test_inner_loops_check_nothing():
    for loop in asm.inner_loops(kernel("matmul")):
        asm.assert_only_counts(loop)


def test_a_sum_has_its_order():
    """Four products of a matrix product's row and column, and four additions, one after the other."""
    loops = [loop for loop in asm.inner_loops(kernel("matmul")) if loop.scalar()]
    assert loops and not any(loop.packed() for loop in loops)
    assert {len(loop.scalar()) for loop in loops} == {8}


def test_iterations_of_an_outer_loop_side_by_side():
    """Eight of them, in vectors, each with its product and its sum, and one end for all."""
    def nest(a, b, c):
        for i in range(len(b)):
            y = 0.5
            for k in range(len(a)):
                y = y * b[i] + a[k]
            c[i] = y
    f = compiled(nest, numbers(9), numbers(50), np.zeros(50))
    loops = [loop for loop in asm.inner_loops(f) if loop.packed()]
    assert loops
    for loop in loops:
        asm.assert_only_counts(loop)
        asm.assert_packed(loop, "add", "mul")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_of_a_matrix_product_side_by_side(dtype):
    """Each item's sum has its order; eight items have theirs in one vector."""
    def product(a, b, c):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                c[i, j] = 0.0
                for k in range(a.shape[1]):
                    c[i, j] += a[i, k] * b[k, j]
    a = numbers(400, dtype).reshape(20, 20)
    f = compiled(product, a, a.T.copy(), np.zeros((20, 20), dtype), calls=20)
    loops = [loop for loop in asm.inner_loops(f) if loop.packed()]
    assert loops
    for loop in loops:
        asm.assert_only_counts(loop)
        asm.assert_packed(loop, "add", "mul")


# -- Branches ------------------------------------------------------------------------------------

def test_a_search_moves_its_bounds_without_a_branch():
    """LLVM would branch, as the next iteration waits for the bounds; what it guesses is wrong every other time."""
    import hotloop
    (text,) = hotloop.inspect_asm(kernel("binary_search"))
    moves = [line for loop in asm.innermost(text) for line in loop.lines if line.startswith("cmov")]
    assert len(moves) >= 2


@pytest.mark.parametrize("turns, times", [("at random", 1), ("seldom", 0)])
def test_what_goes_this_way_and_that_is_unpredictable(turns, times):
    import hotloop

    def count(a):
        small = large = 0
        for x in a:
            if x < 500:
                small += 1
            else:
                large += 3
        return small, large
    a = np.arange(3000) % 1000 if turns == "seldom" else np.random.default_rng(4).integers(0, 1000, 3000)
    f = compiled(count, a)
    assert f(a) == count(a)
    text = "\n".join(hotloop.inspect_ir(f))
    assert "select" in text and ("select unpredictable" in text) == times


# -- fastmath ------------------------------------------------------------------------------------

def dot(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


def in_an_item(a, c):
    for i in range(len(a)):
        c[0] += a[i] * a[i]
    return c[0]


def halves(n):
    total = 0.0
    for i in range(n):
        total += 0.5 * i
    return total


def quotients(a, b, x):
    for i in range(len(a)):
        b[i] = a[i] / x
    return b.sum()


def numbers(n, dtype=np.float64):
    return (np.arange(n) * 2654435761 % 1000003 / 1000003.0).astype(dtype)


SUMS = [(dot, lambda: (numbers(3000), numbers(3000))),
        (dot, lambda: (numbers(3000, np.float32), numbers(3000, np.float32))),
        (in_an_item, lambda: (numbers(3000), np.zeros(1))),
        (halves, lambda: (3000,))]


@pytest.mark.parametrize("function, make", SUMS)
def test_sums_with_fastmath_are_vectors(function, make):
    f = compiled(function, *make(), fastmath=True)
    loops = [loop for loop in asm.inner_loops(f) if loop.packed()]
    assert loops, "no inner loop works on vectors"
    for loop in loops:
        asm.assert_only_counts(loop)
        asm.assert_packed(loop, "add")
    assert native.native_share(f) > 0.9
    expected, result = function(*make()), f(*make())
    assert type(result) is type(expected)
    assert math.isclose(result, expected, rel_tol=1e-3 if isinstance(result, np.float32) else 1e-13)


@pytest.mark.parametrize("function, make", SUMS)
@pytest.mark.parametrize("fastmath", [False, {"afn", "arcp", "nnan"}])
def test_sums_without_it_are_not(function, make, fastmath):
    f = compiled(function, *make(), fastmath=fastmath)
    assert not any("add" in line.split()[0] for loop in asm.inner_loops(f) for line in loop.packed())
    assert f(*make()) == function(*make())


def test_sum_of_squares_with_fastmath():
    loops = [loop for loop in asm.inner_loops(kernel("sum_of_squares", fastmath=True)) if loop.packed()]
    assert loops
    for loop in loops:
        asm.assert_only_counts(loop)
        asm.assert_packed(loop, "add", "mul")


def test_quotients_with_fastmath_are_products():
    args = numbers(3000) + 1.0, np.zeros(3000), 3.7
    f = compiled(quotients, *args, fastmath=True)
    loops = [loop for loop in asm.inner_loops(f) if loop.packed()]
    assert loops and not any("div" in line for loop in loops for line in loop.lines)
    assert math.isclose(f(*args), quotients(*args), rel_tol=1e-13)
    f = compiled(quotients, *args)
    assert any("div" in line for loop in asm.inner_loops(f) for line in loop.packed())
    assert f(*args) == quotients(*args)


# Of x from 0.1 to 0.9.
FUNCTIONS = ["exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh",
             "expm1", "log1p", "log2", "log10", "cbrt", "exp2", "erf", "erfc", "pow", "atan2"]
UFUNCS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "atanh": "arctanh",
          "pow": "power", "atan2": "arctan2", "erf": None, "erfc": None}


def has_vectors_of(name):
    """Is it in the C library for all x86-64 processors?"""
    import ctypes
    try:
        return hasattr(ctypes.CDLL("libmvec.so.1"), f"_ZGVbN2{'vv' if name in ('pow', 'atan2') else 'v'}_{name}")
    except OSError:
        return False


@pytest.mark.parametrize("module", ["math", "np"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_with_fastmath_are_those_for_vectors(name, module):
    ufunc = UFUNCS.get(name, name)
    if module == "np" and not ufunc or not hasattr(math, name):
        pytest.skip("there is none")
    call = f"{module}.{name if module == 'math' else ufunc}(x{', 1.7' if name in ('pow', 'atan2') else ''})"
    names = {"math": math, "np": np}
    exec(textwrap.dedent(f"""\
        def each(a, c):
            for i in range(len(a)):
                x = a[i]
                c[i] = {call}
        """), names)
    a = 0.1 + 0.8 * numbers(3000)
    expected, c = np.zeros(3000), np.zeros(3000)
    names["each"](a, expected)
    f = compiled(names["each"], a, c, fastmath=True)
    assert native.native_share(f) > 0.9
    assert np.max(np.abs(c - expected) / np.spacing(np.abs(expected))) <= 6  # both may be off
    import hotloop
    assert any("_ZGV" in text for text in hotloop.inspect_asm(f)) == has_vectors_of(name)
    f = compiled(names["each"], a, c)
    assert c.tobytes() == expected.tobytes()
    assert not any("_ZGV" in text for text in hotloop.inspect_asm(f))


# -- The parser ----------------------------------------------------------------------------------

def test_what_is_looked_at_in_every_iteration_is_found():
    def gather(a, index):
        t = 0.0
        for i in range(len(index)):
            t += a[index[i]]
        return t
    f = compiled(gather, np.arange(50.0), np.arange(3000) % 50)
    with pytest.raises(AssertionError, match="conditional jumps in an inner loop"):
        for loop in asm.inner_loops(f):
            asm.assert_only_counts(loop)
    with pytest.raises(AssertionError, match="arithmetic on single floats"):
        for loop in asm.inner_loops(f):
            asm.assert_packed(loop, "add")


def test_calls_are_found():
    def sines(n):
        t = 0.0
        for _ in range(n):
            t += math.sin(t + 1.0)
        return t
    f = compiled(sines, 3000)
    with pytest.raises(AssertionError, match="calls in an inner loop"):
        for loop in asm.inner_loops(f):
            asm.assert_only_counts(loop)


TEXT = """\
.LCPI0_0:
	.quad	7
hl_region:
	movq	(%rdi), %rax # .LBB0_1:
	vmovsd	(%rax), %xmm0
	jmp	.LBB0_1
	.p2align	4, 0x90
.LBB0_1:                                # %outer
	cmpq	$8, %rax
	jb	.LBB0_4
.LBB0_2:
	vaddpd	(%rcx,%rdx,8), %ymm1, %ymm1
	vandpd	%ymm1, %ymm1, %ymm2
	addq	$4, %rdx
	cmpq	%rdx, %rsi
	jne	.LBB0_2
	callq	*%r15
	testl	%eax, %eax
	je	.LBB0_1
.LBB0_4:
	mulsd	%xmm1, %xmm0
	cmpq	%rdx, %rsi
	jbe	.LBB0_6
	decq	%rsi
	jmp	.LBB0_4
.LBB0_6:
	retq
.LBB0_7:
	jmp	.LBB0_7
.Lfunc_end0:
"""


def test_loops_of_a_text():
    assert [(loop.header.label, [b.label for b in loop.blocks]) for loop in asm.loops(TEXT)] == [
        (".LBB0_1", [".LBB0_1", ".LBB0_2", ".LBB0_2+"]), (".LBB0_2", [".LBB0_2"]),
        (".LBB0_4", [".LBB0_4", ".LBB0_4+"])]  # nothing leads to the last one
    first, second = asm.innermost(TEXT)
    assert (first.header.label, second.header.label) == (".LBB0_2", ".LBB0_4")
    asm.assert_only_counts(first)
    asm.assert_only_counts(second)
    assert first.packed() == ["vaddpd\t(%rcx,%rdx,8), %ymm1, %ymm1"] and first.scalar() == []
    assert second.scalar() == ["mulsd\t%xmm1, %xmm0"] and second.packed() == []
    asm.assert_packed(first, "add")
    with pytest.raises(AssertionError, match="no packed mul"):
        asm.assert_packed(first, "mul")
    with pytest.raises(AssertionError, match="on single floats"):
        asm.assert_packed(second, "mul")
    with pytest.raises(AssertionError, match="calls in an inner loop"):
        asm.assert_only_counts(asm.loops(TEXT)[0])


@pytest.mark.parametrize("line, packed, scalar", [
    ("vfmadd231pd\t%zmm6, %zmm6, %zmm2", 1, 0), ("vfnmsub213sd\t(%rax), %xmm1, %xmm0", 0, 1),
    ("addpd\t%xmm1, %xmm0", 1, 0), ("vmulps\t(%rax), %ymm0, %ymm0", 1, 0), ("sqrtsd\t%xmm0, %xmm0", 0, 1),
    ("vaddpd\t{sae}, %zmm0, %zmm1, %zmm2 {%k1} {z}", 1, 0), ("vpaddq\t%ymm0, %ymm1, %ymm1", 0, 0),
    ("vcmpltpd\t%ymm0, %ymm1, %k0", 0, 0), ("vxorpd\t%xmm0, %xmm0, %xmm0", 0, 0), ("addq\t$8, %rax", 0, 0),
    ("vcvtdq2pd\t%xmm0, %ymm0", 0, 0), ("movsd\t(%rax), %xmm0", 0, 0),
])
def test_arithmetic(line, packed, scalar):
    (loop,) = asm.loops(f"hl_region:\n.LBB0_1:\n\t{line}\n\tjne\t.LBB0_1\n\tretq\n.Lfunc_end0:\n")
    assert (len(loop.packed()), len(loop.scalar())) == (packed, scalar)


@pytest.mark.parametrize("text, message", [
    ("nothing", "no function"),
    ("hl_region:\n\tjne\t.LBB0_1\n\tretq\n.Lfunc_end0:\n", "which is nowhere"),
    ("hl_region:\n\tjmpq\t*%rax\n.Lfunc_end0:\n", "not understood"),
])
def test_texts_that_are_not_understood(text, message):
    with pytest.raises(AssertionError, match=message):
        asm.loops(text)
