"""Numba's compiler without work that it would repeat or whose result is thrown away.

Kernels are plain numeric loops over arrays. Numba's pipeline also serves closures, generators, object mode, lists and
error messages, and compiles every function to machine code of its own. What is left out here changes no kernel's code,
and only holds while one of our functions compiles. The replaced parts are private to numba, as they are in 0.68.
"""

import contextlib
import functools
import gc
import importlib
import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from llvmlite.binding import (
    Linkage,
    create_new_function_pass_manager,
    ffi,
    parse_bitcode,
)
from numba.core import base, errors, ir, postproc, transforms, types
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, _pass_registry
from numba.core.cpu import CPUContext
from numba.core.lowering import Lower
from numba.core.typing import context as typing_context
from numba.core.typing.templates import ConcreteTemplate

Library: Any = JITCodeLibrary  # their methods are only partly annotated
Passes: Any = PassManager
BaseFunction: Any = types.BaseFunction
Integer: Any = types.Integer
pass_registry: Any = _pass_registry

# Passes for closures, object mode, parallel loops and error messages.
SKIPPED_PASSES = frozenset({
    "WithLifting", "InlineClosureLikes", "RewriteSemanticConstants", "RewriteDynamicRaises",
    "MakeFunctionToJitFunction", "InlineInlinables", "DeadBranchPrune", "FindLiterallyCalls", "LiteralUnroll",
    "LiteralPropagationSubPipelinePass", "InlineOverloads", "NopythonRewrites", "NoPythonSupportedFeatureValidation",
    "AnnotateTypes", "DumpParforDiagnostics",
})  # fmt: skip
COUNTING_STEP = "IRLegalization"  # marks where variables die: for reference counts alone


class _Passes(Passes):  # type: ignore[misc]
    """Passes one after another; numba's own manager checks and rebuilds the whole function after each."""

    def run(self, state: Any) -> None:
        for step, _ in self.passes:
            compiler_pass = pass_registry.get(step).pass_inst
            compiler_pass.analysis = self._analysis
            for part in (compiler_pass.run_initialization, compiler_pass.run_pass, compiler_pass.run_finalizer):
                part(state)


class _LinkedLibrary(Library):  # type: ignore[misc]
    """Code that is simplified before it is linked into callers."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        builder, passes = self._codegen._pass_builder(), create_new_function_pass_manager()
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
        passes.add_instruction_combine_pass()
        for function in ll_module.functions:
            if not function.is_declaration:
                passes.run(function, builder)


class KernelLibrary(_LinkedLibrary):
    """Machine code of a kernel."""

    _bitcode = b""  # parsed where another kernel calls this one
    _shared_module: Any

    @classmethod
    def rebuild(cls, codegen: Any, kept: Any, fndesc: Any) -> "KernelLibrary":
        """Library of the machine code that was kept."""
        name, _, (machine_code, bitcode) = kept
        library = cls(codegen, name)
        library._bitcode = bitcode
        library.enable_object_caching()
        library._set_compiled_object(machine_code)
        library._finalize_final_module()
        codegen._engine._defined_symbols.add(fndesc.llvm_cpython_wrapper_name)
        return library

    def _get_module_for_linking(self) -> Any:
        if self._bitcode and self._shared_module is None:
            self._shared_module = parse_bitcode(self._bitcode)
        return super()._get_module_for_linking()

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and any(b"noinline" in part for part in function.attributes):
                function.linkage = Linkage.internal  # arguments that it does not read need not be passed
        super()._optimize_final_module()


class InlineLibrary(_LinkedLibrary):
    """Code of a building block: simplified, linked into its callers and optimised there; no machine code of its own.

    Numba would optimise and translate every building block with all that it calls, and then its callers again. Without
    the simplification the loops of callers are not vectorised: 31 ns a price against 21.
    """

    @classmethod
    def rebuild(cls, codegen: Any, kept: Any, fndesc: Any) -> "InlineLibrary":
        """Library of the bitcode that was kept."""
        name, _, bitcode = kept
        library = cls(codegen, name)
        library._final_module = parse_bitcode(bitcode)
        library._finalize_final_module()
        return library

    def _optimize_final_module(self) -> None:
        codegen = self._codegen
        passes, builder = codegen._module_pass_manager(
            loop_vectorize=codegen._loopvect, slp_vectorize=False, opt=codegen._opt_level, cost="cheap"
        )
        passes.run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """No machine code, no address."""
        return 0

    @property
    def codegen(self) -> "InlineLibrary":
        """Itself: what holds the environment of a compiled function."""
        return self

    def set_env(self, name: str, env: Any) -> None:
        """Leave it out: building blocks use no Python objects."""
        if env.consts:
            raise NotImplementedError(f"{self.name} uses Python objects")

    def serialize_using_object_code(self) -> tuple[str, str, bytes]:
        """Bitcode alone."""
        result: tuple[str, str, bytes] = self.serialize_using_bitcode()
        return result


class SeparateLibrary(InlineLibrary):
    """Code of a building block that callers call."""

    def add_ir_module(self, ir_module: Any) -> None:
        """Add LLVM code, marked."""
        for function in ir_module.functions:
            if function.blocks and "alwaysinline" not in function.attributes:
                function.attributes.add("noinline")
        super().add_ir_module(ir_module)


class KernelCompiler(CompilerBase):
    """Numba's pipeline without the passes in SKIPPED_PASSES."""

    library = KernelLibrary

    def compile_extra(self, func: Any) -> Any:
        """Compile a Python function."""
        with lean_compiler():
            return super().compile_extra(func)

    def define_pipelines(self) -> list[Any]:
        """Choose the passes."""
        state = self.state
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        skipped = SKIPPED_PASSES if state.flags.nrt else SKIPPED_PASSES | {COUNTING_STEP}
        pipeline = _Passes("kernel")
        steps = DefaultPassBuilder.define_nopython_pipeline(state).passes
        pipeline.passes = [step for step in steps if step[0].__name__ not in skipped]
        pipeline.finalize()
        return [pipeline]


class InlineCompiler(KernelCompiler):
    """Pipeline of a building block."""

    library = InlineLibrary


class SeparateCompiler(KernelCompiler):
    """Pipeline of a building block that callers call."""

    library = SeparateLibrary


PLAIN: Any = (types.Number, types.Boolean, types.Array, types.UniTuple)  # literal slices have no hash
_signatures: dict[Any, tuple[Any, Any]] = {}  # function and signature; holds each function whose identity is in a key


def _remembered(resolve: Callable[..., Any], function: Any, arguments: Any, keywords: Any) -> Any:
    """Signature of a call, resolved once. Calls of dispatchers are left out, as they may have to compile."""
    is_plain = not keywords and all(isinstance(argument, PLAIN) for argument in arguments)
    if not is_plain or isinstance(function, types.Dispatcher):
        return resolve(arguments, keywords)
    key = id(function), tuple(arguments)
    if key not in _signatures:
        signature = resolve(arguments, keywords)
        if signature is None:
            return None
        _signatures[key] = function, signature
    return _signatures[key][1]


_resolve = typing_context.Context.resolve_function_type
_call_type = BaseFunction.get_call_type
_list_variables = ir.Inst._rec_list_vars
_has_loc = functools.cache(base._has_loc)
INDEXING = operator.getitem, operator.setitem
INDEXING_TEMPLATES = "GetItemBuffer", "SetItemBuffer"  # of modules that warm starts need not import
NO_VARIABLES = frozenset({str, int, float, bool, type(None), type(len), ir.Loc})


def _resolve_function_type(self: Any, function: Any, arguments: Any, keywords: Any) -> Any:
    return _remembered(partial(_resolve, self, function), function, arguments, keywords)


def _get_call_type(self: Any, context: Any, arguments: Any, keywords: Any) -> Any:
    return _remembered(partial(_find_call_type, self, context), self, arguments, keywords)


def _find_call_type(self: Any, context: Any, arguments: Any, keywords: Any) -> Any:
    """Signature of a call of numba's own function, from what reads arrays and computes with numbers first.

    Numba would try every overload for lists, sets, dates and strings before.
    """
    first: list[Any] = []
    if not keywords and self.typing_key in INDEXING and isinstance(arguments[0], types.Array):
        first = [template for template in self.templates if template.__name__ in INDEXING_TEMPLATES]
    elif not keywords and all(isinstance(argument, types.Number) for argument in arguments):
        first = [template for template in self.templates if issubclass(template, ConcreteTemplate)]
    plain = tuple(types.unliteral(argument) for argument in arguments) if first else ()
    for template in first:
        signature = template(context).apply(plain, {})
        if signature is not None:
            self._impl_keys[signature.args] = template(context).get_impl_key(signature)
            return signature
    return _call_type(self, context, arguments, keywords)


def _variables(instruction: Any, value: Any) -> list[Any]:
    """Variables in a part of an instruction: most parts are names and places."""
    kind = type(value)
    if kind is ir.Var:
        return [value]
    if kind not in (dict, list, tuple):
        return [] if kind in NO_VARIABLES else _list_variables(instruction, value)
    variables: list[Any] = []
    for part in value.values() if kind is dict else value:
        kind = type(part)
        if kind is ir.Var:
            variables.append(part)
        elif kind not in NO_VARIABLES:
            variables += _variables(instruction, part)
    return variables


_post_process = postproc.PostProcessor.run


def _post_process_last(self: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
    """Find out where variables live when they are to die; numba does so after each pass."""
    if emit_dels or self.func_ir.is_generator:
        _post_process(self, emit_dels, extend_lifetimes)
    else:
        self.func_ir.blocks = transforms.canonicalize_cfg(self.func_ir.blocks)
        self.func_ir.variable_lifetime = postproc.VariableLifetime(self.func_ir.blocks)


def _reinstall(self: Any) -> None:
    """Take over what was registered since the last time."""
    for registry in tuple(self._registries):
        self.install_registry(registry)


def _nothing(*_: Any, **__: Any) -> None:
    pass


_get_item, _set_item, _store, _lower = Lower.lower_getitem, Lower.lower_setitem, Lower.storevar, Lower.lower_expr
_sizes: dict[Any, int] = {}


def _size_of(self: Any, kind: Any) -> int:
    """Size of an LLVM type, asked for at each variable."""
    if kind not in _sizes:
        _sizes[kind] = kind.get_abi_size(self.target_data)
    return _sizes[kind]


def _element(self: Any, array: Any, index: Any, index_type: Any) -> Any:
    """Pointer to an element of a contiguous array; None where the index names no single element of one.

    Numba would store the whole record of the array and read it back, and compute the result's shape and strides.
    """
    kind, builder = self.typeof(array.name), self.builder
    parts: tuple[Any, ...] = tuple(getattr(index_type, "types", (index_type,)))
    is_element = isinstance(kind, types.Array) and kind.layout == "C" and len(parts) == kind.ndim
    if not is_element or not isinstance(kind.dtype, (types.Number, types.Boolean)):
        return None
    if not all(isinstance(part, Integer) and part.signed for part in parts):
        return None
    model, record = self.context.data_model_manager[kind], self.loadvar(array.name)
    data, shape = (builder.extract_value(record, model.get_field_position(field)) for field in ("data", "shape"))
    index_value = self.context.cast(builder, self.loadvar(index.name), self.typeof(index.name), index_type)
    place = None
    for axis, part in enumerate(parts):
        at = builder.extract_value(index_value, axis) if index_type is not part else index_value
        at = self.context.cast(builder, at, part, types.intp)
        size = builder.extract_value(shape, axis)
        if not isinstance(part, types.Literal) or part.literal_value < 0:
            at = builder.select(builder.icmp_signed("<", at, at.type(0)), builder.add(at, size), at)
        for other in range(axis + 1, kind.ndim):
            at = builder.mul(at, builder.extract_value(shape, other))
        place = at if place is None else builder.add(place, at)
    return builder.gep(data, [place])


def _lower_getitem(self: Any, result: Any, expression: Any, value: Any, index: Any, signature: Any) -> Any:
    """Read an element."""
    kind = signature.args[0]
    place = _element(self, value, index, signature.args[1]) if kind == self.typeof(value.name) else None
    if place is None:
        return _get_item(self, result, expression, value, index, signature)
    item = self.context.unpack_value(self.builder, kind.dtype, place, None if kind.aligned else 1)
    return self.context.cast(self.builder, item, kind.dtype, result)


def _lower_setitem(self: Any, target: Any, index: Any, value: Any, signature: Any) -> Any:
    """Write an element."""
    kind, _, given = signature.args
    is_scalar = isinstance(given, (types.Number, types.Boolean)) and kind == self.typeof(target.name)
    place = _element(self, target, index, signature.args[1]) if is_scalar else None
    if place is None:
        return _set_item(self, target, index, value, signature)
    item = self.context.cast(self.builder, self.loadvar(value.name), self.typeof(value.name), given)
    item = self.context.cast(self.builder, item, given, kind.dtype)
    return self.context.pack_value(self.builder, kind.dtype, item, place, align=None if kind.aligned else 1)


def _lower_expression(self: Any, result: Any, expression: Any) -> Any:
    """Lower an expression; arrays have no lowering of their own for constant indices, for which numba looks first."""
    if expression.op == "static_getitem" and isinstance(self.typeof(expression.value.name), types.Array):
        signature = self.fndesc.calltypes[expression]
        return self.lower_getitem(result, expression, expression.value, expression.index_var, signature)
    return _lower(self, result, expression)


def _store_variable(self: Any, value: Any, name: str, argidx: Any = None) -> None:
    """Store a variable; numba would read its last value first, to count it."""
    if self.context.enable_nrt or argidx is not None or name in self._singly_assigned_vars:
        _store(self, value, name, argidx)
    else:
        self._alloca_var(name, self.typeof(name))
        self.builder.store(value, self.getvar(name))


@contextlib.contextmanager
def without_blas() -> Iterator[None]:
    """Let numba register what it can compile without scipy.linalg, imported there only to see whether it is installed.

    A function of the user's that multiplies matrices imports it when it is compiled.
    """
    linalg: Any = importlib.import_module("numba.np.linalg")
    ensure, linalg.ensure_blas = linalg.ensure_blas, _nothing
    try:
        yield
    finally:
        linalg.ensure_blas = ensure


_scheme: Any = type(errors.termcolor())
# Owner, name and replacement; what numba's own part does in vain.
REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (typing_context.Context, "resolve_function_type", _resolve_function_type),  # every overload of `+` at each use
    (BaseFunction, "get_call_type", _get_call_type),
    (ir.Inst, "_rec_list_vars", _variables),  # reads of names, numbers and places
    (postproc.PostProcessor, "run", _post_process_last),  # after each pass
    (base, "_has_loc", _has_loc),  # the signature of a lowering function, at each use
    (CPUContext, "create_cfunc_wrapper", _nothing),  # for C
    (CPUContext, "get_abi_sizeof", _size_of),  # parses a module, at each variable
    (Lower, "lower_getitem", _lower_getitem),
    (Lower, "lower_setitem", _lower_setitem),
    (Lower, "lower_expr", _lower_expression),
    (Lower, "storevar", _store_variable),
    (JITCPUCodegen, "_library_class", InlineLibrary),  # numba's own building blocks, as min and max
    (typing_context.Context, "load_additional_registries", _reinstall),  # imports all of numba, at each use
    (CPUContext, "load_additional_registries", _reinstall),
    (ffi.lib._lock, "_cblist", []),  # reports every call of LLVM
    *([(_scheme, "_markup", lambda self, message, *_: message)] if hasattr(_scheme, "_markup") else []),  # colours
)
_depth = 0


@contextlib.contextmanager
def lean_compiler() -> Iterator[None]:
    """Let numba compile without work that it would repeat or whose result is thrown away; callees nest."""
    global _depth
    if _depth:
        yield
        return
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in REPLACED]
    has_gc = gc.isenabled()
    _depth = 1
    for owner, name, value in REPLACED:
        setattr(owner, name, value)
    gc.disable()  # garbage of a compiler is worth no search while it works
    try:
        yield
    finally:
        _depth = 0
        for owner, name, value in before:
            setattr(owner, name, value)
        if has_gc:
            gc.enable()
