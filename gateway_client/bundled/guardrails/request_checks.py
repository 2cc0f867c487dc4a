"""Checks on what a request is, whatever it says: its model, its metadata, its kind. Pure.

Model and metadata rules are those of Portkey's plugins of the same names, except that a rule which can't be
decided (no models listed for this metadata) does not pass here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, JsonValue, model_validator

from gateway_client.bundled.guardrails.finding import Finding, Parameters
from gateway_client.bundled.guardrails.text_checks import Operator, checked_pattern, holds
from gateway_client.bundled.routing import patterns

Text = Annotated[str, Field(min_length=1, max_length=500)]
Texts = Annotated[list[Text], Field(max_length=1000)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as these checks see it.

    `models` holds every model that it can reach under its config, `metadata` is merged, `kind` is
    `messages` or `stream-messages`.
    """

    models: tuple[str, ...]
    metadata: Mapping[str, Any]
    kind: str


class ModelWhitelist(Parameters):
    """`default.modelwhitelist`: only these models, or with `not` all but these."""

    models: Annotated[Texts, Field(min_length=1)]
    inverted: bool = Field(default=False, alias="not")

    def judge(self, asked: Asked) -> Finding:
        """Look at a request."""
        return _models(all((model in self.models) != self.inverted for model in asked.models))


class Rules(Parameters):
    """Models by metadata, key and value; `defaults` where none of it fits."""

    defaults: Texts = Field(default_factory=list)
    metadata: dict[str, dict[str, Texts]] = Field(default_factory=dict)


class ModelRules(Parameters):
    """`default.modelRules`: only models that the rules give to the metadata, or with `not` none of them."""

    rules: Rules
    inverted: bool = Field(default=False, alias="not")

    @model_validator(mode="after")
    def _says_something(self) -> ModelRules:
        if not self.rules.defaults and not any(self.rules.metadata.values()):
            raise ValueError("rules: names no model, neither in defaults nor in metadata")
        return self

    def judge(self, asked: Asked) -> Finding:
        """Look at a request."""
        fitting = {
            model
            for key, by_value in self.rules.metadata.items()
            for value in _values(asked.metadata.get(key))
            for model in by_value.get(value, ())
        }
        listed = fitting or set(self.rules.defaults)
        return _models(all((model in listed) != self.inverted for model in asked.models))


class RequiredMetadataKeys(Parameters):
    """`default.requiredMetadataKeys`: all, any or none of the keys are there."""

    metadata_keys: Annotated[Texts, Field(min_length=1, alias="metadataKeys")]
    operator: Operator = "all"

    def judge(self, asked: Asked) -> Finding:
        """Look at a request."""
        missing = [key for key in self.metadata_keys if key not in asked.metadata]
        found = len(self.metadata_keys) - len(missing)
        passed = holds(self.operator, found, len(self.metadata_keys))
        detail = f"{found} of {len(self.metadata_keys)} metadata keys found"
        if missing and not passed:
            detail += f", missing: {', '.join(missing)}"
        return Finding(passed, detail)


class RequiredMetadataKeyPairs(Parameters):
    """`default.requiredMetadataKeyPairs`: all, any or none of the keys have one of the wanted values.

    A value is text or a list of texts: with `exact` one of them is the value, with `contains` one of
    them is in it, with `containsAll` all of them are, with `regex` one of the patterns occurs in it.
    """

    metadata_pairs: Annotated[
        dict[str, Text | Annotated[Texts, Field(min_length=1)]], Field(min_length=1)
    ] = Field(alias="metadataPairs")
    operator: Operator = "all"
    match_type: Literal["exact", "contains", "containsAll", "regex"] = Field("exact", alias="matchType")

    @model_validator(mode="after")
    def _patterns(self) -> RequiredMetadataKeyPairs:
        if self.match_type == "regex":
            for key, wanted in self.metadata_pairs.items():
                for pattern in _listed(wanted):
                    try:
                        checked_pattern(pattern)
                    except ValueError as exc:
                        raise ValueError(f"metadataPairs.{key}: {exc}") from exc
        return self

    def judge(self, asked: Asked) -> Finding:
        """Look at a request."""
        wrong = [
            key
            for key, wanted in self.metadata_pairs.items()
            if not any(self._fits(value, _listed(wanted)) for value in _values(asked.metadata.get(key)))
        ]
        found = len(self.metadata_pairs) - len(wrong)
        passed = holds(self.operator, found, len(self.metadata_pairs))
        detail = f"{found} of {len(self.metadata_pairs)} metadata pairs found"
        if wrong and not passed:
            detail += f", without: {', '.join(wrong)}"
        return Finding(passed, detail)

    def _fits(self, value: str, wanted: list[str]) -> bool:
        match self.match_type:
            case "exact":
                return value in wanted
            case "contains":
                return any(text in value for text in wanted)
            case "containsAll":
                return all(text in value for text in wanted)
            case "regex":
                return any(patterns.found(pattern, value) for pattern in wanted)


# fmt: off
KNOWN_TYPES = frozenset({
    "messages", "stream-messages",
    "complete", "stream-complete", "chatComplete", "stream-chatComplete", "embed", "rerank", "moderate",
    "proxy", "realtime", "imageGenerate", "createSpeech", "createTranscription", "createTranslation",
    "uploadFile", "listFiles", "retrieveFile", "deleteFile", "retrieveFileContent",
    "createBatch", "listBatches", "retrieveBatch", "cancelBatch", "getBatchOutput",
    "createFinetune", "listFinetunes", "retrieveFinetune", "cancelFinetune",
    "createModelResponse", "getModelResponse", "deleteModelResponse", "listResponseInputItems",
})
# fmt: on
"""What Portkey serves; this gateway has the first two."""


def _known_types(types: list[str]) -> list[str]:
    unknown = set(types) - KNOWN_TYPES
    if unknown:
        raise ValueError(f"{len(unknown)} of the types are unknown, here are messages and stream-messages")
    return types


Types = Annotated[list[str], AfterValidator(_known_types)]


class AllowedRequestTypes(Parameters):
    """`default.allowedRequestTypes`: these kinds of requests only, or all but these."""

    allowed: Types = Field(default_factory=list, alias="allowedTypes")
    blocked: Types = Field(default_factory=list, alias="blockedTypes")

    @model_validator(mode="after")
    def _not_both(self) -> AllowedRequestTypes:
        both = sorted(set(self.allowed) & set(self.blocked))
        if both:
            raise ValueError(f"allowedTypes and blockedTypes both name {', '.join(both)}")
        return self

    def judge(self, asked: Asked) -> Finding:
        """Look at a request."""
        passed = asked.kind not in self.blocked and (not self.allowed or asked.kind in self.allowed)
        return Finding(passed, f"requests of type {asked.kind} are {'' if passed else 'not '}allowed")


ModelCheck: TypeAlias = ModelWhitelist | ModelRules
RequestCheck: TypeAlias = ModelCheck | RequiredMetadataKeys | RequiredMetadataKeyPairs | AllowedRequestTypes


def _models(passed: bool) -> Finding:
    return Finding(passed, f"the model is {'' if passed else 'not '}allowed")


def _listed(wanted: str | list[str]) -> list[str]:
    return [wanted] if isinstance(wanted, str) else wanted


def _values(value: JsonValue) -> Iterable[str]:
    """Return the values of a metadata key as texts: none, one, or those of a list."""
    if value is None:
        return ()
    return [str(part) for part in value] if isinstance(value, list) else (str(value),)
