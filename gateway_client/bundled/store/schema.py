"""The tables of the bundled gateway. Moments are text (`timestamps.stamp`); lists and objects JSON."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
)

VERSION = 2
"""Goes up with every change of a table; a database of another version is refused."""

tables = MetaData()
_json = JSON(none_as_null=True)
AS_INSERTED: ColumnElement[int] = literal_column("rowid", Integer)
"""Orders a listing of one table oldest first, also where moments are equal."""

identity = Table(
    "identity",
    tables,
    Column("schema_version", Integer, nullable=False),
    Column("instance_id", String, nullable=False),
    Column("organisation_id", String, nullable=False),
    Column("created_at", String, nullable=False),
)

workspaces = Table(
    "workspaces",
    tables,
    Column("id", String, primary_key=True),
    Column("slug", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("description", String),
    Column("is_default", Boolean, nullable=False),
    Column("defaults_metadata", _json),
    Column("input_guardrails", _json),
    Column("output_guardrails", _json),
    Column("user_api_key_config", String),
    Column("usage_limits", _json),
    Column("rate_limits", _json),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

configs = Table(
    "configs",
    tables,
    Column("id", String, primary_key=True),
    Column("slug", String, nullable=False, unique=True),
    Column("workspace_id", ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("version_id", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

config_versions = Table(
    "config_versions",
    tables,
    Column("version_id", String, primary_key=True),
    Column("config_id", ForeignKey("configs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", String, nullable=False),
)

api_keys = Table(
    "api_keys",
    tables,
    Column("id", String, primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id", ondelete="CASCADE"), index=True),
    Column("type", String, nullable=False),
    Column("name", String, nullable=False),
    Column("description", String),
    Column("user_id", String),
    Column("masked", String, nullable=False),
    Column("scopes", _json, nullable=False),
    Column("rate_limits", _json),
    Column("usage_limits", _json),
    Column("defaults_metadata", _json),
    Column("config_id", String),
    Column("allow_config_override", Boolean),
    Column("alert_emails", _json),
    Column("rotation_policy", _json),
    Column("expires_at", String),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

# At most two live rows per key: the current secret, and the one before it until `ends_at`.
secrets = Table(
    "secrets",
    tables,
    Column("digest", String, primary_key=True),
    Column("key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("ends_at", String),
)

request_log = Table(
    "request_log",
    tables,
    Column("id", Integer, primary_key=True),
    Column("time", String, nullable=False),
    Column("trace_id", String, nullable=False),
    Column("workspace_id", String),
    Column("key_id", String, nullable=False),
    Column("key_name", String, nullable=False),
    Column("merged_metadata", _json, nullable=False),
    Column("contradicted", _json, nullable=False),
    Column("path", String, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("config", String),
    Column("target", String),
    Column("provider", String),
    Column("model_asked", String),
    Column("model_served", String),
    Column("status", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cache_read_tokens", Integer),
    Column("cache_write_tokens", Integer),
    Column("cost_nano_usd", Integer),
    Column("latency_ms", Integer, nullable=False),
    Column("first_byte_ms", Integer),
    Column("attempts", Integer, nullable=False),
    Column("cache_status", String),
    Column("verdicts", _json, nullable=False),
    Column("error", String),
    Column("request_bytes", Integer, nullable=False),
    Column("response_bytes", Integer, nullable=False),
    Column("user_agent", String),
    Column("client_version", String),
    Column("session_id", String),
    Column("agent_id", String),
    Column("settings_checksum", String),
    # What the pages filter by, taken out of the merged metadata.
    Column("tenant", String),
    Column("team", String),
    Column("user", String),
    Column("env", String),
    Index("request_log_by_key", "key_id", "id"),
    Index("request_log_by_time", "time"),
    Index("request_log_by_trace", "trace_id"),
    Index("request_log_by_session", "session_id", "id"),
    Index("request_log_by_team", "team", "id"),
)

# Off by default; redacted before they are written, and gone with their request.
request_bodies = Table(
    "request_bodies",
    tables,
    Column("request_id", ForeignKey("request_log.id", ondelete="CASCADE"), primary_key=True),
    Column("request", Text, nullable=False),
    Column("response", Text, nullable=False),
)

# Usage against a limit: one row per subject and limit, e.g. a key and its budget. `window` is the counted
# period (`store.meters.MeterRow`); another period starts from zero.
meters = Table(
    "meters",
    tables,
    Column("subject", String, primary_key=True),
    Column("gauge", String, primary_key=True),
    Column("window", String, nullable=False),
    Column("amount", Integer, nullable=False),
)

policies = Table(
    "policies",
    tables,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("workspace_id", ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String),
    Column("body", _json, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

guardrails = Table(
    "guardrails",
    tables,
    Column("id", String, primary_key=True),
    Column("slug", String, nullable=False, unique=True),
    Column("workspace_id", ForeignKey("workspaces.id", ondelete="CASCADE"), index=True),
    Column("name", String, nullable=False),
    Column("checks", _json, nullable=False),
    Column("actions", _json, nullable=False),
    Column("version_id", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

users = Table(
    "users",
    tables,
    Column("id", String, primary_key=True),
    Column("email", String, nullable=False, unique=True),
    Column("first_name", String),
    Column("last_name", String),
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

members = Table(
    "members",
    tables,
    Column("workspace_id", ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

invites = Table(
    "invites",
    tables,
    Column("id", String, primary_key=True),
    Column("email", String, nullable=False),
    Column("role", String, nullable=False),
    Column("workspaces", _json, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
)

# Providers that the operator added, with their keys sealed; `models` None allows every model.
providers = Table(
    "providers",
    tables,
    Column("slug", String, primary_key=True),
    Column("family", String, nullable=False),
    Column("base_url", String),
    Column("auth", String, nullable=False),
    Column("sealed_key", Text),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

model_lists = Table(
    "model_lists",
    tables,
    Column("integration", String, primary_key=True),
    Column("allow_all_models", Boolean, nullable=False),
    Column("models", _json, nullable=False),
)

log_exports = Table(
    "log_exports",
    tables,
    Column("id", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("description", String),
    Column("body", _json, nullable=False),
    Column("created_at", String, nullable=False),
    Column("last_updated_at", String, nullable=False),
)

admin_log = Table(
    "admin_log",
    tables,
    Column("id", Integer, primary_key=True),
    Column("time", String, nullable=False),
    Column("method", String, nullable=False),
    Column("path", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("caller", String),
    Index("admin_log_by_time", "time"),
)
