"""The routing configs' language (facts/portkey.md 5.2): read, checked when saved, and carried out.

All of it is pure: `language` reads and checks a config, `conditions` decides a conditional route,
`attempts` turns a config into targets to try one after the other, `retries` tells when one target is
tried again, `model_names` splits `@provider/model`, `patterns` matches in bounded time.
"""
