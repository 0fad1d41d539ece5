"""What stands in for SendGrid: the receiver of requests, how SendGrid answers, and its official description."""

import email
import email.policy
import json
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests.connectors.receiver import Part, Received, Receiver, reply

KEY = "SG.open.sesame"
DESCRIPTION = Path(__file__).resolve().parents[3] / "shared/specs/sendgrid/tsg_mail_v3.json"
_RESERVED = {
    *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
    *("to", "from", "subject", "reply-to", "cc", "bcc"),
}


class Account(Receiver):
    """Takes every mail, unless it is told otherwise by `answers`."""

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def base(self) -> str:
        return self.url("")

    def usual(self) -> list[Part]:
        return taken()

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.received]

    def messages(self) -> list[Any]:
        return [as_message(one) for one in self.received]


def taken(id_: str = "14c5d75ce93") -> list[Part]:
    return reply(202, x_message_id=id_)


def refused(status: int, *errors: dict[str, Any], **headers: str) -> list[Part]:
    return reply(status, json.dumps({"errors": errors}).encode(), **headers)


def as_message(request: Received) -> Any:
    """The mail that SendGrid would make of a request, read by Python's own parser."""
    body = json.loads(request.body)
    (personalization,) = body["personalizations"]
    message = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=998))
    message["From"] = _address(body["from"])
    message["To"] = [_address(one) for one in personalization["to"]]
    if "reply_to" in body:
        message["Reply-To"] = _address(body["reply_to"])
    message["Subject"] = body["subject"]
    for name, value in body["headers"].items():
        message[name] = value
    plain, html = body["content"]
    message.set_content(plain["value"])
    message.add_alternative(html["value"], subtype="html")
    assert (plain["type"], html["type"]) == ("text/plain", "text/html")
    return email.message_from_bytes(message.as_bytes(), policy=email.policy.default)


def _address(given: dict[str, str]) -> Address:
    return Address(given.get("name", ""), addr_spec=given["email"])


@cache
def _validator() -> Draft202012Validator:
    described = json.loads(DESCRIPTION.read_text())
    body = described["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    # The first known defect: a mail's own arguments are an object, as those of a personalization are.
    body["properties"]["custom_args"] = {"type": "object", "additionalProperties": {"type": "string"}}
    # The live API asks for them, whatever the description says.
    body["required"] = ["personalizations", "from", "subject", "content"]
    return Draft202012Validator({**body, "components": described["components"]}, format_checker=FormatChecker())


def described_statuses() -> set[int]:
    """What may be answered; the second known defect is that 429 is missing."""
    described = json.loads(DESCRIPTION.read_text())
    return {int(one) for one in described["paths"]["/v3/mail/send"]["post"]["responses"]} | {429}


def faults(body: dict[str, Any]) -> list[str]:
    """What the description, and the limits that stand in its prose, have against a request."""
    if not DESCRIPTION.exists():
        pytest.skip(f"SendGrid's official description is not beside the repository, as {DESCRIPTION.name}")
    found = [f"{error.json_path}: {error.message}" for error in _validator().iter_errors(body)]
    if len(json.dumps(body.get("custom_args", {}))) >= 10_000:
        found.append("custom_args: too large")
    found += [f"headers: {name} is reserved" for name in body.get("headers", {}) if name.lower() in _RESERVED]
    people = [one["email"].lower() for group in body["personalizations"] for one in group["to"]]
    if len(people) != len(set(people)) or len(people) > 1000:
        found.append("personalizations: a repeated address, or too many")
    return found
