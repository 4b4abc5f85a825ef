"""Write docs/http.md, the HTTP calls with curl lines, from the OpenAPI description: python docs/write_http.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from app import create_app  # noqa: E402
from app.context import current_aisle  # noqa: E402
from app.schemas.description import openapi_document  # noqa: E402
from app.schemas.examples import EXAMPLES, Example  # noqa: E402
from src.models.settings import read_settings  # noqa: E402

_HEAD = """# The calls

Written by `python docs/write_http.py` from what `/openapi.json` says; `/docs` of a running service shows the same, with
every field. The answers are those of the made-up shop, shortened; names of releases and runs are examples, so put yours
in their place. The last line of each call names the statuses of its answers:

"""


def page(document: dict[str, Any]) -> str:
    """Return the description as Markdown."""
    statuses: dict[str, str] = {}
    parts = []
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            name = f"{method.upper()} {path}"
            text = call["description"].partition("```sh")[0].strip()
            parts.append(f"## {name}\n\n{call['summary']}. {text}".rstrip() + "\n")
            lines = call["description"].split("```sh\n")[1:]
            for line, example in zip(lines, EXAMPLES[name], strict=True):
                parts.append(f"```sh\n# {example.title}\n{line.strip()}\n{_answer_block(example)}\n```\n")
            statuses |= {status: answer["description"] for status, answer in call["responses"].items()}
            parts.append(f"Answers: {', '.join(call['responses'])}.\n")
    meanings = "".join(f"- {status}: {meaning}.\n" for status, meaning in sorted(statuses.items()))
    return "\n".join([_HEAD + meanings, *parts])


def _answer_block(example: Example) -> str:
    """Return the answer at the beginning of a code block, which the caller closes."""
    if example.kind == "application/json":
        return f"```json\n{json.dumps(example.answer, ensure_ascii=False)}"
    return f"```text\n{example.answer.rstrip()}"


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        app = create_app(read_settings(var=Path(folder), write_keys="a", admin_keys="b", scheduler="off"))
        with app.app_context():
            aisle = current_aisle()
            document = openapi_document(app, aisle.settings, aisle.access)
            (HERE / "http.md").write_text(page(document), encoding="utf-8")
