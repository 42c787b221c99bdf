"""Checks a loaded report against report.schema.json, with the part of JSON Schema that it uses."""
import json
import os

_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
          "number": (int, float), "null": type(None)}


def load():
    with open(os.path.join(os.path.dirname(__file__), "report.schema.json"), "rb") as f:
        return json.load(f)


def problem(doc):
    """What is wrong with a document, naming the place; None when it is a report."""
    schema = load()
    return _problem(doc, schema, schema, "report")


def _problem(value, rule, root, at):
    while "$ref" in rule:
        rule = root["$defs"][rule["$ref"].rpartition("/")[2]]
    if "const" in rule and value != rule["const"]:
        return f"{at}: expected {rule['const']!r}, got {value!r:.40}"
    if "enum" in rule and value not in rule["enum"]:
        return f"{at}: expected one of {', '.join(rule['enum'])}, got {value!r:.40}"
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{at}: expected {' or '.join(kinds)}, got {value!r:.40}"
    if "minimum" in rule and value is not None and value < rule["minimum"]:
        return f"{at}: {value} is below {rule['minimum']}"
    if isinstance(value, dict):
        return _problem_in_object(value, rule, root, at)
    if isinstance(value, list):
        for i, item in enumerate(value):
            found = _problem(item, rule["items"], root, f"{at}[{i}]")
            if found:
                return found
    return None


def _problem_in_object(value, rule, root, at):
    known, others = rule.get("properties", {}), rule.get("additionalProperties", {})
    for key in rule.get("required", ()):
        if key not in value:
            return f"{at}: no {key!r}"
    for key, item in value.items():
        found = _problem(item, known.get(key, others), root, f"{at}.{key}")
        if found:
            return found
    return None


def _is(value, kind):
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
