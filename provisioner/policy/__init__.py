"""What a team in an env may do: profile files, merged, checked, and turned into routing and limits."""
