"""The statements of the claims, written down a second time in plain Python for `verify.replay`.

Standard library only, and nothing of the other rooms: a mistake there is not repeated here. Each module has a table
CLAIMS: (claim id, verdict) -> the statement's check, a function of a `Certificate`.
"""
