"""What an admin sees in a browser: logs, sessions, spend, keys, configs and revisions.

HTML made here and one stylesheet; no script, and nothing from elsewhere. `door` lets nobody in without
the admin token; every page is a function of the gateway and the question in the address. The pages
only show: the one thing that a form can change is whether one is signed in.
"""
