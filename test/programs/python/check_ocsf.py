"""Validates lines of standard input against the schema of OCSF that their own version and class name.

Writes what is wrong with each line, and exits with 1 when something is. The schema is the published one,
as the package ocsf-json-schema carries it; no attribute that it does not know is accepted.
"""

import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema.embedded import OcsfJsonSchemaEmbedded
from ocsf_json_schema.loader import get_ocsf_schema

validators = {}


def validator_of(event):
    key = (event["metadata"]["version"], event["class_uid"])
    if key not in validators:
        embedded = OcsfJsonSchemaEmbedded(get_ocsf_schema(key[0]))
        name = embedded.lookup_class_name_from_uid(key[1])
        validators[key] = Draft202012Validator(embedded.get_class_schema(name))
    return validators[key]


count = 0
wrong = 0
for line in sys.stdin:
    count += 1
    event = json.loads(line)
    errors = [
        f"{'/'.join(str(part) for part in error.path)}: {error.message}"
        for error in validator_of(event).iter_errors(event)
    ]
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        errors.append("type_uid is not that of class and activity")
    if errors:
        wrong += 1
        print(f"line {count}: {'; '.join(errors)}")
print(f"{count} events, {wrong} wrong")
sys.exit(1 if wrong else 0)
