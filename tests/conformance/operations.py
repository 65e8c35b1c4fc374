"""Which operation of its service a request is for, by the rules of the service's protocol."""

import functools
import re
import urllib.parse

# Parameters that belong to no operation: those of a presigned URL, and one that SDKs add for logs.
OF_NO_OPERATION = re.compile(r"X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature|Security-Token)|x-id")


def of(service, request):
    """The operation, its protocol, and its URI's values for REST protocols; or what is wrong."""
    headers = request["headers"]
    if "smithy-protocol" in headers:
        return in_cbor(service, request)
    if "x-amz-target" in headers:
        return in_json(service, headers)
    protocol = service.metadata["protocol"]
    if protocol in ("query", "ec2"):
        return in_query(service, request, protocol)
    return rest(service, request, protocol)


def speaks(service, protocol):
    return protocol == service.metadata["protocol"] or protocol in service.metadata.get("protocols", [])


def named(service, name, protocol):
    if not speaks(service, protocol):
        return f"the service does not speak {protocol}"
    if name not in service.operation_names:
        return f"unknown operation {name}"
    return service.operation_model(name), protocol, None


def in_cbor(service, request):
    found = re.fullmatch(r"/service/([^/]+)/operation/([^/]+)", request["path"])
    if not found or request["headers"]["smithy-protocol"] != "rpc-v2-cbor":
        return f"no path of Smithy's RPC v2: {request['path']}"
    if found[1] != service.metadata["targetPrefix"]:
        return f"unknown service {found[1]} in the path"
    return named(service, found[2], "smithy-rpc-v2-cbor")


def in_json(service, headers):
    prefix, _, name = headers["x-amz-target"].rpartition(".")
    if prefix != service.metadata.get("targetPrefix"):
        return f"unknown target {headers['x-amz-target']}"
    wanted = f"application/x-amz-json-{service.metadata['jsonVersion']}"
    if headers.get("content-type") != wanted:
        return f"the content type is {headers.get('content-type')}, not {wanted}"
    return named(service, name, "json")


def in_query(service, request, protocol):
    params = dict(urllib.parse.parse_qsl(request.get("text", "")))
    if params.get("Version") != service.metadata["apiVersion"]:
        return f"unknown version {params.get('Version')}"
    return named(service, params.get("Action"), protocol)


def rest(service, request, protocol):
    """By method, path and the parameters that tell operations with the same path apart."""
    path, _, query = request["path"].partition("?")
    query = urllib.parse.parse_qsl(query, keep_blank_values=True)
    query = [(name, value) for name, value in query if not OF_NO_OPERATION.fullmatch(name)]
    # Only S3 has paths that end with a slash, which is part of the key.
    paths = {path, path.rstrip("/") or "/"}
    for name, method, pattern, constants, needs, headers in routes(service):
        if method != request["method"]:
            continue
        match = next((match for match in map(pattern.fullmatch, paths) if match), None)
        if match is None or not constants <= set(query) or not needs <= {name for name, _ in query}:
            continue
        if not headers <= set(request["headers"]):
            continue
        uri = {f"uri:{key}": urllib.parse.unquote(value) for key, value in match.groupdict().items()}
        uri["query"] = [(name, value) for name, value in query if (name, value) not in constants]
        return service.operation_model(name), protocol, uri
    return f"no operation has {request['method']} {path}"


@functools.cache
def routes(service):
    """All operations as they are told apart, those with the most conditions first, and deprecated ones last."""
    found = []
    for name in service.operation_names:
        operation = service.operation_model(name)
        path, _, constants = operation.http["requestUri"].partition("?")
        members, required = {}, []
        if operation.input_shape is not None:
            members, required = operation.input_shape.members, operation.input_shape.required_members
        pattern = re.escape(path.rstrip("/") or "/")
        for member, shape in members.items():
            if shape.serialization.get("location") == "uri":
                key = re.escape(shape.serialization.get("name", member))
                pattern = pattern.replace(r"\{" + key + r"\}", f"(?P<{key}>[^/]+)")
                pattern = pattern.replace(r"\{" + key + r"\+\}", f"(?P<{key}>.+)")
        needs = {m: members[m].serialization for m in required}
        of_query = {s.get("name", m) for m, s in needs.items() if s.get("location") == "querystring"}
        of_headers = {s.get("name", m).lower() for m, s in needs.items() if s.get("location") == "header"}
        constants = set(urllib.parse.parse_qsl(constants, keep_blank_values=True))
        conditions = len(constants) + len(of_query) + len(of_headers)
        route = (name, operation.http["method"], re.compile(pattern), constants, of_query, of_headers)
        found.append(((operation.deprecated, -conditions), route))
    return [route for _, route in sorted(found, key=lambda item: item[0])]
