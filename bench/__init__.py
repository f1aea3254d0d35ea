"""The benchmark: this engine, its raw SQL limit and its peers, side by side on one server.

`./ops bench` runs it. Of this package only what an adapter needs (`adapter`, `payload`, `tally`,
`systems`) may be imported in a peer's environment, which has nothing of ours installed.
"""
