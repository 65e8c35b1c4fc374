"""What a model says of values: required members, types, enumerations, patterns, ranges, sizes."""

import base64
import binascii
import datetime
import functools

import regex

from bodies import Text

# The pattern for all characters beyond the first 65,536 in Java, and its form for Python's `regex`. The other syntax
# is the same.
BEYOND = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
NUMBERS = ("integer", "long", "float", "double")


def check(shape, value, at, faults):
    if value is None:
        # Already reported.
        return
    kind = shape.type_name
    if kind == "structure":
        structure(shape, value, at, faults)
    elif kind == "list":
        size(shape, len(value), "items", at, faults)
        for item in value:
            check(shape.member, item, f"{at}[]", faults)
    elif kind == "map":
        size(shape, len(value), "entries", at, faults)
        for key, item in value.items():
            check(shape.key, Text(key), f"{at}{{key}}", faults)
            check(shape.value, item, f"{at}{{}}", faults)
    else:
        leaf(shape, kind, value, at, faults)


def structure(shape, value, at, faults):
    if getattr(shape, "is_document_type", False):
        return
    faults.extend(f"{at}.{name}: required and missing" for name in shape.required_members if name not in value)
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        faults.append(f"{at}: {len(value)} members of a union, which has one")
    for name, item in value.items():
        check(shape.members[name], item, f"{at}.{name}", faults)


def leaf(shape, kind, value, at, faults):
    if kind in NUMBERS:
        number(shape, kind, value, at, faults)
    elif kind == "boolean":
        if not (isinstance(value, bool) or isinstance(value, Text) and value in ("true", "false")):
            faults.append(f"{at}: not a boolean")
    elif kind == "timestamp":
        timestamp(value, at, faults)
    elif kind == "blob":
        blob(shape, value, at, faults)
    elif not isinstance(value, str):
        faults.append(f"{at}: not a string")
    else:
        string(shape, value, at, faults)


def string(shape, value, at, faults):
    said = shape.metadata
    # Values that a model marks as sensitive are not shown.
    shown = "the value" if said.get("sensitive") else repr(value[:80])
    if shape.enum and value not in shape.enum:
        faults.append(f"{at}: {shown} is not one of the enumeration {shape.name}")
    size(shape, len(value), "characters", at, faults)
    pattern = said.get("pattern")
    if pattern and not compiled(pattern).fullmatch(value):
        faults.append(f"{at}: {shown} does not match {pattern[:120]}")


@functools.cache
def compiled(pattern):
    return regex.compile(pattern.replace(*BEYOND))


def number(shape, kind, value, at, faults):
    if isinstance(value, bool) or not isinstance(value, (int, float, Text)):
        faults.append(f"{at}: not a number")
        return
    if isinstance(value, Text):
        try:
            value = int(value) if kind in ("integer", "long") else float(value)
        except ValueError:
            faults.append(f"{at}: {value[:80]!r} is not a number")
            return
    if kind in ("integer", "long") and not isinstance(value, int):
        faults.append(f"{at}: {value} is not a whole number")
    said = shape.metadata
    if "min" in said and value < said["min"]:
        faults.append(f"{at}: {value} is less than {said['min']}")
    if "max" in said and value > said["max"]:
        faults.append(f"{at}: {value} is more than {said['max']}")


def timestamp(value, at, faults):
    if isinstance(value, Text):
        try:
            datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            faults.append(f"{at}: {value[:80]!r} is not a time")
    elif isinstance(value, bool) or not isinstance(value, (int, float, datetime.datetime)):
        faults.append(f"{at}: not a time")


def blob(shape, value, at, faults):
    if isinstance(value, str) and shape.serialization.get("streaming") is None and not shape.metadata.get("streaming"):
        try:
            value = base64.b64decode(value, validate=True)
        except binascii.Error:
            faults.append(f"{at}: not in base64")
            return
    size(shape, len(value), "bytes", at, faults)


def size(shape, length, of, at, faults):
    said = shape.metadata
    if "max" in said and length > said["max"]:
        faults.append(f"{at}: {length} {of}, more than {said['max']}")
    if "min" in said and length < said["min"]:
        faults.append(f"{at}: {length} {of}, less than {said['min']}")
