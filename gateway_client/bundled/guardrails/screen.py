"""The guardrails that hold for one request, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway_client.bundled.guardrails import reachable, texts
from gateway_client.bundled.guardrails.finding import Finding
from gateway_client.bundled.guardrails.language import Check, Guardrail
from gateway_client.bundled.guardrails.request_checks import Asked, ModelCheck
from gateway_client.bundled.guardrails.text_checks import LONGEST, TOO_LONG, TextCheck
from gateway_client.bundled.routing.language import Node

MESSAGES = "/v1/messages"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check of one guardrail found; `deny`: the request ends with it (facts/portkey.md 9.8).

    `detail` never quotes the request or the answer. `quiet` verdicts are logged, and change no answer.
    """

    guardrail: str
    check: str
    passed: bool
    deny: bool
    detail: str
    name: str | None = None
    quiet: bool = False


class Screen:
    """The guardrails of a request: those of its config and those of its workspace."""

    def __init__(
        self,
        node: Node,
        families: Mapping[str, str],
        before: tuple[Guardrail, ...],
        after: tuple[Guardrail, ...],
    ) -> None:
        """Look at requests under a config with guardrails before and after; `families`: of the providers."""
        self._node = node
        self._families = families
        self._before = before
        self._after = after

    def request(
        self, params: Mapping[str, Any], metadata: Mapping[str, Any], path: str = MESSAGES
    ) -> list[Verdict]:
        """Look at what is asked: `params` is the body, `metadata` is merged, `path` lacks our prefix."""
        text: str | None = None
        asked: Asked | None = None
        verdicts = []
        for rail in self._before:
            for check in rail.checks:
                rule = check.rule
                if isinstance(rule, TextCheck):
                    text = texts.of_request(params) if text is None else text
                    found = _looked(rule, text)
                else:
                    asked = asked or self._asked(params, metadata, path)
                    found = rule.judge(asked)
                verdicts.append(_verdict(rail, check, found))
        return verdicts

    def admits(self, model: str, metadata: Mapping[str, Any]) -> bool:
        """Tell whether model rules that deny let a model pass, for one who would ask for it."""
        asked = self._asked({"model": model}, metadata, MESSAGES)
        return all(
            check.rule.judge(asked).passed
            for rail in self._before
            if rail.deny
            for check in rail.checks
            if isinstance(check.rule, ModelCheck)
        )

    def withholds(self) -> bool:
        """Tell whether an answer must be seen whole before any of it is passed on."""
        return any(rail.deny for rail in self._after)

    def response(self, body: bytes, *, stream: bool) -> list[Verdict]:
        """Look at a whole answer, a message or its events. An answer that is neither has no verdicts.

        Only checks on what is said are made: those on models, metadata and types are about requests.
        """
        if not self._after:
            return []
        text = texts.of_answer(body, stream=stream)
        if text is None:
            return []
        return [
            _verdict(rail, check, _looked(check.rule, text))
            for rail in self._after
            for check in rail.checks
            if isinstance(check.rule, TextCheck)
        ]

    def _asked(self, params: Mapping[str, Any], metadata: Mapping[str, Any], path: str) -> Asked:
        facts = {"metadata": metadata, "params": params, "url": {"pathname": path}}
        reached = reachable.reached(self._node, facts, None, self._families)
        kind = "stream-messages" if params.get("stream") is True else "messages"
        return Asked(tuple(dict.fromkeys(one.model for one in reached)), metadata, kind)


def _looked(rule: TextCheck, text: str) -> Finding:
    return rule.look(text) if len(text) <= LONGEST else TOO_LONG


def _verdict(rail: Guardrail, check: Check, found: Finding) -> Verdict:
    return Verdict(
        guardrail=rail.slug,
        check=check.id,
        passed=found.passed,
        deny=rail.deny and not found.passed,
        detail=found.detail,
        name=check.name,
        quiet=rail.quiet,
    )
