"""A request's input as plain values, by the rules of its protocol. What the model does not have is a fault here."""

import base64
import io
import json
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

from botocore.parsers import RpcV2CBORParser

# S3 headers that belong to no operation but to the request itself.
OF_NO_OPERATION = re.compile(
    r"x-amz-(content-sha256|decoded-content-length|trailer|te|checksum-(crc32|crc32c|crc64nvme|sha1|sha256))"
)


class Text(str):
    """A value of a protocol that has text alone: its type is what the model says."""


def decoded(service, operation, protocol, request, uri, faults):
    """The members of the input by their names in the model."""
    body = base64.b64decode(request["base64"]) if "base64" in request else request.get("text", "")
    shape = operation.input_shape
    if protocol in ("query", "ec2"):
        params = urllib.parse.parse_qsl(body, keep_blank_values=True)
        params = [(name, value) for name, value in params if name not in ("Action", "Version")]
        tree = nested(params, faults)
        return of_query(shape, tree, "", protocol == "ec2", faults) if shape else nothing(tree, faults)
    if protocol == "json":
        tree = json.loads(body or "{}")
        return of_json(shape, tree, "", faults) if shape else nothing(tree, faults)
    if protocol == "smithy-rpc-v2-cbor":
        data = body if isinstance(body, bytes) else body.encode("utf-8")
        # CBOR that is also valid UTF-8 is recorded as text.
        tree = RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(data))) if data else {}
        return of_json(shape, tree, "", faults, cbor=True) if shape else nothing(tree, faults)
    return of_rest(operation, protocol, request, uri, body, faults)


def nothing(tree, faults):
    """An operation without an input has no members."""
    faults.extend(f".{name}: unknown member" for name in tree)
    return {}


def nested(params, faults):
    """`A.member.1.B=x` as dictionaries of dictionaries."""
    tree = {}
    for name, value in params:
        node = tree
        *path, last = name.split(".")
        for part in path:
            node = node.setdefault(part, {})
            if isinstance(node, Text):
                faults.append(f"{name}: a value and a structure at once")
                return tree
        if last in node:
            faults.append(f"{name}: more than once")
        node[last] = Text(value)
    return tree


def query_name(name, shape, ec2):
    """What a member is called in the Query protocols."""
    said = shape.serialization
    if ec2:
        given = said.get("name", name)
        return said.get("queryName") or given[:1].upper() + given[1:]
    if shape.type_name == "list" and said.get("flattened") and shape.member.serialization.get("name"):
        return shape.member.serialization["name"]
    return said.get("name", name)


def of_query(shape, tree, at, ec2, faults):
    kind = shape.type_name
    if kind == "structure":
        if isinstance(tree, Text):
            faults.append(f"{at}: not a structure")
            return {}
        names = {query_name(name, member, ec2): (name, member) for name, member in shape.members.items()}
        value = {}
        for key, below in tree.items():
            if key not in names:
                faults.append(f"{at}.{key}: unknown member")
                continue
            name, member = names[key]
            value[name] = of_query(member, below, f"{at}.{name}", ec2, faults)
        return value
    if kind == "list":
        if tree == "":
            return []
        if not ec2 and not shape.serialization.get("flattened"):
            tree = only(tree, shape.member.serialization.get("name", "member"), at, faults)
        return [of_query(shape.member, below, f"{at}[]", ec2, faults) for below in numbered(tree, at, faults)]
    if kind == "map":
        if not shape.serialization.get("flattened"):
            tree = only(tree, "entry", at, faults)
        key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        entries = numbered(tree, at, faults)
        return {entry.get(key): of_query(shape.value, entry.get(value), f"{at}{{}}", ec2, faults) for entry in entries}
    if not isinstance(tree, Text):
        faults.append(f"{at}: not a value")
        return Text("")
    return tree


def only(tree, name, at, faults):
    """What is below the one name that may be here."""
    if isinstance(tree, Text) or set(tree) != {name}:
        faults.append(f"{at}: its items are not below .{name}")
        return {}
    return tree[name]


def numbered(tree, at, faults):
    """The items of a list, which are numbered from one."""
    if isinstance(tree, Text) or set(tree) != {str(n + 1) for n in range(len(tree))}:
        faults.append(f"{at}: its items are not numbered from 1")
        return []
    return [tree[str(n + 1)] for n in range(len(tree))]


def of_json(shape, tree, at, faults, cbor=False):
    """Values of JSON or CBOR; CBOR has the model's own names for members."""
    kind = shape.type_name
    if tree is None:
        faults.append(f"{at}: null")
        return None
    wanted = {"structure": dict, "map": dict, "list": list}.get(kind)
    if wanted is None or getattr(shape, "is_document_type", False):
        return tree
    if not isinstance(tree, wanted):
        faults.append(f"{at}: not a {kind}")
        return wanted()
    if kind == "list":
        return [of_json(shape.member, item, f"{at}[]", faults, cbor) for item in tree]
    if kind == "map":
        return {key: of_json(shape.value, item, f"{at}{{}}", faults, cbor) for key, item in tree.items()}
    names = {}
    for name, member in shape.members.items():
        if "location" not in member.serialization:
            names[name if cbor else member.serialization.get("name", name)] = name, member
    value = {}
    for key, below in tree.items():
        if key not in names:
            faults.append(f"{at}.{key}: unknown member")
            continue
        name, member = names[key]
        value[name] = of_json(member, below, f"{at}.{name}", faults, cbor)
    return value


def of_rest(operation, protocol, request, uri, body, faults):
    """Members are in the path, the parameters, the headers and the body."""
    shape, value = operation.input_shape, {}
    parameters = {}
    for name, text in uri["query"]:
        parameters.setdefault(name, []).append(text)
    headers = {name: text for name, text in request["headers"].items()}
    in_body = {}
    for name, member in shape.members.items() if shape else ():
        key, place = member.serialization.get("name", name), member.serialization.get("location")
        if place == "uri":
            value[name] = Text(uri[f"uri:{key}"])
        elif place == "querystring" and key in parameters:
            texts = [Text(text) for text in parameters.pop(key)]
            value[name] = texts if member.type_name == "list" else texts[0]
        elif place == "header" and key.lower() in headers:
            text = headers.pop(key.lower())
            items = [Text(item.strip()) for item in text.split(",")]
            value[name] = items if member.type_name == "list" else Text(text)
        elif place == "headers":
            mine = [header for header in headers if header.startswith(key.lower())]
            value[name] = {header[len(key):]: Text(headers.pop(header)) for header in mine}
        elif place is None:
            in_body[name] = member
    faults.extend(f"?{name}: unknown parameter" for name in parameters)
    unknown = [name for name in headers if name.startswith("x-amz") and not OF_NO_OPERATION.fullmatch(name)]
    faults.extend(f"{name}: unknown header" for name in unknown)
    payload = shape.serialization.get("payload") if shape else None
    if payload:
        member = shape.members[payload]
        if member.type_name in ("blob", "string"):
            # The content of an object, which no model describes.
            value[payload] = body
        elif body:
            value[payload] = document(member, protocol, body, payload, faults)
    elif body and in_body:
        value.update(document(shape, protocol, body, operation.name, faults))
    elif body:
        faults.append("a body, and the operation has none")
    return value


def document(shape, protocol, body, name, faults):
    """The members in a body."""
    if protocol == "rest-json":
        return of_json(shape, json.loads(body), "", faults)
    root = ElementTree.fromstring(body)
    said = shape.serialization
    space = said.get("xmlNamespace", {}).get("uri")
    wanted = f"{{{space}}}{said.get('name', name)}" if space else said.get("name", name)
    if root.tag != wanted:
        faults.append(f"the document is {root.tag}, not {wanted}")
    return of_xml(shape, root, "", faults)


def bare(tag):
    """A name without its namespace."""
    return tag.rpartition("}")[2]


def of_xml(shape, element, at, faults):
    kind = shape.type_name
    if kind == "structure":
        names = {}
        for name, member in shape.members.items():
            said = member.serialization
            if "location" not in said and not said.get("xmlAttribute"):
                flat = member.type_name == "list" and said.get("flattened")
                inner = member.member.serialization.get("name") if flat else None
                names[said.get("name", inner or name)] = name, member
        value, tags = {}, {}
        for child in element:
            tags.setdefault(bare(child.tag), []).append(child)
        for tag, children in tags.items():
            if tag not in names:
                faults.append(f"{at}.{tag}: unknown member")
                continue
            name, member = names[tag]
            where = f"{at}.{name}"
            if member.type_name == "list" and member.serialization.get("flattened"):
                value[name] = [of_xml(member.member, child, f"{where}[]", faults) for child in children]
                continue
            if len(children) > 1:
                faults.append(f"{where}: more than once")
            value[name] = of_xml(member, children[0], where, faults)
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            if member.serialization.get("xmlAttribute"):
                found = [text for attribute, text in element.items() if bare(attribute) == key.rpartition(":")[2]]
                value.update({name: Text(text) for text in found})
        return value
    if kind == "list":
        wanted = shape.member.serialization.get("name", "member")
        faults.extend(f"{at}.{bare(child.tag)}: unknown member" for child in element if bare(child.tag) != wanted)
        return [of_xml(shape.member, child, f"{at}[]", faults) for child in element]
    if kind == "map":
        faults.append(f"{at}: a map in XML, which this check cannot read yet")
        return {}
    return Text(element.text or "")
