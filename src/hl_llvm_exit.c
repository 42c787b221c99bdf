/* hl_llvm_exit.c - keeps LLVM whole until the process is gone.
 *
 * exit() may be called while a compile is under way, by C code that knows nothing of us. It
 * destroys C++ objects in the reverse order of their making, and LLVM makes some of its own in the
 * middle of a compile: so those go first, before any exit function of ours could wait for the
 * compile to end. Hence the registration of destructors, which this file's shared object resolves
 * to the function below, does nothing: LLVM's memory goes with the process. (A shared libLLVM keeps
 * the C library's; there only exits through Python are safe.) */

int __cxa_atexit(void (*destroy)(void *), void *object, void *dso);

int __cxa_atexit(void (*destroy)(void *), void *object, void *dso)
{
    (void)destroy;
    (void)object;
    (void)dso;
    return 0;
}
