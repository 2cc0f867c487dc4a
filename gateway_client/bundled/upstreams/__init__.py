"""Who answers a request: the built-in echo, or an Anthropic-compatible service.

Both stand behind the one-method port in `port`; the data plane knows nothing else of them.
"""
