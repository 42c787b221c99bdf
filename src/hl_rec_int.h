/* hl_rec_int.h - shared by the recorder's files: its state, and how a handler emits.
 *
 * A handler of one bytecode works in three steps, in this order:
 *  1. look: read operands, symbolic (HlVal.s) and concrete (HlVal.o); stop if it cannot be compiled;
 *     compute the concrete result, at most once (rec_compute; it may raise or run Python);
 *  2. emit: append IR. In a block that exists already (following), an emission is compared with what
 *     is there; where a guard differs, the recorder moves to that guard's exit and the whole handler
 *     is run again (REC_RETRY), so nothing may be changed before
 *  3. commit: change the frame and the symbolic state (rec_finish, rec_push, ...). */
#ifndef HL_REC_INT_H
#define HL_REC_INT_H

#include "hl_record.h"

typedef enum RecStatus {
    REC_OK,       /* executed; R->next is the next pc */
    REC_RETRY,    /* went over to another block: dispatch the same instruction again */
    REC_STOP,     /* R->why; not executed (or R->result holds what it computed) */
    REC_RAISED,   /* executed and raised */
    REC_RETURNED, /* an inlined function returns R->result, which is R->returned in IR */
    REC_OVER,     /* the recording ended in an inlined call, which has come to its end */
    REC_AWAY      /* a step did not end where it should: the frame is off the chain, R->end */
} RecStatus;

typedef struct HlRec {
    HlRegion *r;
    HlIr *ir;
    /* The innermost frame: of an inlined call, or the region's own (inlined is -1). */
    int32_t inlined;
    HlCode *code;
    const HlBytecode *b;
    HlFrame *f;
    PyObject **slots; /* the frame's */
    HlSlot *st;       /* symbolic state, one per slot */
    HlSlot *scratch;  /* as many, for handlers */
    int32_t depth;    /* value-stack depth, of both */
    int32_t pc, next;
    HlSlot *state; /* symbolic state of all frames (HlInline), cap_state slots; st is in it */
    int32_t cap_state;
    bool meet; /* paths can meet at pc, whatever the bytecode says: behind an inlined call */
    bool over; /* the recording has ended */
    HlRecordEnd end;
    int32_t stop_pc; /* where in the region's own code */
    HlSlot returned;
    int32_t resume;          /* exit in an inlined call to go on at; -1 once that is done */
    const HlCode *came_from; /* the function that returned last while going on there */
    bool initial;            /* the region is new */
    int32_t block;           /* where emissions go */
    int32_t cursor;          /* following: next instruction of the block to compare with */
    bool following;
    int32_t snap;      /* of the state at pc; -1 = not made yet */
    RecStatus pending; /* REC_OK, or why emission is over for this dispatch */
    HlReason why;
    PyObject *result; /* concrete result of the instruction at pc; owned */
    int32_t pops;     /* operands that the result replaces */
    int32_t nviews;   /* made by the instruction at pc */
    int32_t new_exit; /* exit at which the path now recorded began; -1 once it has joined */
    int32_t nsteps, path_steps, settled;
    bool grew, closed;
    HlFrameLink *link;
    bool refine;     /* slots that the frame holds may have values now: look, at this pc */
    bool away;       /* the region's own frame is no longer the recorder's */
    PyObject *value; /* with HL_RECORD_ENDED */
    int32_t made_steps, rounds;
    int32_t before_ins; /* instructions of the block before this dispatch */
} HlRec;

/* A value as the recorder sees it. */
typedef struct HlVal {
    HlSlot s;
    HlType t;    /* VOID when s is no VALUE */
    PyObject *o; /* concrete, borrowed; NULL for UNBOUND */
} HlVal;

/* --- hl_record.c ------------------------------------------------------------------------------- */
HlVal rec_peek(HlRec *R, int32_t n); /* n-th from the top, 0 = top */
HlVal rec_slot(HlRec *R, int32_t slot);
RecStatus rec_stop(HlRec *R, HlReason why);
/* Emits; HL_NOREF when R->pending says that this dispatch is over (later emissions do nothing). */
HlRef rec_emit(HlRec *R, HlOp op, HlType type, HlRef a, HlRef b, int aux);
HlRef rec_emit3(HlRec *R, HlOp op, HlType type, HlRef a, HlRef b, HlRef c);
/* The same with an exit for `why`. */
HlRef rec_guard(HlRec *R, HlOp op, HlType type, HlRef a, HlRef b, HlReason why);
void rec_guard_check(HlRec *R, HlOp op, HlRef a, HlType check, HlReason why);
void rec_guard_fp(HlRec *R, HlRef r, HlRef a, HlRef b, HlReason why);
/* The finite result of a ufunc on finite operands warns of nothing; whatever else leaves. */
void rec_guard_finite(HlRec *R, HlRef r);
void rec_guard_cond(HlRec *R, HlRef cond, bool seen, HlReason why); /* GUARD_TRUE or _FALSE */
HlRef rec_emit_ins(HlRec *R, HlIns *ins, HlReason why);
/* A constant, in the entry block: an operation that has `bits` as its imm. */
HlRef rec_const(HlRec *R, HlOp op, HlType type, int64_t bits);
HlRef rec_kint(HlRec *R, int64_t v);
HlRef rec_kfloat(HlRec *R, double v);
HlRef rec_kbool(HlRec *R, bool v);
HlRef rec_kobj(HlRec *R, PyObject *o);
HlRef rec_const_value(HlRec *R, PyObject *o); /* by the object's type */
bool rec_is_k(HlRec *R, HlRef ref, HlOp op);
bool rec_is_kint(HlRec *R, HlRef ref, int64_t *v);
PyObject *rec_const_obj(HlRec *R, HlVal v); /* the object of a KOBJ value, NULL otherwise */
/* Index into the region's globals; -1 = out of memory (stopped). */
int rec_global(HlRec *R, PyObject *dict, PyObject *name, PyObject *object);
HlSlot rec_value(HlRef ref);
/* A slot is about to lose its value: if that is an object of the frame's, its death must be checked. */
void rec_overwrite(HlRec *R, int32_t slot);
/* The object that a slot stands for: its cell's content when it is a cell. Borrowed; may be NULL. */
PyObject *rec_slot_object(HlRec *R, int32_t slot);
/* What an instruction computed before the recorder found that it cannot go on: the effect stays. */
void rec_keep_result(HlRec *R);
/* Is the tuple that a BUILD_TUPLE builds of numbers never made, as what follows takes it apart? */
bool rec_tuple_is_virtual(const HlRec *R, const HlBc *bc);
/* The snapshot of the state at pc; false = out of memory (stopped). */
bool rec_make_snap(HlRec *R);
/* Computes the result of the instruction, which replaces n operands: only once, however often it is
 * dispatched. NULL = it raised. */
#define rec_compute(R, n, expression)                                                              \
    ((R)->result ? (R)->result : ((R)->pops = (n), (R)->result = (expression)))
/* Commit: pops n, pushes; obj is stolen. */
RecStatus rec_finish(HlRec *R, int32_t n, HlSlot s, PyObject *obj);
void rec_pop(HlRec *R, int32_t n);
void rec_push(HlRec *R, HlSlot s, PyObject *obj);
/* Commit of a computed result: checks that it has the type that the IR value boxes to. */
RecStatus rec_finish_result(HlRec *R, int32_t n, HlRef ref);
/* Symbolic value of an object just read from outside (global, attribute): emits checks and unboxing. */
HlSlot rec_unbox(HlRec *R, HlRef obj, PyObject *o);

/* An object that lives as long as the process (builtins, modules, static types): a region may hold it
 * without delaying anybody's death. */
bool rec_is_lasting(PyObject *o);
/* Can machine code work with the object: is it a constant of that kind, or has it a type? */
bool rec_has_type(PyObject *o);

/* Symbolic value of an object that may be anything: unboxed, a constant, or as an object. */
HlSlot rec_object(HlRec *R, HlRef obj, PyObject *o);
/* Index into the region's objects; -1 = out of memory (stopped). */
int rec_object_index(HlRec *R, PyObject *o);
/* How many slots the state of all frames has. */
int32_t rec_nstate(const HlRec *R);
/* Parameters of a new block for what varies in a slot of the state that it begins with, instead of the slot's
 * values, which are appended to args. Stops when out of memory. */
void rec_slot_params(HlRec *R, int32_t block, HlSlot *s, HlRefVec *args);
/* Remembers the state that a block begins with; 0, or -1 = out of memory. */
int rec_block_state(HlRec *R, int32_t block, const HlSlot *slots, int32_t n);
/* Room for n slots in `state` and `scratch`, which may move; 0, or -1 = out of memory. */
int rec_reserve(HlRec *R, int32_t n);
/* Makes `inlined` (-1: the region's own frame) the innermost frame. */
void rec_set_frame(HlRec *R, int32_t inlined, HlCode *code, HlFrame *f, int32_t depth);
/* Records from R->pc; false = an inlined function returned. */
bool rec_run(HlRec *R, bool arrived);
/* Goes on behind an exit: in the block that continues it, or in a new one. */
void rec_take_exit(HlRec *R, int32_t exit);
/* The recording is over: `end` says how the region's own frame goes on. */
void rec_ends(HlRec *R, HlRecordEnd end);

/* --- hl_rec_inline.c: calls of Python functions -------------------------------------------------- */
/* kwnames: names of the last of n arguments, or NULL; next: pc behind the call instruction at `at`. */
RecStatus rec_call_function(HlRec *R, int32_t n, PyObject *kwnames, int32_t at, int32_t next);
RecStatus rec_return(HlRec *R);
/* The recording of a new region stopped. */
void rec_count_stop(HlRec *R, HlReason why);
/* A global of the innermost frame, which is of an inlined call; index: into the region's globals. */
HlRef rec_function_global(HlRec *R, int index);
/* Records on from the snapshot of an exit in inlined calls: makes their frames and runs them until all
 * have returned, or the recording is over. Then false: R->end and R->pc say how the region's own frame
 * goes on. */
bool rec_resume(HlRec *R, int32_t exit, HlInlined *frames);
/* pc in the region's own code. */
int32_t rec_own_pc(HlRec *R);

/* --- hl_rec_arith.c ---------------------------------------------------------------------------- */
RecStatus rec_unary(HlRec *R, int op);
RecStatus rec_binary(HlRec *R, int op, bool inplace);
/* `l op r` of two numbers, whose concrete result is R->result; NOREF and stopped when it can't. */
HlRef rec_binary_result(HlRec *R, int op, HlVal l, HlVal r);
PyObject *rec_concrete_binary(int op, bool inplace, PyObject *a, PyObject *b);
PyObject *rec_concrete_unary(int op, PyObject *v);
/* A Python int that is compared with, or divided as, a double: it must convert exactly. */
void rec_guard_exact(HlRec *R, HlVal v);
RecStatus rec_compare(HlRec *R, int op);
bool rec_is_number(HlType t);
/* i1: is the double NaN, infinite, neither? */
typedef enum HlFloatClass { HL_IS_NAN, HL_IS_INF, HL_IS_FINITE } HlFloatClass;
HlRef rec_float_is(HlRec *R, HlRef f, HlFloatClass what);
/* `l op r` of bools and integers, done in the integer type t; NOREF and stopped when it can't. */
HlRef rec_int_operator(HlRec *R, int op, HlType t, HlVal l, HlVal r);
/* An operand of a NumPy operation that is done in the integer dtype d: Python's ints must fit. */
HlRef rec_operand_int(HlRec *R, HlVal v, HlDtype d);
/* What an operator on two bools is on their bits; HL_I_PARAM = no such thing. */
HlOp rec_bool_operator(int op, bool np);
HlRef rec_to_int(HlRec *R, HlVal v); /* i64 of bools and integers, as Python's int; NOREF: none */
/* A number as NumPy stores it in an array of dtype d, or converts it to such a scalar, where that is a
 * question of its value; NOREF and stopped otherwise. */
HlRef rec_to_dtype(HlRec *R, HlVal v, HlDtype d);
/* An operation on two floats of type t, rounded as such. */
HlRef rec_float_op(HlRec *R, HlType t, HlOp op, HlRef a, HlRef b);
bool rec_is_float(HlType t);
bool rec_is_integer(HlType t);                     /* Python's int, NumPy's integers; no bools */
HlRef rec_to_float(HlRec *R, HlVal v);             /* double of any number, as PyNumber_Float */
HlRef rec_cmp(HlRec *R, int op, HlVal a, HlVal b); /* i1; NOREF and stopped when it can't */
/* i1 of a value's truth; NOREF and stopped when it can't. */
HlRef rec_truth(HlRec *R, HlVal v);
HlRef rec_negate(HlRec *R, HlType t, HlRef a); /* of an integer type */
HlType rec_type(HlRec *R, HlRef ref);

/* --- hl_rec_complex.c: handlers for instructions with a complex operand -------------------------- */
bool rec_is_complex(HlVal v);
/* A constant's value, and that of an object just read from outside. */
HlSlot rec_complex_const(HlRec *R, PyObject *o);
HlSlot rec_complex_unbox(HlRec *R, HlRef obj, HlType t);
/* The object that both parts were just read from; NOREF: there is none. */
HlRef rec_complex_object(HlRec *R, HlVal v);
RecStatus rec_complex_binary(HlRec *R, int op, bool inplace);
RecStatus rec_complex_unary(HlRec *R, int op);
RecStatus rec_complex_compare(HlRec *R, int op);
HlRef rec_complex_truth(HlRec *R, HlVal v);
/* abs(z) compared with a constant, mostly without the root; NOREF: it is nothing like that. */
HlRef rec_complex_compare_abs(HlRec *R, int op, HlVal l, HlVal r);
RecStatus rec_complex_attr(HlRec *R, PyObject *name, bool method);
/* Does the callable make complex numbers (complex, np.complex128)? */
bool rec_makes_complex(PyObject *fn);
/* A call of such a one, of bool or (`abs`) abs; and of a method that rec_complex_attr pushed. */
RecStatus rec_complex_call(HlRec *R, PyObject *fn, bool abs, const HlVal *v, int32_t n);
RecStatus rec_complex_method(HlRec *R, int32_t n);
/* The complex number with these parts; and any number's parts as a complex array's items have them, false:
 * stopped, it is no number. */
HlSlot rec_complex_slot(HlRec *R, HlRef re, HlRef im);
bool rec_complex_parts(HlRec *R, HlVal v, HlDtype part, HlRef *re, HlRef *im);

/* --- hl_rec_call.c ----------------------------------------------------------------------------- */
RecStatus rec_call(HlRec *R, const HlBc *bc);
RecStatus rec_call_keywords(HlRec *R, const HlBc *bc); /* KW_NAMES and the call behind it */

/* --- hl_rec_iter.c ----------------------------------------------------------------------------- */
RecStatus rec_for_iter(HlRec *R, const HlBc *bc);
RecStatus rec_get_iter(HlRec *R);
/* range(...) followed by GET_ITER: the virtual iterator. */
RecStatus rec_range(HlRec *R, int32_t nargs, int32_t npop);
/* The same for enumerate, zip and reversed of n arguments v. */
RecStatus rec_iter_call(HlRec *R, HlSlotKind kind, const HlVal *v, int32_t n, int32_t npop);
HlType rec_seq_type(PyObject *o); /* LIST, TUPLE, BYTES or ARR; VOID = no sequence that we know */
HlRef rec_seq_size(HlRec *R, HlRef seq);
/* The item at an index that was checked; `item` is the concrete one. */
HlSlot rec_seq_item(HlRec *R, HlRef seq, HlRef index, PyObject *item);
/* The instruction at pc, if it unpacks the tuple of n before it and nothing else leads there; or NULL. */
const HlBc *rec_unpacked(HlRec *R, int32_t pc, int32_t n);

/* --- hl_rec_array.c: handlers for instructions on arrays and virtual views of them --------------- */
bool rec_is_array(HlVal v);
/* tuple: how many values are on the top of the stack of which the instruction builds the index, or 0. */
RecStatus rec_array_subscr(HlRec *R, int32_t tuple);
RecStatus rec_array_store(HlRec *R, int32_t tuple);
/* The subscript behind a BUILD_TUPLE of n, if that is of an array, and there are slices in it. */
RecStatus rec_array_tuple(HlRec *R, const HlBc *bc);
RecStatus rec_array_unpack(HlRec *R, int32_t n);
RecStatus rec_array_attr(HlRec *R, const HlBc *bc, PyObject *name);
/* Is it a comparison of two constants, of which one is a dtype, that is always the same? */
bool rec_compares_dtype(HlRec *R, int op, HlVal l, HlVal r);
/* i1: are the two one object? One at least is a virtual view. */
HlRef rec_same_view(HlRec *R, HlVal l, HlVal r);
/* Length of an array's first axis, and what is there at an index that was checked: a number or a view.
 * view: an array and HL_NOREF, or the values of a view; o: it. */
HlRef rec_array_len(HlRec *R, const HlRef *view);
HlSlot rec_array_item(HlRec *R, const HlRef *view, HlRef index, PyObject *o);
/* The address of the view of all of an array. */
HlRef rec_array_whole(HlRec *R, HlRef array);

/* --- hl_rec_end.c ------------------------------------------------------------------------------ */
/* Following: may the region wait until the loop that pc is in, which has been seen, has come to its end? */
bool rec_may_wait(HlRec *R);

/* --- hl_rec_import.c --------------------------------------------------------------------------- */
/* A copy of the graph of a region for the loop whose header the recorder arrives at: the block of that header, and
 * what to jump there with. -1 = there is none that fits, or stopped. */
int32_t rec_import(HlRec *R, HlRefVec *args);

/* --- hl_rec_slice.c: slices of arrays ----------------------------------------------------------- */
/* The items of an axis that a slice leaves. */
typedef struct RecSlice {
    HlRef start, length;
    HlRef step; /* NOREF: 1 */
} RecSlice;
RecStatus rec_build_slice(HlRec *R, int32_t n);
bool rec_slice_whole(HlRec *R, const HlSlot *s);                    /* is it `:`? */
bool rec_slice(HlRec *R, HlVal slice, HlRef length, RecSlice *out); /* false = stopped */

/* --- hl_rec_builtin.c -------------------------------------------------------------------------- */
RecStatus rec_divmod(HlRec *R, HlVal l, HlVal r, int32_t npop);
HlRef rec_round(HlRec *R, HlVal v); /* without digits */
HlRef rec_pow(HlRec *R, const HlVal *v, int32_t n);
RecStatus rec_contains(HlRec *R, bool negated);

/* --- hl_rec_list.c: items of lists, tuples and bytes; methods of lists ---------------------------- */
/* The index of an item, checked against the length, of which `size` is the concrete one; NOREF and stopped
 * when the interpreter has to raise. */
HlRef rec_index(HlRec *R, HlVal index, HlRef length, Py_ssize_t size);
RecStatus rec_seq_subscr(HlRec *R, HlVal seq, HlVal index);
RecStatus rec_list_store(HlRec *R, HlVal list, HlVal index, HlVal v);
RecStatus rec_list_method(HlRec *R, PyObject *name);            /* LOAD_METHOD */
RecStatus rec_list_call(HlRec *R, PyObject *method, int32_t n); /* CALL of what that pushed */
RecStatus rec_list_append(HlRec *R, int32_t depth);             /* LIST_APPEND */
/* UNPACK_SEQUENCE of a tuple or list. */
RecStatus rec_seq_unpack(HlRec *R, HlVal seq, int32_t n);

/* --- hl_rec_np.c: NumPy's types and ufuncs, called with numbers ------------------------------- */
HlRef rec_call_dtype(HlRec *R, HlDtype d, HlVal v);
HlRef rec_ufunc_power(HlRec *R, HlDtype d, HlRef a, HlRef b);
HlRef rec_call_ufunc(HlRec *R, PyObject *ufunc, const HlVal *v, int32_t n);

/* --- hl_rec_object.c: globals, attributes, subscripts ------------------------------------------- */
RecStatus rec_load_global(HlRec *R, const HlBc *bc);
RecStatus rec_load_attr(HlRec *R, const HlBc *bc, bool method);
RecStatus rec_subscr(HlRec *R);
RecStatus rec_store_subscr(HlRec *R);

/* --- hl_rec_step.c ----------------------------------------------------------------------------- */
/* Executes, as one step, what begins with the instruction that stopped the recorder (R->why). REC_STOP:
 * that is no step, and nothing was done. */
RecStatus rec_step(HlRec *R);
/* Following: is there a step of the instruction at pc? */
bool rec_step_follows(const HlRec *R);
/* Unboxes what the frame holds where that can be done, now at pc. */
RecStatus rec_refine(HlRec *R);

#endif
