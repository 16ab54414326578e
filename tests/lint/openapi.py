#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml says what the server does: every path, method, query
parameter, field, type and "read only" stands in both it and the tables of
api-json, which "test-api-json --routes" prints."""

import os
import re
import subprocess
import sys

import nvalint

WRITTEN = "docs/openapi.yaml"
METHODS = ("get", "put", "post", "delete")


def lines_of(text):
    """(number, indent, content) of each line that says something."""
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if content and not content.startswith("#"):
            yield number, len(line) - len(line.lstrip(" ")), content


def scalar(text):
    if text.startswith('"'):
        return text[1:-1]
    return {"true": True, "false": False}.get(text, text)


class Yaml:
    """The part of YAML that the description is written in."""

    def __init__(self, text):
        self.lines = list(lines_of(text))
        self.at = 0

    def block(self, indent):
        is_list = self.lines[self.at][2].startswith("-")
        result = [] if is_list else {}
        while self.at < len(self.lines) and self.lines[self.at][1] == indent:
            number, _, content = self.lines[self.at]
            self.at += 1
            if is_list:
                rest = content[1:].strip()
                result.append(scalar(rest) if rest else self.inner(indent))
                continue
            m = re.fullmatch(r'("[^"]*"|[^":\s]+):(?: (.*))?', content)
            if not m:
                sys.exit(f"{WRITTEN}:{number}: not understood: {content}")
            key = scalar(m[1])
            if key in result:
                nvalint.complain(f"{WRITTEN}:{number}", f"{key} twice")
            result[key] = scalar(m[2]) if m[2] else self.inner(indent)
        return result

    def inner(self, indent):
        if self.at < len(self.lines) and self.lines[self.at][1] > indent:
            return self.block(self.lines[self.at][1])
        return {}


def find(document, reference):
    for word in reference.removeprefix("#/").split("/"):
        document = document.get(word) if isinstance(document, dict) else None
    return document


def check_references(document, node):
    if isinstance(node, dict):
        target = node.get("$ref")
        if target and find(document, target) is None:
            nvalint.complain(WRITTEN, f"{target} is nowhere")
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            check_references(document, child)


def written(document):
    """The description as lines of the tables."""
    for path, item in document["paths"].items():
        common = item.get("parameters", [])
        queries = set()
        for method in METHODS:
            if method not in item:
                continue
            body = item[method].get("requestBody", {}).get("$ref", "/-")
            yield f"route {method.upper()} {path} {body.split('/')[-1]}"
            for p in common + item[method].get("parameters", []):
                p = find(document, p["$ref"]) if "$ref" in p else p
                if p["in"] == "query":
                    queries.add(p["name"])
                elif "{%s}" % p["name"] not in path:
                    nvalint.complain(WRITTEN, f"{path} has no {p['name']}")
        for query in queries:
            yield f"query {path} {query}"
    for name, schema in document["components"]["schemas"].items():
        for field, f in schema.get("properties", {}).items():
            access = "ro" if f.get("readOnly") else "rw"
            yield f"field {name} {field} {f['type']} {access}"


def program():
    build = os.environ.get("NVA_BUILD", ".")
    for place in ("tests/unit/test-api-json", "test-api-json"):
        path = os.path.join(build, place)
        if os.access(path, os.X_OK):
            return path
    print("test-api-json is not built")
    sys.exit(1 if os.environ.get("CI") == "true" else 77)


tables = set(subprocess.run([program(), "--routes"], check=True, text=True,
                            capture_output=True).stdout.splitlines())
description = Yaml(nvalint.read(WRITTEN)).block(0)
check_references(description, description)
ours = set(written(description))
# Parts of objects that are only written down, and the refusal.
known = {line.split()[1] for line in tables if line.startswith("field")}
ours = {line for line in ours if not line.startswith("field")
        or line.split()[1] in known}
if not tables:
    nvalint.complain("api-json", "prints no tables")
for line in sorted(ours - tables):
    nvalint.complain(WRITTEN, f"the server has no {line!r}")
for line in sorted(tables - ours):
    nvalint.complain(WRITTEN, f"lacks {line!r}")
nvalint.finish()
