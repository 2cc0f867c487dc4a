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

VERSION = 1
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
    Column("user_agent", String),
    Column("session_id", String),
    Column("settings_checksum", String),
    Index("request_log_by_key", "key_id", "id"),
)

admin_log = Table(
    "admin_log",
    tables,
    Column("id", Integer, primary_key=True),
    Column("time", String, nullable=False),
    Column("method", String, nullable=False),
    Column("path", String, nullable=False),
    Column("status", Integer, nullable=False),
)
