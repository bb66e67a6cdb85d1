"""The HTTP client: a chain of links around one exchange by `requests` in a thread.

From the outside in: `client` (the services), `chain` (what stands in which order), `links/` (one concern
a file), `wire` (threads and cancellation), `exchange` (what happens in the thread), `adapter` and
`connections` (how `requests` is kept in hand).
"""
