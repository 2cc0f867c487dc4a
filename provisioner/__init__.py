"""The tool: roster in, keys and artifacts out, drift reported. `docs/architecture.md` draws it."""
