-- The tables of schema version 1, as the gateway of that version made them.
CREATE TABLE identity (
    schema_version INTEGER NOT NULL,
    instance_id VARCHAR NOT NULL,
    organisation_id VARCHAR NOT NULL,
    created_at VARCHAR NOT NULL
);
CREATE TABLE workspaces (
    id VARCHAR NOT NULL,
    slug VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    description VARCHAR,
    is_default BOOLEAN NOT NULL,
    defaults_metadata JSON,
    usage_limits JSON,
    rate_limits JSON,
    created_at VARCHAR NOT NULL,
    last_updated_at VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (slug)
);
CREATE TABLE request_log (
    id INTEGER NOT NULL,
    time VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    key_id VARCHAR NOT NULL,
    key_name VARCHAR NOT NULL,
    merged_metadata JSON NOT NULL,
    contradicted JSON NOT NULL,
    path VARCHAR NOT NULL,
    stream BOOLEAN NOT NULL,
    config VARCHAR,
    target VARCHAR,
    provider VARCHAR,
    model_asked VARCHAR,
    model_served VARCHAR,
    status INTEGER NOT NULL,
    outcome VARCHAR NOT NULL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cache_read_tokens INTEGER,
    cache_write_tokens INTEGER,
    cost_nano_usd INTEGER,
    latency_ms INTEGER NOT NULL,
    user_agent VARCHAR,
    session_id VARCHAR,
    settings_checksum VARCHAR,
    PRIMARY KEY (id)
);
CREATE INDEX request_log_by_key ON request_log (key_id, id);
CREATE TABLE admin_log (
    id INTEGER NOT NULL,
    time VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    status INTEGER NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE configs (
    id VARCHAR NOT NULL,
    slug VARCHAR NOT NULL,
    workspace_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    is_default BOOLEAN NOT NULL,
    version_id VARCHAR NOT NULL,
    created_at VARCHAR NOT NULL,
    last_updated_at VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (slug),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE
);
CREATE INDEX ix_configs_workspace_id ON configs (workspace_id);
CREATE TABLE api_keys (
    id VARCHAR NOT NULL,
    workspace_id VARCHAR,
    type VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    description VARCHAR,
    user_id VARCHAR,
    masked VARCHAR NOT NULL,
    scopes JSON NOT NULL,
    rate_limits JSON,
    usage_limits JSON,
    defaults_metadata JSON,
    config_id VARCHAR,
    allow_config_override BOOLEAN,
    alert_emails JSON,
    rotation_policy JSON,
    expires_at VARCHAR,
    created_at VARCHAR NOT NULL,
    last_updated_at VARCHAR NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE
);
CREATE INDEX ix_api_keys_workspace_id ON api_keys (workspace_id);
CREATE TABLE config_versions (
    version_id VARCHAR NOT NULL,
    config_id VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    body TEXT NOT NULL,
    created_at VARCHAR NOT NULL,
    PRIMARY KEY (version_id),
    FOREIGN KEY(config_id) REFERENCES configs (id) ON DELETE CASCADE
);
CREATE INDEX ix_config_versions_config_id ON config_versions (config_id);
CREATE TABLE secrets (
    digest VARCHAR NOT NULL,
    key_id VARCHAR NOT NULL,
    ends_at VARCHAR,
    PRIMARY KEY (digest),
    FOREIGN KEY(key_id) REFERENCES api_keys (id) ON DELETE CASCADE
);
CREATE INDEX ix_secrets_key_id ON secrets (key_id);
