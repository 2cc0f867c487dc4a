"""The gateway's state: one SQLite file through SQLAlchemy Core.

`database` opens it; `keys`, `configs` and `workspaces` hold the rows that the admin API manages;
`records` and `logbook` the request log and the audit of admin calls.
"""
