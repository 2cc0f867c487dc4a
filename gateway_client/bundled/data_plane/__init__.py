"""The inference side: Anthropic Messages with Portkey's credentials, headers and refusals.

`routes` lists the paths; `admission` knows the caller, `binding` the config, `metadata` what is
attributed to whom; `exchange` carries a request out and its answer back; `usage` and `prices` tell
what it cost.
"""
