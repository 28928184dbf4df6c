"""What an engineer would write instead, each short, honest and tuned as its documentation advises.

All post a prospect to `POST /enrich`, ask the same provider over plain HTTP with the same key, and
store the provider's answer in the Redis hash `results` with one write. That is less than a job of
Warmcall keeps: no ledger, no facts, no card, no delivery.
"""
