"""Libraries behind `Primitives`: pycryptodome always, `cryptography` when it is installed.

A third party's is found by an entry point in the group ``tulou.crypto_providers``: a class without
parameters.
"""
