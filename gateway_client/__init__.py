"""All that knows a gateway's wire; never imports `provisioner`.

`contract` is the neutral port, `portkey` the adapter, `http` the one door with `transport` and
`answers` behind it, `url` and `address` the rules of where it may lead, `compare` tells how what is
there differs from what should be, and `errors` is all that comes out. `bundled` is the gateway
that speaks the same wire from the other end.
"""
