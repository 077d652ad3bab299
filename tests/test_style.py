"""Style of strings, docstrings and names: ceilings that may only fall."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import iwm_opts

# Constructions that paraphrase a noun, or make a thing act as a person.
BANNED = re.compile(
    r"\b(?:is no|are no|nobody|somebody|besides?|stands?(?!-)|stood|told|tells?|foretells?|speaks?|hears?"
    r"|bears?(?![- ](?:call|put|year|market))|asks (?:for|whether|about|how|which|what|nothing|no|to|more)"
    r"|standing in|mend(?:s|ed|ing)?|there whole|as many \w+ open|is spent|fetch newer"
    r"|what (?:the|it|they|is|are|was|has|comes|goes|a|an|would|can)|that which|way out|in the way|knows? of)\b",
    re.IGNORECASE,
)
FILLERS = frozenset({"one", "found", "told", "own", "known", "wanted", "each"})
MOST_BANNED = 1.5  # per 1,000 words
MOST_FILLERS = 1.0  # per 1,000 lines
MOST_INNER_IMPORTS = 80
MOST_USED_ONCE = 0.45  # of private functions
SENTENCE = re.compile(r"(?<![\w`'.-])[A-Za-z]?[a-z]+(?: [a-z]+){2,}(?![\w`'.-])")  # three plain words in a row
MOST_MATCHES = 9  # errors that tests know by the words of their message
MOST_SENTENCES = 9  # that tests compare with text


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(Path(iwm_opts.__file__).parent.rglob("*.py")):
        yield path.name, path.read_text(encoding="utf-8")


def prose(source: str) -> Iterator[str]:
    """String constants of several words, docstrings included, and comments."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def names(source: str) -> Iterator[str]:
    """Names that a function takes or assigns."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_prose_names_things_by_their_noun():
    words, hits = 0, []
    for name, source in sources():
        for text in prose(source):
            words += len(text.split())
            hits += [(name, hit) for hit in BANNED.findall(text)]
    assert 1_000.0 * len(hits) / words <= MOST_BANNED, hits


def test_locals_are_nouns_of_things():
    lines, hits = 0, []
    for name, source in sources():
        lines += source.count("\n")
        hits += [(name, local) for local in names(source) if local in FILLERS]
    assert 1_000.0 * len(hits) / lines <= MOST_FILLERS, hits


def inner_imports(source: str) -> int:
    """Imports inside functions."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    nodes = [node for function in functions for node in ast.walk(function)]
    return len({node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)})


def test_imports_inside_functions_are_few():
    assert inner_imports("import a\ndef f():\n    import b\n    def g():\n        from c import d\n") == 2
    counts = {name: inner_imports(source) for name, source in sources()}
    assert sum(counts.values()) <= MOST_INNER_IMPORTS, counts


def test_fillers_and_banned_constructions_are_seen():
    assert list(names("def f(told):\n    found, gain = 1, 2\n")) == ["told", "found", "gain"]
    assert BANNED.findall("x is no option; the bear-call bids and asks; what the account bears") == [
        "is no",
        "what the",
        "bears",
    ]


def test_errors_of_the_api_name_parameters_not_options():
    """`as_of` in backticks, which the command line writes as its option; options of a whole command stay."""
    option, errors = re.compile(r"(?<![\w-])--[a-z]"), {"InputError", "DataError", "ConflictError"}
    root, hits = Path(iwm_opts.__file__).parent, []
    for path in sorted(root.rglob("*.py")):
        if "cli" in path.relative_to(root).parts:
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in errors:
                texts = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant)]
                hits += [
                    text for text in texts if isinstance(text, str) and option.search(text) and "iwm-opts" not in text
                ]
    assert hits == []


def imports_of(source: str, modules: set[str]) -> set[str]:
    """Modules that a source imports anywhere, for type checkers and inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & modules


def circles(imports: dict[str, set[str]]) -> list[str]:
    """Modules left once all that import nothing left are taken away, and all that nothing left imports."""
    left = dict(imports)
    while True:
        imported = {name for module in left for name in left[module]}
        outer = {module for module in left if not left[module] & left.keys() or module not in imported}
        if not outer:
            return sorted(left)
        left = {module: names for module, names in left.items() if module not in outer}


def test_modules_import_in_no_circle():
    """For type checkers and inside functions too; packages name their modules, so that only those count."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()}) == ["b", "c"]
    root = Path(iwm_opts.__file__).parent
    files = {".".join(path.relative_to(root.parent).with_suffix("").parts): path for path in root.rglob("*.py")}
    files = {name: path for name, path in files.items() if path.name != "__init__.py"}
    sources = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    assert circles({name: imports_of(source, set(files)) for name, source in sources.items()}) == []


def uses_of_private_functions(sources: dict[str, str]) -> list[int]:
    """Places that name each private function: in its own module, and in those that import it."""
    importers: dict[tuple[str, str], list[str]] = {}
    for module, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    importers.setdefault((node.module, alias.name), []).append(module)
    uses = []
    for module, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("_") and not node.name.startswith("__"):
                name = re.compile(rf"\b{node.name}\b")
                places = len(name.findall(source)) - 1
                places += sum(len(name.findall(sources[other])) for other in importers.get((module, node.name), ()))
                uses.append(places)
    return uses


def test_private_functions_serve_more_than_one_place():
    """Those that nothing names are hooks of a library, or registered by a decorator: no caller spares them."""
    made = {
        "a": "def _f():\n    pass\ndef _g():\n    return _f(), _f()\ndef _h():\n    _g()\n",
        "b": "from a import _g\n",
    }
    assert uses_of_private_functions(made) == [2, 2, 0]
    root = Path(iwm_opts.__file__).parent
    paths = {".".join(path.relative_to(root.parent).with_suffix("").parts): path for path in root.rglob("*.py")}
    uses = uses_of_private_functions({name: path.read_text(encoding="utf-8") for name, path in paths.items()})
    assert uses.count(1) <= MOST_USED_ONCE * len(uses), uses.count(1)


def test_kernels_take_at_most_a_dozen_arguments():
    """More go into a record, by name."""
    root = Path(iwm_opts.__file__).parent / "kernels"
    found = {
        f"{path.stem}.{node.name}": len(node.args.args)
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert len(found) > 200
    assert {name: count for name, count in found.items() if count > 12} == {}


def compared_prose(source: str) -> tuple[list[str], list[str]]:
    """Patterns of `match=`, and sentences compared by `in`, `not in` or `==`."""
    matches, sentences = [], []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            matches += [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "match"]
        for side in (node.left, *node.comparators) if isinstance(node, ast.Compare) else ():
            parts = side.values if isinstance(side, ast.JoinedStr) else [side]
            texts = [str(part.value) if isinstance(part, ast.Constant) else "1" for part in parts]
            if any(isinstance(part, ast.Constant) for part in parts) and SENTENCE.search("".join(texts)):
                sentences.append("".join(texts))
    return matches, sentences


def test_tests_compare_fields_and_figures_not_sentences():
    """Errors by `tests.refusals`, other messages by the names and figures they show."""
    made = 'with raises(E, match="a"):\n    assert "no such file" in x and f"it has {n}" == y and "a b" in z'
    assert compared_prose(made) == (["'a'"], ["no such file"])
    found = {
        str(path): compared_prose(path.read_text(encoding="utf-8"))
        for path in sorted(Path(__file__).parent.rglob("*.py"))
    }
    assert sum(len(matches) for matches, _ in found.values()) <= MOST_MATCHES, found
    assert sum(len(sentences) for _, sentences in found.values()) <= MOST_SENTENCES, found
