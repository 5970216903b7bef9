"""The catalogue of translations."""

import ast
import json
import re
import string
from pathlib import Path

from overfitting.evaluation.language import joined, say, speaking, translated

SOURCE = Path(__file__).parents[2] / "src/overfitting"
CHINESE = json.loads((SOURCE / "evaluation/zh.json").read_text(encoding="utf-8"))


def literals(argument):
    """Texts that an argument of `say` or `translated` can be."""
    if isinstance(argument, ast.IfExp):
        return [*literals(argument.body), *literals(argument.orelse)]
    return [argument.value] if isinstance(argument, ast.Constant) else []


def spoken():
    """Every text that the code and the page's template pass to `say` or `translated` directly."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "translated"):
                yield from literals(node.args[0])
    template = (SOURCE / "report/templates/report.html.j2").read_text(encoding="utf-8")
    yield from re.findall(r'\b(?:t|say)\("([^"]+)"', template)


def test_every_sentence_has_a_translation_with_the_same_values():
    assert sorted(set(spoken()) - set(CHINESE)) == []
    for english, chinese in CHINESE.items():
        fields = [{part[1] for part in string.Formatter().parse(text) if part[1]} for text in (english, chinese)]
        assert fields[0] == fields[1], english


def test_no_translation_is_left_over():
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    template = (SOURCE / "report/templates/report.html.j2").read_text(encoding="utf-8")
    constants = [node.value for path in SOURCE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))
                 if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
    lines = {line for text in constants for line in text.split("\n")} | set(constants)
    assert [text for text in CHINESE if text not in lines and text not in template and text not in code] == []


def test_a_language_holds_inside_its_context_alone():
    with speaking("zh"):
        assert say("{count} more", count=3) == "另外 3 种"
        assert translated("my {variant}") == "my {variant}"
        assert joined("一。", "", "二。") == "一。二。"
    assert say("{count} more", count=3) == "3 more"
    assert joined("One.", "", "Two.") == "One. Two."


def test_chinese_has_no_english_punctuation_between_its_characters():
    assert [text for text in CHINESE.values() if re.search(r"[\u4e00-\u9fff][,;:?][\u4e00-\u9fff ]", text)] == []
