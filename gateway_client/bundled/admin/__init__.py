"""Portkey's admin API under `/v1` (facts/portkey.md 3 to 8, 13).

`door` finds out who calls, reads the request, keeps the audit and shapes the answer; `scopes` says what
a caller may do, `reach` in which workspace. One module per resource holds plain functions
`(gateway, call) -> answer` and the table of their routes; `bodies` says what a request may hold, and
`openapi` tells all of it. Providers and integrations are the operator's: no call makes or removes one.
"""
