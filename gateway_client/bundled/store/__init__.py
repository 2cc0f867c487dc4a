"""The gateway's state: one SQLite file through SQLAlchemy Core.

`database` opens it; `keys`, `configs` and `workspaces` hold the rows that the admin API manages;
`records` the request log and the audit of admin calls, `analytics` its sums, `bodies` what it kept of
requests and answers. The `logbook` writes them, and the `meters`, in a thread of its own.
"""
