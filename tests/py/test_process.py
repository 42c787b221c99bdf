"""The compile thread and the process around it: fork, exit, threads, signals, a code generator that cannot
be loaded, other JIT compilers beside it. Every test runs programs in processes of their own."""

import os
import shutil
import sys
import textwrap
from pathlib import Path

import cli
import pytest

import hotloop

PRELUDE = """
import os, signal, sys, threading, time
import hotloop
from hotloop import jit, _hotloop

def make(k):
    "A new jitted function with a code object of its own, and its result for n = 200."
    ns = {}
    exec(f'''def f(n):
        t = {k}
        for i in range(n):
            if i & 1:
                t += i ^ {k}
            else:
                t -= i
        return t''', ns)
    return jit(ns['f']), ns['f'](200)

def native(f):
    return sum(sum(r['native']) for row in _hotloop.stats(f.__wrapped__.__code__)
               for loop in row['loops'] for r in loop['regions'])

def compile_tasks():
    "Status files of the threads that are called hotloop-compile."
    found = []
    for task in os.listdir('/proc/self/task'):
        with open(f'/proc/self/task/{task}/comm') as f:
            if f.read().strip() == 'hotloop-compile':
                with open(f'/proc/self/task/{task}/status') as s:
                    found.append(dict(line.split(':', 1) for line in s))
    return found

def child(work):
    "Forks; the child does `work` and must end well within 60 s."
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(60)
            work()
            status = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid

def reap(*pids):
    for pid in pids:
        status = os.waitpid(pid, 0)[1]
        assert status == 0, f'child ended with {status:#x}'
"""


def run(program, status=0, stderr="", **env):
    """Runs the program behind the prelude; its exit status and stderr must be as said."""
    env = {"HOTLOOP_THRESHOLD": "2", **env}
    result = cli.python("-X", "faulthandler", "-c", PRELUDE + textwrap.dedent(program), **env)
    assert (result.returncode, result.stderr) == (status, stderr), result.stdout + result.stderr
    return result.stdout


MODES = pytest.mark.parametrize("sync", ["0", "1"], ids=["background", "in-place"])


# --- fork -----------------------------------------------------------------------------------------

@MODES
def test_fork_while_compiling(sync):
    run("""
        for turn in range(12):
            functions = [make(100 * turn + k) for k in range(4)]
            for f, expected in functions:
                assert f(200) == expected
            time.sleep(turn % 6 * 0.003)     # the fork hits another moment each turn

            def work():
                for f, expected in functions:
                    assert f(200) == expected
                hotloop.wait()               # what the parent had queued is compiled here, too
                f, expected = make(7)
                for _ in range(3):
                    assert f(200) == expected
                    hotloop.wait()
                for g, expected in functions + [(f, expected)]:
                    before = native(g)
                    assert g(200) == expected
                    assert native(g) > before
            reap(child(work))
            hotloop.wait()
            for f, expected in functions:
                before = native(f)
                assert f(200) == expected
                assert native(f) > before
        """, HOTLOOP_SYNC=sync)


def test_child_has_no_thread_until_it_compiles():
    run("""
        f, expected = make(1)
        f(200), hotloop.wait(), f(200)
        assert native(f) and len(compile_tasks()) == 1

        def work():
            assert not compile_tasks()
            before = native(f)
            assert f(200) == expected and native(f) > before   # compiled code came along
            g, expected_g = make(2)
            g(200), hotloop.wait()
            assert g(200) == expected_g and native(g)
            assert len(compile_tasks()) == 1
            reap(child(lambda: g(200)))                         # and a grandchild
        reap(child(work))
        """)


def test_child_publishes_without_being_asked():
    """Jobs that were queued at the fork reach a child that only runs its loops."""
    run("""
        functions = [make(k) for k in range(6)]
        for f, _ in functions:
            f(200)

        def work():
            end = time.monotonic() + 30
            while not all(native(f) for f, _ in functions):
                assert time.monotonic() < end
                for f, expected in functions:
                    assert f(200) == expected
        reap(child(work))
        """)


def test_child_that_ends_as_programs_end():
    """Through the interpreter's and the C library's exit functions."""
    run("""
        for turn in range(8):
            functions = [make(100 * turn + k) for k in range(4)]
            for f, _ in functions:
                f(200)
            time.sleep(turn % 4 * 0.004)
            pid = os.fork()
            if pid == 0:
                if turn % 2:                # half of them with a thread of their own
                    make(7)[0](200)
                sys.exit(3)
            assert os.waitpid(pid, 0)[1] == 3 << 8
        """)


def test_fork_from_threads_while_others_compile():
    run("""
        stop = False
        errors = []

        def forker():
            try:
                for k in range(10):
                    def work():
                        f, expected = make(1000 + k)
                        f(200), hotloop.wait()
                        assert f(200) == expected and native(f)
                    reap(child(work))
            except BaseException as e:
                errors.append(e)

        def worker(base):
            k = base
            while not stop:
                f, expected = make(k)
                for _ in range(3):
                    assert f(200) == expected
                k += 1
                if k % 4 == 0:
                    hotloop.wait()   # or the children inherit a long queue
        threads = [threading.Thread(target=forker) for _ in range(2)]
        workers = [threading.Thread(target=worker, args=(10_000 * k,)) for k in range(2)]
        for t in threads + workers:
            t.start()
        for t in threads:
            t.join()
        stop = True
        for t in workers:
            t.join()
        assert not errors, errors
        """)


def test_subprocess_while_compiling():
    run("""
        import subprocess
        for k in range(15):
            f, expected = make(k)
            f(200)
            done = subprocess.run(['/bin/echo', str(k)], capture_output=True, text=True,
                                  preexec_fn=(lambda: None) if k % 2 else None)
            assert done.stdout == f'{k}\\n'
            assert f(200) == expected
        """)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method, tmp_path):
    (tmp_path / "work.py").write_text(textwrap.dedent("""
        import hotloop, os
        from hotloop import jit, _hotloop

        @jit
        def total(n):
            t = 0
            for i in range(n):
                t += i
            return t

        def call(n):
            for _ in range(3):
                result = total(n)
                hotloop.wait()
            rows = _hotloop.stats(total.__wrapped__.__code__)
            native = sum(sum(r['native']) for l in rows[0]['loops'] for r in l['regions'])
            return result, native > 0
        """))
    (tmp_path / "main.py").write_text(textwrap.dedent("""
        import multiprocessing, sys
        import work
        if __name__ == '__main__':
            work.total(100)
            with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                results = pool.map(work.call, range(500, 520))
            assert results == [(n * (n - 1) // 2, True) for n in range(500, 520)], results
        """))
    result = cli.python(tmp_path / "main.py", method, HOTLOOP_THRESHOLD="2")
    assert (result.returncode, result.stderr) == (0, "")


# --- exit -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("ending, status", [
    ("", 0),
    ("sys.exit(5)", 5),
    ("os._exit(6)", 6),
    ("import ctypes; ctypes.CDLL(None).exit(7)", 7),
    ("os.execv('/bin/sh', ['sh', '-c', 'exit 8'])", 8),
    ("os.kill(os.getpid(), signal.SIGKILL)", -9),
], ids=["end", "sys.exit", "os._exit", "C-exit", "exec", "SIGKILL"])
@pytest.mark.parametrize("delay", [0, 0.01])
def test_exit_while_compiling(ending, status, delay):
    run(f"""
        for k in range(8):
            make(k)[0](200)
        time.sleep({delay})
        {ending}
        """, status=status)


def test_c_exit_at_many_moments_of_a_compile():
    """LLVM's static objects must not be destroyed under the thread that uses them."""
    for delay in range(0, 30, 2):
        run(f"""
            import ctypes
            for k in range(6):
                make(k)[0](200)
            time.sleep({delay / 1000})
            ctypes.CDLL(None).exit(7)
            """, status=7)


def test_exit_by_exception_while_compiling():
    result = cli.python("-c", PRELUDE + "for k in range(8): make(k)[0](200)\nraise KeyError('end')",
                        HOTLOOP_THRESHOLD="2")
    assert result.returncode == 1 and result.stderr.endswith("KeyError: 'end'\n")


def test_exit_without_any_compile():
    assert run("print(len(compile_tasks()))") == "0\n"


def test_exit_with_daemon_threads_in_loops():
    run("""
        def loop(k):
            while True:
                f, expected = make(k)
                for _ in range(5):
                    assert f(200) == expected
                if k % 2:
                    hotloop.wait()
                k += 2
        for k in range(4):
            threading.Thread(target=loop, args=(1000 * k + k,), daemon=True).start()
        time.sleep(0.2)
        """)


def test_exit_functions_run_jitted_loops():
    """Registered before and after hotloop's import."""
    result = cli.python("-c", textwrap.dedent("""
        import atexit
        def call(name):
            for k in range(3):
                f, expected = make(k)
                for _ in range(3):
                    assert f(200) == expected
                    hotloop.wait()
            print(name)
        atexit.register(call, 'first')
        """) + PRELUDE + "atexit.register(call, 'last')\nmake(1)[0](200)", HOTLOOP_THRESHOLD="2")
    assert (result.returncode, result.stdout, result.stderr) == (0, "last\nfirst\n", "")


def test_exit_with_functions_alive_in_cycles():
    """Code objects die while the interpreter is taken apart."""
    run("""
        class Keep:
            def __init__(self, f):
                self.f, self.me = f, self
            def __del__(self):
                self.f(200)
        keep = [Keep(make(k)[0]) for k in range(5)]
        for k in keep:
            k.f(200)
        """)


# --- threads and signals --------------------------------------------------------------------------

def test_the_thread():
    """One, made at the first compile, that leaves all signals to the program."""
    run("""
        assert not compile_tasks()
        f, expected = make(1)
        f(200), hotloop.wait(), f(200)
        assert native(f) and threading.active_count() == 1
        task, = compile_tasks()
        blocked = int(task['SigBlk'], 16)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1):
            assert blocked >> (number - 1) & 1
        for k in range(5):
            make(k)[0](200)
        hotloop.wait()
        assert len(compile_tasks()) == 1
        """)


def test_in_place_there_is_no_thread():
    run("""
        f, expected = make(1)
        assert f(200) == expected and native(f) > 100
        assert not compile_tasks()
        """, HOTLOOP_SYNC="1")


def test_running_loop_notices_its_machine_code():
    """Nobody waits, nobody calls again: one call that lasts is enough."""
    run("""
        @jit
        def spin(seconds):
            t, end, clock = 0, time.monotonic() + seconds, 0
            while clock < 20_000_000:
                clock += 1
                t ^= clock
            return t
        spin(30)
        assert native(spin) > 10_000_000, native(spin)
        """)


def test_many_threads_make_and_drop_functions():
    run("""
        errors = []
        def worker(base):
            try:
                for k in range(base, base + 25):
                    f, expected = make(k)
                    for _ in range(4):
                        assert f(200) == expected
                    if k % 8 == 0:
                        hotloop.wait()
            except BaseException as e:
                errors.append(e)
        threads = [threading.Thread(target=worker, args=(1000 * t,)) for t in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not errors, errors
        """)


def test_threads_share_one_function():
    run("""
        f, expected = make(3)
        results = []
        def worker():
            for k in range(300):
                results.append(f(200))
                if k == 100:
                    hotloop.wait()
        threads = [threading.Thread(target=worker) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert results == [expected] * 1800, [r for r in results if r != expected][:5]
        assert native(f), _hotloop.stats(f.__wrapped__.__code__)
        """)


def test_signal_handlers_while_compiling():
    run("""
        hits = []
        signal.signal(signal.SIGALRM, lambda *a: hits.append(threading.current_thread().name))
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        for k in range(20):
            f, expected = make(k)
            for _ in range(5):
                assert f(200) == expected
            hotloop.wait()
        end = time.monotonic() + 30
        while not hits and time.monotonic() < end:
            pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert hits and set(hits) == {'MainThread'}
        """)


def test_functions_dropped_while_they_compile():
    run("""
        import gc, weakref
        dropped = []
        for k in range(60):
            f, expected = make(k)
            assert f(200) == expected
            dropped.append(weakref.ref(f.__wrapped__.__code__))
            del f
        gc.collect()
        assert not any(ref() for ref in dropped)
        hotloop.wait()
        """)


# --- the code generator ---------------------------------------------------------------------------

@pytest.fixture
def package(tmp_path):
    """A copy of the package without its code generator."""
    source = Path(hotloop.__file__).resolve().parent
    core = Path(hotloop._hotloop.__file__)
    target = tmp_path / "site" / "hotloop"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("_llvm*", "_hotloop*", "__pycache__"))
    shutil.copy(core, target)
    return target


BROKEN = """
for k in range(5):
    f, expected = make(k)
    for _ in range(20):
        assert f(200) == expected
        hotloop.wait()
    assert not native(f)
row, = _hotloop.stats(f.__wrapped__.__code__)
reasons = {stop['reason'] for loop in row['loops'] for stop in loop['stops']}
reasons |= {r['dead_why'] for loop in row['loops'] for r in loop['regions']}
assert 'llvm' in reasons | {loop['given_up_why'] for loop in row['loops']}, row
print(_hotloop.info()['backend'])
"""


@MODES
@pytest.mark.parametrize("content", [None, b"", b"this is no shared object\n" * 100],
                         ids=["missing", "empty", "garbage"])
def test_code_generator_that_cannot_be_loaded(package, content, sync):
    """Everything is interpreted, the reason is counted, the message is there to read."""
    if content is not None:
        (package / "_llvm.so").write_bytes(content)
    said = run(BROKEN, PYTHONPATH=str(package.parent), HOTLOOP_SYNC=sync)
    assert str(package / "_llvm.so") in said


def test_code_generator_is_found_after_chdir():
    run("""
        os.chdir('/')
        f, expected = make(1)
        f(200), hotloop.wait()
        assert f(200) == expected and native(f)
        """)


def test_interpreted_program_does_not_load_it():
    assert run("""
        def plain(n):
            return sum(range(n))
        plain(1000)
        print('_llvm.so' in open('/proc/self/maps').read())
        f, _ = make(1)
        f(200), hotloop.wait()
        print('_llvm.so' in open('/proc/self/maps').read())
        """) == "False\nTrue\n"


@MODES
@pytest.mark.parametrize("number", [1, 2])
def test_compile_that_fails(number, sync):
    """The other functions are compiled; the one that failed is interpreted and says so."""
    said = run("""
        functions = [make(k) for k in range(3)]
        for f, expected in functions:
            for _ in range(3):
                assert f(200) == expected
                hotloop.wait()
        print(sum(native(f) > 0 for f, _ in functions))
        """, HOTLOOP_SYNC=sync, HOTLOOP_TEST_LLVM_FAIL=str(number))
    if said == "3\n":
        pytest.skip("only builds with --enable-debug let a compile fail on demand")
    assert said == "2\n"


# --- HOTLOOP_DUMP ---------------------------------------------------------------------------------

DUMPED = """
@jit
def total(n):
    t = 0
    for i in range(n):
        t += i
    return t
total(200), hotloop.wait()
assert total(200) == 19900 and native(total)
"""


def test_dump(tmp_path):
    line = (PRELUDE + DUMPED).splitlines().index("    for i in range(n):", len(PRELUDE.splitlines())) + 1
    folder = tmp_path / "texts"
    run(DUMPED, HOTLOOP_DUMP=f"ir,llvm,asm:{folder}")
    names = sorted(p.name for p in folder.iterdir())
    assert f"total-{line}-1.ir" in names and f"total-{line}-1.rec.ir" in names
    assert {Path(n).suffix for n in names} == {".ir", ".ll", ".s"}
    assert "define " in (folder / f"total-{line}-1.ll").read_text()
    assert "ret" in (folder / f"total-{line}-1.s").read_text()
    assert (folder / f"total-{line}-1.ir").read_text().startswith("region total ")


@pytest.mark.parametrize("spec, complaint", [
    ("ir", "ir: must be like ir,llvm,asm:DIRECTORY"),
    ("ir,cobol:{0}", "ir,cobol:{0}: must be like ir,llvm,asm:DIRECTORY"),
    ("ir:/dev/null/x", "/dev/null/x: Not a directory"),
])
def test_dump_that_cannot_be_written(tmp_path, spec, complaint):
    """One line, and the program goes on."""
    run(DUMPED, stderr=f"hotloop: HOTLOOP_DUMP: {complaint.format(tmp_path)}\n",
        HOTLOOP_DUMP=spec.format(tmp_path))


# --- company --------------------------------------------------------------------------------------

NUMBA = """
import numba
@numba.njit
def theirs(n):
    t = 0.0
    for i in range(n):
        t += i * 0.5
    return t
assert theirs(1000) == sum(i * 0.5 for i in range(1000))
"""
OURS = """
for k in range(3):
    f, expected = make(k)
    f(200), hotloop.wait()
    assert f(200) == expected and native(f)
"""


@MODES
@pytest.mark.parametrize("order", ["numba first", "hotloop first", "both ways"])
def test_numba_in_the_same_process(order, sync):
    pytest.importorskip("numba")
    run({"numba first": NUMBA + OURS, "hotloop first": OURS + NUMBA,
         "both ways": OURS + NUMBA + OURS + NUMBA}[order], HOTLOOP_SYNC=sync)


def test_subinterpreter():
    """hotloop works in the main interpreter; another one must not bring the process down."""
    pytest.importorskip("_xxsubinterpreters")
    run("""
        import _xxsubinterpreters as interpreters
        f, expected = make(1)
        f(200), hotloop.wait()
        other = interpreters.create()
        interpreters.run_string(other, '''if 1:
            import sys
            sys.path[:] = %r
            try:
                from hotloop import jit
            except ImportError:
                pass
            else:
                @jit
                def g(n):
                    t = 0
                    for i in range(n):
                        t += i
                    return t
                for _ in range(5):
                    assert g(200) == 19900''' % (sys.path,))
        interpreters.destroy(other)
        before = native(f)
        assert f(200) == expected and native(f) > before
        """)
