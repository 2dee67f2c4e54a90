import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from netarium.model import reference, schema
from netarium.model.faults import Faults
from netarium.model.options import KINDS, complete
from netarium.model.reading import Bare, read

ROOT = Path(__file__).parents[2]
LABS = sorted((ROOT / "src/netarium/labs").glob("*.yaml"))


def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.value if isinstance(value, Bare) else value


def validator():
    return Draft202012Validator(schema())


def test_it_is_a_valid_schema_that_json_can_hold():
    Draft202012Validator.check_schema(json.loads(json.dumps(schema())))
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_the_labs_that_ship_satisfy_it(path):
    validator().validate(plain(read(path.read_bytes(), Faults()).data))


@pytest.mark.parametrize(
    "name",
    ["misspelt-keys", "far-off-key", "unknown-service", "unknown-option", "wrong-types",
     "out-of-range", "node-names", "sysctls", "environment", "no-nodes", "lab-name"],
)  # fmt: skip
def test_what_it_can_know_to_be_wrong_it_refuses(name):
    path = Path(__file__).parent / "errors" / f"{name}.yaml"
    assert list(validator().iter_errors(plain(read(path.read_bytes(), Faults()).data)))


def test_every_key_has_a_description():
    definitions = schema()["$defs"]
    for name, definition in definitions.items():
        assert definition["additionalProperties"] is False, name
        assert definition["title"]
        for key, value in definition["properties"].items():
            text = value.get("description") or any(
                "description" in v for v in value.get("anyOf", ())
            )
            assert text, f"{name}.{key}"


def test_patterns_are_ones_that_editors_understand():
    # ECMA 262 knows no inline flags and no \A or \Z.
    for pattern in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(schema())):
        assert not re.search(r"\(\?[aiLmsux]|\\[AZ]", json.loads(pattern))


def test_service_options_are_in_it_with_their_defaults():
    definitions = schema()["$defs"]
    for name, kind in KINDS.items():
        properties = definitions[kind.options.__name__]["properties"]
        assert {k: v["default"] for k, v in properties.items()} == complete(name)


def test_the_docs_hold_the_present_reference():
    text = (ROOT / "docs/lab-file.md").read_text()
    begin, end = "<!-- reference: begin -->\n", "<!-- reference: end -->"
    written = text.partition(begin)[2].partition(end)[0]
    assert written.strip() == reference().strip()
