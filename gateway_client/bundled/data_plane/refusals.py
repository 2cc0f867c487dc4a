"""What the data plane answers when it does not carry a request out; bodies as in facts/portkey.md 9.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response


class Refusal(Exception):
    """A request ends here, with this answer."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body

    def message(self) -> str:
        """Return the answer's words alone."""
        return str(self.body["message"] if "message" in self.body else self.body["error"]["message"])

    def response(self) -> Response:
        """Return the answer."""
        return JSONResponse(self.body, status_code=self.status)


def coded(status: int, message: str, code: str) -> Refusal:
    """Refuse with an error code (`01` expired, `03` unknown key, `033` not allowed)."""
    error = {"message": message, "code": code}
    return Refusal(status, {"status": "failure", "message": message, "error": error})


def plain(message: str, status: int = 400) -> Refusal:
    """Refuse a request that can't be routed."""
    message = message.encode(errors="replace").decode()  # it may quote half a character of the request
    return Refusal(status, {"status": "failure", "message": message})


def blocked(code: str, field: str, message: str) -> Refusal:
    """Refuse what saved-only mode forbids (facts/portkey.md 9.6)."""
    error = {"code": code, "message": message, "field": field}
    return Refusal(400, {"status": "failure", "error": error, "message": message})


def model_not_allowed(provider: str, model: str) -> Refusal:
    """Refuse a model that a provider's integration does not list."""
    name = model[:128].encode(errors="replace").decode()  # JSON can hold half a character
    message = f"model {name} is not allowed for provider {provider}"
    error = {"message": message, "type": "model_not_allowed_error", "param": None, "code": None}
    return Refusal(412, {"error": error})


def upstream_failure(status: int, message: str, kind: str, provider: str) -> Refusal:
    """Answer for a provider that gave no answer."""
    error = {"message": f"{provider} error: {message}", "type": kind, "param": None, "code": None}
    return Refusal(status, {"error": error, "provider": provider})
