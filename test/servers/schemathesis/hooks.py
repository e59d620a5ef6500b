"""What schemathesis cannot know of the engine.

Some of its checks expect more than an OpenAPI document can say. Their failures are dropped for the reasons
below; whatever else they find, and all other checks, stand.
"""

import os
import re

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, MalformedJson
from schemathesis.openapi.checks import IgnoredAuth, MissingHeaderNotRejected, RejectedPositiveData

# Answers to well-formed requests that depend on what there is: 410 it is over, 412 its revision is not the
# wanted one, 416 it is shorter than that, 422 it names what does not exist or a time that never comes.
DEPENDS_ON_STATE = {410, 412, 416, 422}

# Rules for values that JSON Schema has no words for, by place and by what was expected there.
BEYOND_SCHEMAS = [
    # opaque, made by an earlier page
    (r"(query\.)?cursor", "a cursor that an earlier page gave"),
    (r"query\.after|header Last-Event-ID", "an event id"),
    # must be as in the path
    ("name|capability", "the (name|capability) in the path"),
    ("capability", "the capability of the schedule"),
    ("name", "a name that the API does not use itself"),
    # a header and a query that hold JSON
    (r"header capscheduler-options.*", ""),
    (r"query\.schema\b.*", ""),
    # what goes with another field
    ("body", "either a body, or .*|rows or a file"),
    (r".*\bcatchUp\.window", "no window with .*"),
    (r"delivery\.(targets|mode)", ".* (with mode|with targets)"),
    # `dependentRequired` says it, which schemathesis does not read
    (".*", 'either "destination", or "channel" with "settings"'),
    (r".*\boptions", "options only together with a format"),
    (r".*\bsidecars", '"checksums", "manifest" or "done"|a destination whose channel keeps files'),
    (r".*\bpackage\b.*", '"recipients" to encrypt|a passphrase only|each once|"files" only'),
    (r".*\ballow\b.*", "no such rule|a channel that keeps files"),
    (r".*\bdelay", "a delay of at most maxDelay"),
    # forms of texts, and bounds of what they mean
    (".*", "a duration "),
    (".*", "an instant between the years 1970 and 9999"),
    (".*", "an http or https URL"),
    (r".*\bsecret", '"whsec_" and base64'),
    # what fits together in a timing, a calendar or a range, and what is known of the world
    (r"(.*\.)?(timing|time|frequency)\b.*", ""),
    (r"(schedules|outages|clockChanges|pauses)\b.*", ""),
    (r"(ics|days|holidays)\b.*", ""),
    (r"query\.country", "the code of a country"),
    (r"(query\.)?(from|to|at|horizon|count)", ""),
    # JSON numbers have no bounds, doubles have
    (".*", "a number that a double holds exactly"),
    # names that harm when parsers make objects of them
    (".*", 'a key other than "__proto__"'),
    # the coverage phase sends 0, which the pattern does not allow
    ("header If-Match", "one entity tag "),
    # their schemas are in the catalogue: one for each channel, format and binding
    (r"(.*\.)?(settings|options|binding)\b.*", ""),
]

# Their bodies are files, whose insides no schema describes: an error names the line.
ONE_OFF = {"POST /v1/format", "POST /v1/deliver"}


def is_beyond_schemas(error):
    return any(
        re.fullmatch(path, error["path"], re.DOTALL) and re.match(expected, error["expected"])
        for path, expected in BEYOND_SCHEMAS
    )


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if response.status_code == 431:
        # a request that HTTP itself refuses, before any operation is known
        return False
    if isinstance(failure, RejectedPositiveData):
        if response.status_code in DEPENDS_ON_STATE:
            return False
        errors = response.json()["errors"] if response.status_code == 400 else []
        if response.status_code == 400 and case.operation.label in ONE_OFF and not errors:
            return False
        return not (errors and all(map(is_beyond_schemas, errors)))
    if isinstance(failure, AcceptedNegativeData):
        # what the configuration gives is right, though all of it is text there
        if "dictionary `" in failure.message:
            return False
        # an entity tag that no resource has is refused as one that differs, a text too long as a body too large
        return response.status_code not in {412, 413}
    if isinstance(failure, (IgnoredAuth, MissingHeaderNotRejected)):
        # guesses from one address are limited: refused they are, only otherwise
        return not re.search(r"\bgot `?429\b", failure.message, re.IGNORECASE)
    # a part of a JSON text is none
    return not (isinstance(failure, MalformedJson) and response.status_code == 206)


@schemathesis.hook
def map_headers(context, headers):
    # it goes before the token in Authorization, which would then never be tried
    return {name: value for name, value in (headers or {}).items() if name.lower() != "x-session-token"}


@schemathesis.hook
def filter_case(context, case):
    # what asks and what answers must stay as it is; the capability `standing` may be replaced, not removed
    kept = set(os.environ["KEPT"].split(","))
    named = {str(value) for value in (case.path_parameters or {}).values()}
    if case.method == "DELETE":
        return named.isdisjoint(kept)
    return case.method != "PUT" or named.isdisjoint(kept - {"standing"})


@schemathesis.hook
def before_call(context, case, **kwargs):
    # what a binding and a channel need is in the catalogue only: in every other request it is right
    body = case.body
    if not case.meta.generation.mode.is_positive or not isinstance(body, dict) or len(str(body)) % 2:
        return
    if case.operation.label == "PUT /v1/capabilities/{name}":
        named = {field: value for field, value in body.items() if field != "name"}
        case.body = {**named, "binding": {"type": "http", "url": "https://example.org/capability"}}
    elif case.operation.path.startswith("/v1/destinations"):
        # one that is there keeps its channel
        keeps = case.method == "PATCH" or case.operation.path.endswith("{id}/test")
        channel = {} if keeps else {"channel": "webhook"}
        case.body = {**body, **channel, "settings": {"url": "https://example.org/incoming"}}
