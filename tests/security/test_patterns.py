"""Regular expressions take no quadratic time over runs of their own characters."""

import ast
import importlib
import pkgutil
import re
import re._constants as kinds
import re._parser as parser
import time
import warnings
from collections import defaultdict
from itertools import permutations, product
from pathlib import Path

import iwm_opts

PACKAGE = Path(iwm_opts.__file__).parent
LENGTH = 5_000  # characters; a cell holds 10,000
SECONDS = 0.3  # quadratic time over so many characters takes 1 to 5
METHODS = {"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
AS_SEARCH = {"sub", "subn", "split", "findall", "finditer"}
OF_CATEGORY = {kinds.CATEGORY_DIGIT: "1", kinds.CATEGORY_SPACE: " ", kinds.CATEGORY_WORD: "a"}


def patterns() -> dict[tuple[str, int], set[str]]:
    """Compiled patterns of modules, and texts handed to functions of `re`, with the methods called on them."""
    found, methods = defaultdict(set), defaultdict(set)  # methods by the name they are called on
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in METHODS and isinstance(node.value, ast.Name):
                methods[node.value.id].add("search" if node.attr in AS_SEARCH else node.attr)
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            method, text = node.func.attr, node.args[0]
            if ast.unparse(node.func.value) == "re" and method in METHODS and isinstance(text, ast.Constant):
                found[text.value, 0].add("search" if method in AS_SEARCH else method)
    for info in pkgutil.walk_packages(iwm_opts.__path__, "iwm_opts."):
        if info.name.endswith("__main__"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
            flat = [part for each in values for part in (each if isinstance(each, tuple) else [each])]
            for each in flat:
                if isinstance(each, re.Pattern) and isinstance(each.pattern, str):
                    found[each.pattern, each.flags] |= methods.get(name, {"search", "fullmatch"})
    return found


def characters(parsed) -> set[str]:
    """One character of each class of a pattern."""
    result = set()
    for kind, value in parsed:
        if kind is kinds.LITERAL:
            result.add(chr(value))
        elif kind is kinds.NOT_LITERAL:
            result.add("~")
        elif kind is kinds.IN:
            for part, of in value:
                if part is kinds.LITERAL:
                    result.add(chr(of))
                elif part is kinds.RANGE:
                    result.add(chr(of[0]))
                elif part is kinds.CATEGORY:
                    result.add(OF_CATEGORY.get(of, "~"))
                else:
                    result.add("~")
        elif kind is kinds.ANY:
            result.add("x")
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
            result |= characters(value[2])
        elif kind is kinds.SUBPATTERN:
            result |= characters(value[3])
        elif kind is kinds.ATOMIC_GROUP:
            result |= characters(value)
        elif kind is kinds.BRANCH:
            for branch in value[1]:
                result |= characters(branch)
        elif kind in (kinds.ASSERT, kinds.ASSERT_NOT):
            result |= characters(value[1])
    return result


def slow_runs(text: str, flags: int, methods: set[str]) -> list[tuple[str, str, float]]:
    """Method, start of the run and seconds where a pattern is slow."""
    compiled = re.compile(text, flags)
    marks = sorted(characters(parser.parse(text, flags)) | {"-", " "})[:12]
    runs = [mark * LENGTH for mark in marks]
    runs += [(one + other) * (LENGTH // 2) for one, other in permutations(marks[:6], 2)]
    slow = []
    for method, subject in product(sorted(methods), [subject for run in runs for subject in (run, f"{run}\x01")]):
        start = time.process_time()
        getattr(compiled, method)(subject)
        seconds = time.process_time() - start
        if seconds > SECONDS:
            slow.append((method, subject[:6], seconds))
    return slow


def test_a_pattern_takes_linear_time():
    found = patterns()
    assert len(found) > 100
    assert not {text: slow for (text, flags), methods in found.items() if (slow := slow_runs(text, flags, methods))}
