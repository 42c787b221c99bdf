/* hl_llvm.c - the code generator's session: LLVM set up once, then one module per compile.
 *
 * A module lives in a context of its own, which is disposed of as soon as the object file is made,
 * so that nothing of LLVM's IR outlives a compile. ORC links the object under a resource tracker,
 * and removing the tracker frees the machine code. LLVM reports what goes wrong through errors and
 * the two reporters below; all become the caller's message. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "hl_llvm_int.h"
#include "hl_mem.h"

struct HlCodeBlob {
    HlEntry entry;
    size_t size;
    LLVMOrcResourceTrackerRef tracker;
};

/* The message of a call under way; the first one wins, as later ones are its consequences. */
typedef struct Message {
    char *text;
    size_t size;
} Message;

/* Made by the first call and kept for the life of the process. */
static struct {
    LLVMTargetMachineRef machine;
    LLVMTargetDataRef layout;
    char *triple;
    LLVMOrcLLJITRef jit;
    LLVMOrcJITDylibRef dylib;
    bool vectors;       /* machine code can call functions for vectors */
    Message message;    /* of the call under way, for ORC's reporter */
    unsigned long made; /* functions so far: makes their names unique */
} session;

/* What of LLVM's -O2 a region profits from, in a third of its time. Left out: everything between
 * functions; loop unrolling and interleaving, which only lengthen code (strips are short, and the
 * other loops have exits); induction variables, which strips have simple, and
 * GVN, as the region's own passes merge what is equal. Behind the vectoriser, value propagation removes
 * the scalar remainders, as a strip's length is a multiple of every vector's. */
#define PASSES(slp)                                                                                \
    "mem2reg,early-cse,simplifycfg,instcombine<no-verify-fixpoint>,"                               \
    "loop-mssa(loop-rotate,licm),simplifycfg,instcombine<no-verify-fixpoint>,early-cse<memssa>,"   \
    "loop-vectorize<interleave-forced-only;no-vectorize-forced-only>,loop(loop-unroll-full)," slp  \
    "instcombine<no-verify-fixpoint>,correlated-propagation,"                                      \
    "simplifycfg<hoist-common-insts>,sroa,early-cse<memssa>"
#define PIPELINE(slp, behind) "function<eager-inv>(" PASSES(slp) behind ")"
/* SLP makes vectors of iterations that are side by side, and of floats that are stored one after the other;
 * elsewhere it pairs the scalars of a dependency chain, and so sends a generator's integers through vector
 * registers. With fastmath, a product with a reciprocal is made a quotient again by instcombine, which moves the
 * reciprocal back into the loop. */
static const char *const passes[2][2] = {/* [SLP][fastmath] */
                                         {PIPELINE("", ""), PIPELINE("", ",loop-mssa(licm)")},
                                         {PIPELINE("slp-vectorizer,", ""),
                                          PIPELINE("slp-vectorizer,", ",loop-mssa(licm)")}};

/* --- messages --------------------------------------------------------------------------------- */

static bool said(const Message *m)
{
    return m->size > 0 && m->text[0] != '\0';
}

static void say(Message *m, const char *text)
{
    if (m->size > 0 && !said(m))
        snprintf(m->text, m->size, "%s", text);
}

/* true when there was an error; consumes it. */
static bool failed(Message *m, LLVMErrorRef error)
{
    if (!error)
        return false;
    char *text = LLVMGetErrorMessage(error);
    say(m, text);
    LLVMDisposeErrorMessage(text);
    return true;
}

static void on_jit_error(void *ctx, LLVMErrorRef error)
{
    (void)ctx;
    failed(&session.message, error);
}

static void on_diagnostic(LLVMDiagnosticInfoRef info, void *ctx)
{
    if (LLVMGetDiagInfoSeverity(info) != LLVMDSError)
        return;
    char *text = LLVMGetDiagInfoDescription(info);
    say(ctx, text);
    LLVMDisposeMessage(text);
}

/* --- session ---------------------------------------------------------------------------------- */

/* Loop strength reduction takes a tenth of the code generator's time and makes nothing faster: strips
 * have simple induction variables. And short innermost loops begin where 32 bytes do: one that lies in two lines of
 * the processor's cache of decoded instructions may take half as long again. LLVM has only global options for that,
 * which are set in an LLVM that nobody else uses. */
static void set_options(void)
{
#ifdef HL_LLVM_STATIC
    static const char *const options[] = {"hotloop", "-disable-lsr",
                                          "-x86-experimental-pref-innermost-loop-alignment=5"};
    static bool done;
    if (!done)
        LLVMParseCommandLineOptions(HL_COUNTOF(options), options, NULL);
    done = true; /* LLVM ends the process when it is told twice */
#endif
}

/* Scattered stores are single ones inside of the processor, and those that begin with each item's index beside each
 * other take longer than a loop: a sieve a third. */
#define TUNED ",+prefer-no-scatter"

static LLVMTargetMachineRef make_machine(const char *triple, Message *m)
{
    LLVMTargetRef target;
    char *error = NULL;
    if (LLVMGetTargetFromTriple(triple, &target, &error)) {
        say(m, error);
        LLVMDisposeMessage(error);
        return NULL;
    }
    char *cpu = LLVMGetHostCPUName(), *features = LLVMGetHostCPUFeatures();
    char tuned[strlen(features) + sizeof TUNED];
    snprintf(tuned, sizeof tuned, "%s" TUNED, features);
    LLVMTargetMachineRef machine = LLVMCreateTargetMachine(
        target, triple, cpu, tuned, LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    if (!machine)
        say(m, "no target machine for this CPU");
    return machine;
}

/* Gives machine code C functions, by name. */
static LLVMErrorRef define_symbols(const HlRtSymbol *symbols, int n)
{
    LLVMOrcExecutionSessionRef es = LLVMOrcLLJITGetExecutionSession(session.jit);
    LLVMOrcCSymbolMapPair pairs[n + 1];
    for (int i = 0; i < n; i++) {
        const HlRtSymbol *s = &symbols[i];
        pairs[i].Name = LLVMOrcExecutionSessionIntern(es, s->name);
        pairs[i].Sym.Address = (LLVMOrcExecutorAddress)(uintptr_t)s->address;
        pairs[i].Sym.Flags.GenericFlags =
            LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable;
        pairs[i].Sym.Flags.TargetFlags = 0;
    }
    return LLVMOrcJITDylibDefine(session.dylib, LLVMOrcAbsoluteSymbols(pairs, (size_t)n));
}

static bool session_open(Message *m)
{
    if (session.dylib)
        return true;
    if (!session.machine) {
        set_options();
        LLVMInitializeNativeTarget();
        LLVMInitializeNativeAsmPrinter();
        session.triple = LLVMGetDefaultTargetTriple();
        session.machine = make_machine(session.triple, m);
        if (!session.machine)
            return false;
        session.layout = LLVMCreateTargetDataLayout(session.machine);
    }
    LLVMTargetMachineRef own = make_machine(session.triple, m); /* LLJIT takes it over */
    if (!own)
        return false;
    LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
        builder, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(own));
    if (failed(m, LLVMOrcCreateLLJIT(&session.jit, builder)))
        return false;
    LLVMOrcExecutionSessionSetErrorReporter(LLVMOrcLLJITGetExecutionSession(session.jit),
                                            on_jit_error, NULL);
    session.dylib = LLVMOrcLLJITGetMainJITDylib(session.jit);
    if (failed(m, define_symbols(hl_llvm_rt_symbols, hl_llvm_rt_nsymbols))) {
        session.dylib = NULL;
        return false;
    }
    return true;
}

/* What regions with fastmath call, in addition. */
static bool session_open_fast(Message *m)
{
    const HlRtSymbol *symbols;
    int n = session.vectors ? 0 : hl_llvm_fast_symbols(&symbols);
    session.vectors = true;
    return !n || !failed(m, define_symbols(symbols, n));
}

/* --- modules ---------------------------------------------------------------------------------- */

/* LLVM aborts on malformed IR; this makes a bug of ours an error message instead. */
static bool verified(LLVMModuleRef module, Message *m)
{
    char *error = NULL;
    bool bad = LLVMVerifyModule(module, LLVMReturnStatusAction, &error);
    if (bad)
        say(m, error);
    LLVMDisposeMessage(error);
    return !bad;
}

static bool stores_float(const HlIns *ins)
{
    HlDtype d = ins->op == HL_I_ARRAY_STORE ? hl_dtype_part((HlDtype)ins->aux) : HL_D_NONE;
    return d == HL_D_F64 || d == HL_D_F32;
}

/* Does a block store two floats, and nothing leaves between them? */
static bool stores_floats_in_a_row(const HlIr *ir)
{
    for (int32_t b = 0; b < ir->nblocks; b++) {
        bool before = false;
        for (int32_t i = 0; i < ir->blocks[b].ins.n; i++) {
            const HlIns *ins = &ir->ins[ir->blocks[b].ins.v[i]];
            if (before && stores_float(ins))
                return true;
            before = (before && ins->exit < 0) || stores_float(ins);
        }
    }
    return false;
}

static bool optimise(LLVMModuleRef module, const char *with, Message *m)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(module, with, session.machine, options);
    LLVMDisposePassBuilderOptions(options);
    return !failed(m, error);
}

/* The region as an LLVM module, optimised or not. */
static LLVMModuleRef make_module(LLVMContextRef ctx, const char *name, const HlIr *ir,
                                 const HlPlan *plans, const HlEmitEnv *env, bool optimised,
                                 Message *m)
{
    LLVMContextSetDiagnosticHandler(ctx, on_diagnostic, m);
    LLVMModuleRef module = LLVMModuleCreateWithNameInContext(ir->name, ctx);
    LLVMSetTarget(module, session.triple);
    LLVMSetModuleDataLayout(module, session.layout);
    bool side_by_side, fast = ir->fastmath;
    bool ok = hl_llvm_emit(module, name, ir, plans, env, &side_by_side) == 0;
    bool slp = ok && (side_by_side || stores_floats_in_a_row(ir));
    if (!ok)
        say(m, "out of memory");
    ok = ok && verified(module, m) && (!optimised || optimise(module, passes[slp][fast], m)) &&
         !said(m);
    if (!ok) {
        LLVMDisposeModule(module);
        return NULL;
    }
    return module;
}

static LLVMMemoryBufferRef generate(LLVMModuleRef module, LLVMCodeGenFileType kind, Message *m)
{
    LLVMMemoryBufferRef buffer = NULL;
    char *error = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(session.machine, module, kind, &error, &buffer)) {
        say(m, error);
        LLVMDisposeMessage(error);
        return NULL;
    }
    if (said(m)) {
        LLVMDisposeMemoryBuffer(buffer);
        return NULL;
    }
    return buffer;
}

/* Bytes of an object file that are loaded: code and its constants. */
static size_t loaded_size(LLVMMemoryBufferRef object)
{
    const char *start = LLVMGetBufferStart(object);
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)start;
    const Elf64_Shdr *section = (const Elf64_Shdr *)(start + head->e_shoff);
    size_t size = 0;
    for (int i = 0; i < head->e_shnum; i++)
        if (section[i].sh_flags & SHF_ALLOC)
            size += section[i].sh_size;
    return size;
}

/* --- the interface ---------------------------------------------------------------------------- */

static void blob_release(HlCodeBlob *blob)
{
    if (!blob)
        return;
    LLVMErrorRef error = LLVMOrcResourceTrackerRemove(blob->tracker);
    if (error)
        LLVMConsumeError(error);
    LLVMOrcReleaseResourceTracker(blob->tracker);
    LLVMOrcSymbolStringPoolClearDeadEntries(
        LLVMOrcExecutionSessionGetSymbolStringPool(LLVMOrcLLJITGetExecutionSession(session.jit)));
    hl_mem_free(blob);
}

/* Takes the object over, links it and finds its function. */
static bool link_object(HlCodeBlob *blob, LLVMMemoryBufferRef object, const char *name, Message *m)
{
    LLVMOrcExecutorAddress address = 0;
    blob->tracker = LLVMOrcJITDylibCreateResourceTracker(session.dylib);
    blob->size = loaded_size(object);
    session.message = *m;
    bool ok = !failed(m, LLVMOrcLLJITAddObjectFileWithRT(session.jit, blob->tracker, object));
    if (ok) {
        /* The reporter tells the cause, the lookup only that there was one. */
        LLVMErrorRef error = LLVMOrcLLJITLookup(session.jit, &address, name);
        ok = !failed(m, error);
    }
    session.message = (Message){0};
    blob->entry = (HlEntry)(uintptr_t)address;
    return ok;
}

static HlCodeBlob *blob_compile(const HlIr *ir, const HlPlan *plans, const HlEmitEnv *env,
                                char *err, size_t err_size)
{
    Message m = {.text = err, .size = err_size};
    char name[32];
    if (err_size > 0)
        err[0] = '\0';
    if (!session_open(&m) || (ir->fastmath && !session_open_fast(&m)))
        return NULL;
    HlCodeBlob *blob = hl_mem_alloc(sizeof *blob);
    if (!blob) {
        say(&m, "out of memory");
        return NULL;
    }
    snprintf(name, sizeof name, "hl_region_%lu", ++session.made);

    LLVMContextRef ctx = LLVMContextCreate();
    LLVMContextSetDiscardValueNames(ctx, true);
    LLVMMemoryBufferRef object = NULL;
    LLVMModuleRef module = make_module(ctx, name, ir, plans, env, true, &m);
    if (module) {
        object = generate(module, LLVMObjectFile, &m);
        LLVMDisposeModule(module);
    }
    LLVMContextDispose(ctx);

    if (object && link_object(blob, object, name, &m))
        return blob;
    if (object)
        blob_release(blob);
    else
        hl_mem_free(blob);
    say(&m, "LLVM failed without a message");
    return NULL;
}

static HlEntry blob_entry(const HlCodeBlob *blob)
{
    return blob->entry;
}

static size_t blob_code_size(const HlCodeBlob *blob)
{
    return blob->size;
}

static char *region_text(const HlIr *ir, const HlPlan *plans, const HlEmitEnv *env, char what,
                         char *err, size_t err_size)
{
    Message m = {.text = err, .size = err_size};
    char *text = NULL;
    if (err_size > 0)
        err[0] = '\0';
    if (!session_open(&m))
        return NULL;
    LLVMContextRef ctx = LLVMContextCreate();
    LLVMModuleRef module = make_module(ctx, "hl_region", ir, plans, env, what != 'u', &m);
    if (module && what == 'a') {
        LLVMMemoryBufferRef assembly = generate(module, LLVMAssemblyFile, &m);
        if (assembly) {
            text = strndup(LLVMGetBufferStart(assembly), LLVMGetBufferSize(assembly));
            LLVMDisposeMemoryBuffer(assembly);
        }
    } else if (module) {
        char *printed = LLVMPrintModuleToString(module);
        text = strdup(printed);
        LLVMDisposeMessage(printed);
    }
    if (module)
        LLVMDisposeModule(module);
    LLVMContextDispose(ctx);
    if (!text)
        say(&m, "out of memory");
    return text;
}

__attribute__((visibility("default"))) const HlBackend *hl_backend(void)
{
    static char version[32];
    static const HlBackend backend = {
        .abi = HL_EMIT_ABI,
        .version = version,
        .compile = blob_compile,
        .entry = blob_entry,
        .code_size = blob_code_size,
        .release = blob_release,
        .text = region_text,
        .fail_at = hl_mem_fail_at,
        .live = hl_mem_live,
    };
    unsigned major, minor, patch;
    LLVMGetVersion(&major, &minor, &patch);
    snprintf(version, sizeof version, "LLVM %u.%u.%u", major, minor, patch);
    return &backend;
}
