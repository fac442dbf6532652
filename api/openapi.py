"""Describes every call: as an OpenAPI document, and as a page that shows it and loads nothing from anywhere.

Both are made from the calls themselves and the forms of their bodies, so they cannot say anything else than the code.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Any

from pydantic import BaseModel

from api.calls import Call, Form
from api.completions import OPENAI_CALLS
from api.mem0_calls import MEM0_CALLS
from api.own_calls import OWN_CALLS

__all__ = ["document", "page", "page_policy"]

ERRORS = {
    "400": "The body or the address is wrong",
    "401": "The key is missing or wrong",
    "403": "The key may not do this, or not for this person",
    "404": "There is no such thing, or it is somebody else's",
    "413": "The body is too long",
    "429": "A limit is reached; Retry-After says for how long",
    "501": "mem0 has this, Keepsake does not",
    "503": "The database does not answer",
}
ABOUT = (
    "Search a person's memories and add to them. Every call needs a key, which people make on the account page of the "
    "app: Authorization: Token KEY. The key decides whose memories a call is about. The key of an application, which "
    "whoever deploys makes, has users of its own: each call names one."
)
HEADINGS = {
    "mem0": "What mem0’s clients call",
    "Keepsake": "What Keepsake has beside that",
    "OpenAI": "What OpenAI’s clients call: a model with memory",
}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
:root { color-scheme: light dark }
h3 { margin-bottom: 0 } code { font-size: 1rem } table { border-collapse: collapse }
td { padding: .15rem 1rem .15rem 0; vertical-align: top } small { opacity: .8 }
"""


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document. It takes a while to make, and most processes are never asked for it."""
    schemas: dict[str, Any] = {"Error": {"type": "object", "properties": {"detail": {"type": "string"}}}}
    paths: dict[str, dict[str, Any]] = {}
    for call in (*MEM0_CALLS, *OWN_CALLS, *OPENAI_CALLS):
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Keepsake", "version": "1", "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token KEY"}
            },
        },
        "security": [{"key": []}],
    }


def _operation(call: Call, schemas: dict[str, Any]) -> dict[str, Any]:
    name = f"{call.answer.__name__}_{call.path.split('/')[1]}"
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": call.summary,
        "description": (call.answer.__doc__ or "").strip() + (" The key must be one that may write." * call.writes),
        "tags": [call.of],
        "parameters": [
            {"name": each, "in": "path", "required": True, "schema": {"type": "string"}}
            for each in re.findall(r"{(\w+)}", call.path)
        ],
        "responses": {"200": _answered(call, schemas), **_errors()},
    }
    if call.query:
        operation["parameters"] += _in_query(call.query)
    if call.body:
        schema = _schema(call.body, schemas)
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": why, "content": content} for status, why in ERRORS.items()}


def _answered(call: Call, schemas: dict[str, Any]) -> dict[str, Any]:
    about = (call.returns.__doc__ or "").strip()
    return {"description": about, "content": {"application/json": {"schema": _schema(call.returns, schemas)}}}


def _schema(form: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    """Put the schema of a form, and those it needs, among the components; return a reference to it."""
    written = form.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(written.pop("$defs", {}))
    schemas[form.__name__] = written
    return {"$ref": f"#/components/schemas/{form.__name__}"}


def _in_query(form: type[Form]) -> list[dict[str, Any]]:
    properties: Mapping[str, Any] = form.model_json_schema()["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": each} for name, each in properties.items()]


@cache
def page() -> str:
    """Return the document as a page of HTML."""
    described = document()
    parts = [f"<h1>Keepsake</h1><p>{escape(described['info']['description'])}</p>"]
    parts.append('<p>The same for programs: <a href="openapi.json">openapi.json</a></p>')
    for whose, heading in HEADINGS.items():
        parts.append(f"<h2>{heading}</h2>")
        for path, operations in described["paths"].items():
            for method, each in operations.items():
                if whose in each["tags"]:
                    parts.append(_described(method, path, each, described["components"]["schemas"]))
    title = "<title>Keepsake: the calls</title>"
    return f'<!doctype html><html lang="en"><meta charset="utf-8">{title}<style>{STYLE}</style>{"".join(parts)}</html>'


def _described(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    heading = f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{escape(operation['description'])}</p>"
    fields = [(each["name"], each["schema"]) for each in operation["parameters"] if each["in"] == "query"]
    if body := operation.get("requestBody"):
        name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        fields += schemas[name]["properties"].items()
    rows = "".join(f"<tr><td><code>{escape(name)}</code><td>{_kind(each)}" for name, each in fields if _offered(each))
    return f"{heading}<table>{rows}</table>"


def _offered(schema: Mapping[str, Any]) -> bool:
    """Whether a field does anything: it has a type, or says what it is."""
    return not str(schema.get("description", "")).startswith("Not offered") and bool({"type", "anyOf"} & schema.keys())


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = [each.get("type", "object") for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    words = schema.get("description", "")
    return f"<small>{escape(' or '.join(kinds))}</small>" + (f"<td>{escape(words)}" if words else "")


def page_policy() -> str:
    """Return the content security policy of the page: its own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'"
