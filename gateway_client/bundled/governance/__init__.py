"""Limits: budgets and rates of keys, of workspaces, and of whoever a policy groups together.

`Governor` is asked once for each request that is about to leave for a provider, and told afterwards
what it used. What is counted stands in memory and follows into the store with the log. `gates` has
the limits of a key and its workspace, `grouping` those of policies, `periods` when counting begins
anew, and `answers` what a client is told.
"""
