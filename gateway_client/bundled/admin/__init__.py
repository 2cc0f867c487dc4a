"""Portkey's admin API under `/v1`, as far as this first cut goes (facts/portkey.md 3 to 6, 13).

`door` checks the caller, reads the request, keeps the audit and shapes the answer; one module per
resource holds plain functions `(gateway, call) -> answer`; `bodies` says what a request may hold.
Keys, configs and workspaces can be managed. Providers are the operator's settings and are only
listed. Users, members, policies, guardrails and integrations are not there yet.
"""
