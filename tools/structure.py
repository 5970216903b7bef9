"""Measures the structure of a checkout: modules per folder, lines, the longest function, `Any` in signatures.

python tools/structure.py [CHECKOUT]
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(root: Path) -> Iterator[tuple[Path, Function]]:
    """Every function below `root`, with its file."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield path, node


def length(function: Function) -> int:
    """Lines of a function, its docstring included."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def anys(function: Function) -> int:
    """How often `Any` stands in the annotations of a signature."""
    arguments = function.args
    annotated = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    annotations = [argument.annotation for argument in annotated if argument] + [function.returns]
    names = (node for annotation in annotations if annotation for node in ast.walk(annotation))
    return sum(isinstance(node, ast.Name) and node.id == "Any" for node in names)


def lines(root: Path, pattern: str = "*.py") -> int:
    """Lines of all files below `root`."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in root.rglob(pattern))


def main() -> None:
    """Print the measures."""
    checkout = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    source = checkout / "src/overfitting"
    modules = [path for path in source.rglob("*.py") if path.name != "__init__.py"]
    folders = Counter(str(path.parent.relative_to(source)) for path in modules)
    print("modules per folder:", ", ".join(f"{name} {count}" for name, count in sorted(folders.items())))
    print("longest module:", max((lines(path.parent, path.name), path.name) for path in modules))
    print("lines of src, tests, dvc.yaml:", lines(source), lines(checkout / "tests"), lines(checkout, "dvc.yaml"))
    found = list(functions(source))
    size, name = max((length(function), function.name) for _, function in found)
    print(f"functions: {len(found)}, median {sorted(length(f) for _, f in found)[len(found) // 2]} lines")
    print(f"longest function: {name}, {size} lines")
    print("Any in signatures:", sum(anys(function) for _, function in found))


if __name__ == "__main__":
    main()
