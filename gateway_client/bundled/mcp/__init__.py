"""`/mcp`: the tools of configured MCP servers behind one key, and two of the gateway's own."""
