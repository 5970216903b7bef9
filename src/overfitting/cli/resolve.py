"""`make resolve`: settles a merge's conflicts in files that the pipeline computes, and computes these files again."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from overfitting.base.errors import UserError
from overfitting.base.repository import DVC, dvc, git
from overfitting.report import answers, readme

LOCK = "dvc.lock"
PAGES = tuple(readme.PAGES)


def run() -> None:
    """Settle the conflicts of a merge or rebase, then run the stages whose inputs the merge changed.

    Variants that the other branch trained come from DVC's cache or remote, so they are not trained again.

    Raises:
        UserError: a conflict is in a file that people write, or a stage failed.
    """
    for path in unmerged():
        settle(path)
    if left := unmerged():
        raise UserError(
            f"conflicts in files that people write: {', '.join(left)}; edit and `git add` them, then repeat"
        )
    dvc(*(("pull", "--run-cache") if dvc("remote", "list") else ("checkout",)), "--allow-missing")
    if subprocess.run([*DVC, "repro"], check=False).returncode:
        raise UserError("a stage failed; its message is above. Correct it, then run `make resolve` again")
    write_pages()
    git("add", "--", LOCK, *map(str, PAGES), *(path for path in computed() if git("ls-files", "--", path)))
    print("resolved: `git commit` (or `git rebase --continue`) ends the merge")


def unmerged() -> list[str]:
    """Paths with conflicts."""
    return (git("diff", "--name-only", "--diff-filter=U", "-z") or "").split("\0")[:-1]


def settle(path: str) -> None:
    """Settle the conflict in a file that the pipeline computes; another file keeps its conflict."""
    file = Path(path)
    if file.name == LOCK or file in PAGES:
        versions = [git("show", f":{stage}:{path}") for stage in (1, 2, 3)]  # of the common ancestor, ours, theirs
        merged = merged_lock(*versions) if file.name == LOCK else merged_page(*(text or "" for text in versions))
        if merged is None:
            return
        file.write_text(merged, encoding="utf-8")
    elif any(file.is_relative_to(out) for out in computed()):
        if git("checkout", "--ours", "--", path) is None:
            git("checkout", "--theirs", "--", path)
    else:
        return
    git("add", "--", path)


def computed() -> set[str]:
    """Outputs of the stages, according to both sides' dvc.lock."""
    texts = [git("show", f":{stage}:{LOCK}") for stage in (0, 2, 3)]
    return {out["path"] for text in texts for stage in _stages(text).values() for out in stage.get("outs", [])}


def merged_lock(base: str | None, ours: str | None, theirs: str | None) -> str:
    """The dvc.lock with each stage of the side that changed it; of both, ours, which DVC then finds outdated."""
    from dvc.utils.serialize import dumps_yaml

    before, one, other = map(_stages, (base, ours, theirs))
    sides = {name: other if one.get(name) == before.get(name) else one for name in [*one, *other]}
    stages = {name: side[name] for name, side in sides.items() if name in side}
    return str(dumps_yaml({"schema": "2.0", "stages": stages}))


def _stages(lock: str | None) -> dict[str, Any]:
    from dvc.utils.serialize import parse_yaml

    return dict(parse_yaml(lock, LOCK)["stages"]) if lock else {}


def merged_page(base: str, ours: str, theirs: str) -> str | None:
    """The merged page, its computed parts empty; None if people changed the same lines on both sides."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs), strict=True):
            path.write_text(_without_computed(text), encoding="utf-8")
        return git("merge-file", "--stdout", *map(str, paths))


def _without_computed(text: str) -> str:
    return re.sub(r"(<!-- (\w+) -->\n).*?(<!-- /\2 -->)", r"\1\3", text, flags=re.DOTALL)


def write_pages() -> None:
    """Write the computed parts of both READMEs."""
    readme.update(*answers.read())
