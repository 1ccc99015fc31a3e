"""What no schema can tell the fuzzer: which session and which key there are. Loaded by schemathesis, see fuzz-api."""

import os
import random
import re

import schemathesis

SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# What the schema says of an address; most of what fits it is none.
ADDRESS = re.compile(r"\s*https?://[^/\\].*", re.DOTALL)


def put(members, name, value, shape=SESSION_ID):
    """Puts a known value in the place of one that is well-formed; what is broken stays broken."""
    given = members.get(name)
    if isinstance(given, str) and shape.fullmatch(given) and random.random() < 0.75:
        members[name] = value


@schemathesis.serializer("application/gzip")
def gzip(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if not isinstance(body, dict):
        return
    # Completing ends a session: it gets one that is there for that.
    spare = case.operation.path in ("/v1/candidate/redeem", "/v1/candidate/complete", "/v1/candidate/consent")
    put(body, "sessionId", os.environ["FUZZ_SPARE_SESSION" if spare else "FUZZ_SESSION"])
    put(body, "key", os.environ["FUZZ_SPARE_KEY"])
    for name in ("url", "repoUrl", "issueUrl"):
        put(body, name, f"https://hooks.example/{random.randrange(1000)}", ADDRESS)
    events = body.get("events")
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict):
            put(event, "sessionId", os.environ["FUZZ_SESSION"])
