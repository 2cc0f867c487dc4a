"""The bundled gateway of a state folder: found running, embedded for one run, or served.

The only room of the tool that imports it, and itself imported only when no gateway is configured.
"""
